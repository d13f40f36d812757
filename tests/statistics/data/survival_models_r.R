# Writes survival_models_r.csv: reference numbers of R's survival package for models of the arm.
#
# Run beside this file: Rscript survival_models_r.R. `colon` is the Moertel trial as the package holds it;
# late_entry_cohort.csv is written here as well, from a fixed seed, so that both sides read the same days.
library(survival)

control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
rows <- list()
add <- function(quantity, scope, value) {
  rows[[length(rows) + 1]] <<- data.frame(quantity = quantity, scope = scope, value = format(value, digits = 15))
}

# The first coefficient is the arm's; `term` is its row of the test of proportional hazards.
model <- function(scope, formula, data) {
  for (ties in c("efron", "breslow")) {
    fit <- coxph(formula, data, ties = ties, control = control, model = TRUE)
    zph <- cox.zph(fit, transform = "km")$table
    add(paste0("beta_", ties), scope, fit$coefficients[["arm"]])
    add(paste0("se_", ties), scope, sqrt(fit$var[1, 1]))
    add(paste0("zph_chisq_", ties), scope, zph["arm", "chisq"])
    add(paste0("zph_p_", ties), scope, zph["arm", "p"])
  }
  add("n", scope, fit$n)
  add("events", scope, fit$nevent)
}

interaction_of <- function(scope, data) {
  for (ties in c("efron", "breslow")) {
    main <- coxph(S ~ arm + factor(level), data, ties = ties, control = control)
    full <- coxph(S ~ arm * factor(level), data, ties = ties, control = control)
    add(paste0("interaction_p_", ties), scope, anova(main, full)[2, 4])
  }
}

subgroup <- function(scope, data) {
  data <- data[!is.na(data$level), ]
  for (level in sort(unique(data$level))) {
    part <- data[data$level == level, ]
    model(paste0(scope, "/", level), S ~ arm, part)
    if (attr(part$S, "type") == "right") {
      add("logrank_chisq", paste0(scope, "/", level), survdiff(S ~ arm, part)$chisq)
    }
  }
  interaction_of(scope, data)
}

medians <- function(scope, data) {
  for (type in c("log", "log-log", "plain")) {
    table <- summary(survfit(S ~ 1, data, conf.type = type))$table
    add(paste0("median_low_", type), scope, table[["0.95LCL"]])
    add(paste0("median_high_", type), scope, table[["0.95UCL"]])
  }
  add("median", scope, table[["median"]])
}

limits <- function(scope, data, days) {
  for (type in c("log", "log-log", "plain")) {
    at <- summary(survfit(S ~ 1, data, conf.type = type), times = days, extend = TRUE)
    for (i in seq_along(days)) {
      add(paste0("low_", type), paste0(scope, "@", days[i]), at$lower[i])
      add(paste0("high_", type), paste0(scope, "@", days[i]), at$upper[i])
    }
  }
  for (i in seq_along(days)) {
    add("survival", paste0(scope, "@", days[i]), at$surv[i])
    add("survival_se", paste0(scope, "@", days[i]), at$std.err[i])
    add("n_at_risk", paste0(scope, "@", days[i]), at$n.risk[i])
  }
}

difference <- function(quantity, scope, values, errors) {
  estimate <- values[2] - values[1]
  error <- sqrt(sum(errors^2))
  add(quantity, scope, estimate)
  add(paste0(quantity, "_se"), scope, error)
  add(paste0(quantity, "_p"), scope, 2 * pnorm(-abs(estimate / error)))
}

differences <- function(scope, data, days, horizon) {
  fit <- survfit(S ~ arm, data)
  for (day in days) {
    at <- summary(fit, times = day)
    difference("landmark_difference", paste0(scope, "@", day), at$surv, at$std.err)
  }
  table <- summary(fit, rmean = horizon)$table
  difference("rmst_difference", scope, table[, "rmean"], table[, "se(rmean)"])
}

recurrence <- colon[colon$etype == 1, ]
death <- colon[colon$etype == 2, ]
stopifnot(all(recurrence$id == death$id))
people <- death
first_day <- ifelse(recurrence$status == 1, recurrence$time, death$time)
outcomes <- list(
  OS = Surv(death$time, death$status),
  DFS_CHALLENGE = Surv(first_day, pmax(recurrence$status, death$status)),
  TIME_TO_RECURRENCE = Surv(first_day, recurrence$status)
)
arms <- c(LEV5FU = "Lev+5FU", LEV = "Lev")

