# Numbers of rates_r.csv: Rscript rates_r.R > rates_r.csv (R 4.2.2, survival 3.5-3). Tidy rows: quantity, scope, arm,
# at, value. Times are days, rates per 1000 person-years of 365.25 days.
suppressPackageStartupMessages(library(survival))
options(digits = 17)

say <- function(quantity, scope, arm, at, value) {
  cat(paste(quantity, scope, arm, at, ifelse(is.na(value), "NA", format(value, digits = 17, trim = TRUE)),
    sep = ","), sep = "\n")
}
cat("quantity,scope,arm,at,value\n")

# Exact Poisson intervals of a count in one unit of time.
counts <- c(0:16, 29:31, 49:51, 75, 100, 250, 999, 1000, 2500, 2999:3001, 9999, 10000, 1e5, 1e6, 1e7)
for (n in counts) {
  ends <- poisson.test(n, T = 1)$conf.int
  say("poisson_low", "", "", format(n, scientific = FALSE), ends[1])
  say("poisson_high", "", "", format(n, scientific = FALSE), ends[2])
}

# The Moertel trial: everybody from randomisation on (on_time), and with an entry that is delayed (late): a day that
# follows from the participant's number, for those who are followed longer than that.
arms <- c("Obs" = "OBS", "Lev" = "LEV", "Lev+5FU" = "LEV5FU")
recurrence <- subset(colon, etype == 1)
death <- subset(colon, etype == 2)
stopifnot(all(recurrence$id == death$id))
trial <- data.frame(id = death$id, arm = arms[as.character(death$rx)], relapsed_on = recurrence$time,
  relapsed = recurrence$status == 1, died_on = death$time, died = death$status == 1)
late <- (trial$id * 37) %% 1500

yearly <- function(scope, start, stop, event) {
  follow_up <- data.frame(arm = trial$arm, start = start, stop = stop, event = event)
  last <- ceiling(max(stop) / 365.25)
  pieces <- survSplit(Surv(start, stop, event) ~ arm, data = follow_up, cut = 365.25 * seq_len(last), episode = "year")
  for (arm in arms) for (year in seq_len(ceiling(max(stop[trial$arm == arm]) / 365.25))) {
    here <- pieces[pieces$arm == arm & pieces$year == year, ]
    time <- sum(here$stop - here$start)
    say("person_days", scope, arm, year, time)
    say("n_event", scope, arm, year, sum(here$event))
    if (time > 0) {
      test <- poisson.test(sum(here$event), T = time / 365250)
      say("rate", scope, arm, year, unname(test$estimate))
      say("rate_low", scope, arm, year, test$conf.int[1])
      say("rate_high", scope, arm, year, test$conf.int[2])
    }
  }
}
yearly("OS", rep(0, nrow(trial)), trial$died_on, trial$died)
yearly("OS late", ifelse(late < trial$died_on, late, 0), trial$died_on, trial$died)
first_on <- ifelse(trial$relapsed, trial$relapsed_on, trial$died_on)
yearly("TIME_TO_RECURRENCE", rep(0, nrow(trial)), first_on, trial$relapsed)

# Survival after recurrence. Late: at risk from the entry on when that is after the recurrence. survfit cannot start a
# stay on the day it ends, so deaths on the day of recurrence are moved by a thousandth of a day in both versions.
after <- function(scope, entry) {
  relapsed <- trial[trial$relapsed, ]
  start <- pmax(0, entry[trial$relapsed] - relapsed$relapsed_on)
  stop <- relapsed$died_on - relapsed$relapsed_on
  seen <- start == 0 | start < stop
  relapsed <- relapsed[seen, ]
  start <- start[seen]
  stop <- pmax(stop[seen], 0.001)
  for (arm in arms) {
    here <- relapsed$arm == arm
    fit <- survfit(Surv(start[here], stop[here], relapsed$died[here]) ~ 1)
    reverse <- survfit(Surv(start[here], stop[here], !relapsed$died[here]) ~ 1)
    medians <- summary(fit)$table
    say("after_n", scope, arm, "", sum(here))
    say("after_events", scope, arm, "", sum(relapsed$died[here]))
    say("after_person_days", scope, arm, "", sum(floor(stop[here]) - start[here]))
    say("after_median", scope, arm, "", medians["median"])
    say("after_median_low", scope, arm, "", medians["0.95LCL"])
    say("after_median_high", scope, arm, "", medians["0.95UCL"])
    say("after_reverse_median", scope, arm, "", summary(reverse)$table["median"])
    days <- c(30, 100, 365, 730, 1000, 1500)
    at <- summary(fit, times = days, extend = TRUE)
    for (k in seq_along(days)) {
      say("after_survival", scope, arm, days[k], at$surv[k])
      say("after_std_error", scope, arm, days[k], at$std.err[k])
      say("after_low", scope, arm, days[k], at$lower[k])
      say("after_high", scope, arm, days[k], at$upper[k])
    }
  }
}
after("on time", rep(0, nrow(trial)))
after("late", ifelse(late < trial$died_on, late, 0))
