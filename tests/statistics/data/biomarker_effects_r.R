# Numbers of the t-based effects on biomarkers: Rscript biomarker_effects_r.R, in this folder (R 4.2.2, base only).
# Writes
# - biomarker_effects_pairs.csv: random arms, results rounded as laboratories do, so with ties; empty is missing;
# - landers_ramos_il6.csv: IL-6 of the 50 km run (doi 10.7910/DVN/B6YPF0, CC0), mean of the duplicates as reported;
# - biomarker_effects_r.csv: estimates, standard errors, 95 % intervals and p-values of both. Fieller's limits are
#   the ratios r at which t.test's statistic of value - r * baseline crosses its 5 % point, found by uniroot; empty
#   where they do not exist;
# - student_t_r.csv: two-sided tails by pt, 97.5 % points by qt;
# - p_adjust_r.csv: p.adjust.
options(digits = 17)
set.seed(20241)

save <- function(frame, file) {
  numbers <- sapply(frame, is.numeric)
  frame[numbers] <- lapply(frame[numbers], function(x) ifelse(is.na(x), "", format(x, digits = 17, trim = TRUE)))
  write.csv(frame, file, row.names = FALSE, quote = FALSE, na = "")
}

# cohort, arm, pairs, mean log ratio, SD of log baselines, SD of log ratios, further baselines, further values, digits
designs <- read.table(header = TRUE, text = "
  cohort  arm n    ratio sd   change more_b more_v digits
  tiny    EX  2    0.4   0.5  0.3    0      0      3
  tiny    HE  3    0.0   0.5  0.3    1      2      3
  small   EX  8    0.5   0.8  0.4    3      0      1
  small   HE  9    0.1   0.8  0.2    0      4      1
  middle  EX  30   0.2   0.6  0.5    5      2      2
  middle  HE  28   0.0   0.6  0.4    1      0      2
  falling EX  16   -0.6  0.3  0.2    0      0      2
  falling HE  14   -0.1  0.3  0.2    0      1      2
  steep   EX  7    3.5   1.5  1.2    2      0      2
  steep   HE  6    0.2   1.5  1.0    0      0      2
  weak    EX  4    0.3   3.0  0.5    0      0      4
  weak    HE  5    0.1   3.0  0.5    0      0      4
  large   EX  700  0.03  0.9  0.4    40     10     2
  large   HE  650  0.0   0.9  0.4    20     30     2")
arms <- lapply(split(designs, seq_len(nrow(designs))), function(d) {
  total <- d$n + d$more_b + d$more_v
  log_baseline <- rnorm(total, 0.7, d$sd)
  baseline <- pmax(round(exp(log_baseline), d$digits), 10^-d$digits)
  value <- pmax(round(exp(log_baseline + rnorm(total, d$ratio, d$change)), d$digits), 10^-d$digits)
  value[seq_len(total) > d$n & seq_len(total) <= d$n + d$more_b] <- NA
  baseline[seq_len(total) > d$n + d$more_b] <- NA
  data.frame(cohort = d$cohort, arm = d$arm, baseline, value)
})
pairs <- do.call(rbind, arms)
save(pairs, "biomarker_effects_pairs.csv")

run <- "../../../seeds/studies/landers_ramos_50km"
samples <- read.csv(file.path(run, "samples.csv"))
wells <- subset(read.csv(file.path(run, "assay_results.csv")), analyte_id == "IL6")
means <- aggregate(value ~ sample_id, transform(wells, value = as.numeric(result_text)), mean)
il6 <- merge(means, samples)[c("participant_id", "timepoint", "value")]
il6 <- il6[order(il6$participant_id, il6$timepoint), ]
save(il6, "landers_ramos_il6.csv")
before <- subset(il6, timepoint == "pre")
runs <- lapply(c("lap_10km", "finish", "recovery_24h"), function(timepoint) {
  after <- il6[il6$timepoint == timepoint, c("participant_id", "value")]
  both <- merge(data.frame(participant_id = before$participant_id, baseline = before$value), after, all = TRUE)
  data.frame(cohort = timepoint, arm = "RUN50K", both[c("baseline", "value")])
})
pairs <- rbind(pairs, do.call(rbind, runs))

results <- list()
say <- function(cohort, arm, estimator, figures) {
  results[[length(results) + 1]] <<- data.frame(cohort, arm, estimator, quantity = names(figures), value = figures)
}
figures <- function(estimate, std_error, ends, p) {
  setNames(c(estimate, std_error, ends, p), c("estimate", "std_error", "conf_low", "conf_high", "p_value"))
}
of_test <- function(test, estimate) figures(estimate, test$stderr, test$conf.int, test$p.value)
of_logs <- function(test, estimate) figures(exp(estimate), test$stderr, exp(test$conf.int), test$p.value)

# The ratios at which a falling statistic is t and -t; none when the mean baseline itself is within t errors of 0.
limits <- function(statistic, estimate, t, baseline_t) {
  if (baseline_t <= t) return(c(NA, NA))
  root <- function(direction) {
    away <- estimate + direction * abs(estimate)
    while (abs(statistic(away)) < t) away <- estimate + 2 * (away - estimate)
    uniroot(function(r) statistic(r) + direction * t, sort(c(estimate, away)), tol = 1e-15, maxiter = 10000)$root
  }
  c(root(-1), root(1))
}
percent <- function(ratio) 100 * (ratio - 1)

change_of_means <- function(baseline, value, paired) {
  estimate <- mean(value) / mean(baseline)
  error <- function(r) {
    if (paired) sd(value - r * baseline) / sqrt(length(value))
    else sqrt(var(value) / length(value) + r^2 * var(baseline) / length(baseline))
  }
  statistic <- function(r) (mean(value) - r * mean(baseline)) / error(r)
  degrees <- length(value) - 1
  if (!paired) degrees <- unname(t.test(value, estimate * baseline)$parameter)
  baseline_t <- mean(baseline) / sd(baseline) * sqrt(length(baseline))
  ends <- limits(statistic, estimate, qt(0.975, degrees), baseline_t)
  figures(percent(estimate), 100 * error(estimate) / mean(baseline), percent(ends),
    t.test(value, baseline, paired = paired)$p.value)
}

for (cohort in unique(pairs$cohort)) {
  members <- pairs[pairs$cohort == cohort, ]
  for (arm in unique(members$arm)) {
    all <- members[members$arm == arm, ]
    both <- na.omit(all)
    ratios <- t.test(log(both$value / both$baseline))
    say(cohort, arm, "paired_geometric_mean_ratio", of_logs(ratios, ratios$estimate))
    difference <- t.test(both$value, both$baseline, paired = TRUE)
    say(cohort, arm, "paired_mean_difference", of_test(difference, difference$estimate))
    say(cohort, arm, "paired_change_of_means", change_of_means(both$baseline, both$value, TRUE))
    say(cohort, arm, "unpaired_change_of_means",
      change_of_means(as.numeric(na.omit(all$baseline)), as.numeric(na.omit(all$value)), FALSE))
  }
  both <- na.omit(members)
  if (length(unique(both$arm)) < 2) next
  ex <- both[both$arm == "EX", ]
  he <- both[both$arm == "HE", ]
  ratios <- t.test(log(ex$value / ex$baseline), log(he$value / he$baseline))
  say(cohort, "EX", "ratio_of_geometric_mean_ratios", of_logs(ratios, ratios$estimate[1] - ratios$estimate[2]))
  changes <- t.test(ex$value - ex$baseline, he$value - he$baseline)
  say(cohort, "EX", "difference_of_mean_changes", of_test(changes, changes$estimate[1] - changes$estimate[2]))
  fit <- lm(log(value) ~ I(arm == "EX") + log(baseline), data = both)
  arm_row <- summary(fit)$coefficients[2, ]
  say(cohort, "EX", "ancova_on_logs",
    figures(exp(arm_row[1]), arm_row[2], exp(confint(fit)[2, ]), arm_row[4]))
}
save(do.call(rbind, results), "biomarker_effects_r.csv")

degrees <- c(1, 1.37, 2, 2.5, 3, 4.75, 7, 12.5, 29, 31.5, 32, 60.25, 119, 777.7, 4998, 1e5)
t <- c(1e-9, 0.001, 0.1, 0.7, 1, 1.25, 1.6, 1.73, 1.74, 1.96, 2.5, 4, 6, 9, 14, 25, 36, 60, 250, 1e4, 1e7)
grid <- expand.grid(t = t, degrees = degrees)
grid$p <- 2 * pt(grid$t, grid$degrees, lower.tail = FALSE)
grid$point_975 <- qt(0.975, grid$degrees)
save(grid, "student_t_r.csv")

families <- list(one = 0.03, ties = c(0.04, 0.01, 0.04, 0.2, 0.01), missing = c(NA, 0.5, 0.001, NA, 0.02),
  none = c(NA, NA), ends = c(1, 0, 1e-300, 0.9), many = c(runif(40), rbeta(20, 0.1, 2)))
save(do.call(rbind, lapply(names(families), function(family) data.frame(family, p = families[[family]],
  holm = p.adjust(families[[family]], "holm"), bh = p.adjust(families[[family]], "BH")))), "p_adjust_r.csv")