for (endpoint in names(outcomes)) {
  for (experimental in names(arms)) {
    scope <- paste0(endpoint, "/", experimental)
    kept <- people$rx %in% c("Obs", arms[[experimental]])
    data <- people[kept, ]
    data$S <- outcomes[[endpoint]][kept]
    data$arm <- as.numeric(data$rx == arms[[experimental]])
    model(paste0(scope, "/unadjusted"), S ~ arm, data)
    model(paste0(scope, "/stratified"), S ~ arm + strata(extent, node4), data)
    model(paste0(scope, "/age+extent+node4"), S ~ arm + age + factor(extent) + factor(node4), data)
    model(paste0(scope, "/sex+age+differ"), S ~ arm + factor(sex) + age + factor(differ), data)
    data$level <- data$sex
    subgroup(paste0(scope, "/sex"), data)
    data$level <- data$differ
    subgroup(paste0(scope, "/differ"), data)
    differences(scope, data, c(365.25, 1095.75, 1826.25), 1826.25)
  }
  for (arm in c("Obs", "Lev", "Lev+5FU")) {
    kept <- people$rx == arm
    data <- people[kept, ]
    data$S <- outcomes[[endpoint]][kept]
    medians(paste0(endpoint, "/", arm), data)
  }
}

set.seed(20)
n <- 400
entry <- pmax(0, round(runif(n, -60, 120)))
x <- round(rnorm(n, 50, 12), 1)
g <- sample(c("a", "b", "c"), n, replace = TRUE, prob = c(0.5, 0.3, 0.2))
arm <- rbinom(n, 1, 0.5)
stay <- 1 + floor(rexp(n, 0.006 * exp(0.02 * (x - 50) + 0.5 * (g == "c") - 0.4 * arm)) / 5) * 5
stop <- entry + pmin(stay, 365)
status <- as.numeric(stay < 365 & runif(n) < 0.8)
late <- data.frame(arm, entry, stop, status, x, g)
write.csv(late, "late_entry_cohort.csv", row.names = FALSE, quote = FALSE)

late$S <- Surv(late$entry, late$stop, late$status)
model("late/unadjusted", S ~ arm, late)
model("late/stratified", S ~ arm + strata(g), late)
model("late/x+g", S ~ arm + x + factor(g), late)
late$level <- late$g
subgroup("late/g", late)
differences("late", late, c(100, 200), 300)
for (arm in 0:1) {
  part <- late[late$arm == arm, ]
  medians(paste0("late/", arm), part)
  limits(paste0("late/", arm), part, c(30, 100, 200))
}

# Where the scales end: survival of 1 and of 0, where it stays after the last exit.
ends <- data.frame(time = c(1, 2, 2, 3, 4))
ends$S <- Surv(ends$time, c(0, 1, 0, 1, 1))
medians("ends", ends)
limits("ends", ends, c(1, 2, 3, 4, 6))

# The same cohort with sparse levels, where some coefficients are infinite, of which R warns: an arm without
# events in level c, an arm without participants in it, level c without events, the reference a without events,
# level c of one participant whose event is the first, and an eventless arm (c), one arm only (d) and no events
# (e) at once. survival_models_sparse.csv holds them. From the origin everybody's time starts on day 0.
sparse <- late[c("arm", "entry", "stop", "status", "x")]
number <- seq_len(nrow(sparse))
halves <- ifelse(number %% 2 == 0, "a", "b")
censored <- sparse$status == 0
sparse$eventless_arm <- ifelse(number %% 7 == 0 & (sparse$arm == 0 | censored), "c", halves)
sparse$one_arm <- ifelse(number %% 5 == 0 & sparse$arm == 0, "c", halves)
sparse$eventless <- ifelse(number %% 3 == 0 & censored, "c", halves)
sparse$eventless_reference <- ifelse(number %% 3 == 0 & censored, "a", ifelse(number %% 2 == 0, "b", "c"))
first <- which(sparse$status == 1)[which.min(sparse$stop[sparse$status == 1])]
sparse$first_event <- ifelse(number == first, "c", halves)
sparse$every <- ifelse(
  number %% 3 == 0 & censored, "e", ifelse(sparse$one_arm == "c", "d", sparse$eventless_arm)
)
write.csv(sparse, "survival_models_sparse.csv", row.names = FALSE, quote = FALSE)

# With more steps the coefficients on their way to infinity meet coxph's rounding and turn NA.
control$iter.max <- 25
with_events <- function(data) data[data$level %in% data$level[data$status == 1], ]
for (entry in c("late", "origin")) {
  sparse$S <- if (entry == "late") late$S else Surv(sparse$stop - sparse$entry, sparse$status)
  for (factor in c("eventless_arm", "one_arm", "eventless", "eventless_reference", "first_event", "every")) {
    sparse$level <- sparse[[factor]]
    interaction_of(paste0("sparse/", entry, "/", factor), with_events(sparse))
  }
  for (factor in c("eventless", "eventless_reference", "every")) {
    sparse$level <- sparse[[factor]]
    scope <- paste0("sparse/", entry, "/x+", factor)
    model(scope, S ~ arm + x + factor(level), with_events(sparse))
    for (ties in c("efron", "breslow")) {
      fit <- coxph(S ~ arm + x + factor(level), sparse, ties = ties, control = control)
      add(paste0("beta_with_everybody_", ties), scope, fit$coefficients[["arm"]])
      add(paste0("se_with_everybody_", ties), scope, sqrt(fit$var[1, 1]))
    }
  }
}

write.csv(do.call(rbind, rows), "survival_models_r.csv", row.names = FALSE, quote = FALSE)
