# Reference numbers on competing risks for random cohorts with many ties.
#
#   Rscript competing_risks_r.R        (in this folder; R 4.2.2, survival 3.5-3, cmprsk 2.2-11)
#
# writes competing_risks_cohorts.csv (the cohorts, as counts), competing_risks_effects_r.csv (crr, cuminc and
# coxph) and competing_risks_incidence_r.csv (survfit). code: 0 censored, 1 event, 2 competing event.

suppressMessages(library(cmprsk))
library(survival)
RNGversion("4.2.2")
set.seed(1988)

cohort <- function(n, days, codes = c(.4, .35, .25), experimental = .5, origin = 1, entry = 0) {
  entered <- if (entry > 0) sample(0:entry, n, TRUE) else rep(0, n)
  data.frame(
    arm = ifelse(runif(n) < experimental, "B", "A"),
    entry_days = entered,
    time_days = entered + floor(rexp(n, 1 / days)) + origin,
    code = sample(0:2, n, TRUE, codes)
  )
}
last_is <- function(people, code) {
  people$code[people$time_days == max(people$time_days)] <- code
  people
}
has_events_in_both_arms <- function(people) {
  all(c("A", "B") %in% people$arm[people$code == 1])
}
drawn <- function(make) {
  repeat {
    people <- make()
    if (has_events_in_both_arms(people)) return(people)
  }
}
repeated <- function(times, make) lapply(seq_len(times), function(i) drawn(make))

cohorts <- c(
  repeated(4, function() cohort(300, 40)),
  repeated(4, function() cohort(200, 3)),
  repeated(4, function() cohort(60, 10)),
  repeated(4, function() cohort(120, 15, c(.85, .06, .09))),
  repeated(4, function() cohort(150, 10, experimental = .1)),
  repeated(2, function() cohort(150, 10, experimental = .95)),
  repeated(2, function() cohort(100, 8, c(0, .5, .5))),
  repeated(2, function() cohort(100, 8, c(.5, .5, 0))),
  repeated(2, function() cohort(100, 8, c(.3, .1, .6))),
  repeated(2, function() last_is(cohort(80, 6), 1)),
  repeated(2, function() last_is(cohort(80, 6), 2)),
  repeated(2, function() last_is(cohort(80, 6), 0)),
  repeated(4, function() cohort(100, 4, origin = 0)),
  repeated(2, function() cohort(14, 4))
)
delayed <- c(
  list(cohort(200, 40, c(.3, .5, .2), entry = 30)),
  list(cohort(200, 40, c(.3, .5, .2), entry = 60)),
  list(cohort(1000, 40, c(.3, .5, .2), entry = 60)),
  # Small ones: entries on the days of others' exits, days on which nobody is at risk, everybody's end early on.
  list(cohort(60, 6, entry = 10)),
  list(cohort(40, 3, c(.1, .5, .4), entry = 12)),
  list(cohort(40, 2, c(.5, .3, .2), entry = 30)),
  list(cohort(20, 2, c(.2, .3, .5), entry = 15)),
  list(last_is(cohort(12, 2, c(.2, .6, .2), entry = 12), 1)),
  list(cohort(60, 6, c(.4, .6, 0), entry = 10))
)

# crr at its defaults: the figure it prints.
fitted <- function(people) {
  fit <- crr(people$time_days, people$code, cbind(as.numeric(people$arm == "B")))
  stopifnot(fit$converged)
  fit
}

effects <- function(name, people) {
  fit <- fitted(people)
  test <- cuminc(people$time_days, people$code, people$arm)$Tests["1", ]
  cox <- coxph(Surv(time_days, code == 1) ~ I(arm == "B"), people, control = coxph.control(eps = 1e-12, toler.chol = 1e-13))
  breslow <- update(cox, ties = "breslow")
  data.frame(
    cohort = name,
    quantity = c(
      "fine_gray_beta", "fine_gray_se", "gray_chisq", "gray_p",
      "cause_specific_beta", "cause_specific_se", "cause_specific_beta_breslow"
    ),
    value = c(
      fit$coef, sqrt(fit$var[1, 1]), test[["stat"]], pchisq(test[["stat"]], 1, lower.tail = FALSE),
      coef(cox), sqrt(vcov(cox)[1, 1]), coef(breslow)
    )
  )
}

incidences <- function(name, people) {
  people <- people[people$arm == "A", ]
  people$state <- factor(people$code, 0:2, c("censored", "event", "competing"))
  people$id <- seq_len(nrow(people))
  from <- if (all(people$entry_days == 0)) Surv(people$time_days, people$state) else
    Surv(people$entry_days, people$time_days, people$state)
  fits <- lapply(c("log", "log-log", "plain"), function(scale) survfit(from ~ 1, id = people$id, conf.type = scale))
  do.call(rbind, lapply(c("event", "competing"), function(outcome) {
    column <- match(outcome, fits[[1]]$states)
    data.frame(
      cohort = name, outcome = outcome, time_days = fits[[1]]$time,
      cumulative_incidence = fits[[1]]$pstate[, column], std_error = fits[[1]]$std.err[, column],
      conf_low = fits[[1]]$lower[, column], conf_high = fits[[1]]$upper[, column],
      conf_low_log_log = fits[[2]]$lower[, column], conf_high_log_log = fits[[2]]$upper[, column],
      conf_low_plain = fits[[3]]$lower[, column], conf_high_plain = fits[[3]]$upper[, column]
    )
  }))
}

counted <- function(name, people) {
  people$n <- 1
  counts <- aggregate(n ~ arm + entry_days + time_days + code, people, sum)
  data.frame(cohort = name, counts[order(counts$arm, counts$entry_days, counts$time_days, counts$code), ])
}

write_rows <- function(parts, path) {
  rows <- do.call(rbind, parts)
  numbers <- vapply(rows, is.numeric, TRUE)
  rows[numbers] <- lapply(rows[numbers], function(x) ifelse(is.na(x), "", sprintf("%.15g", x)))
  write.csv(rows, path, row.names = FALSE, quote = FALSE)
}

names(cohorts) <- sprintf("c%02d", seq_along(cohorts))
names(delayed) <- sprintf("delayed%d", seq_along(delayed))
everybody <- c(cohorts, delayed)
few <- everybody[c("c01", "c05", "c09", "c13", "c23", "c25", "c29", "c35", names(delayed))]
write_rows(Map(counted, names(everybody), everybody), "competing_risks_cohorts.csv")
write_rows(Map(effects, names(cohorts), cohorts), "competing_risks_effects_r.csv")
suppressWarnings(write_rows(Map(incidences, names(few), few), "competing_risks_incidence_r.csv"))
