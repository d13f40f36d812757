# Writes biomarker_outcomes_cohorts.csv and biomarker_outcomes_r.csv: made-up cohorts with the ratio of a
# biomarker, and R's Cox models of what follows it.
#
# Run beside this file: Rscript biomarker_outcomes_r.R. Days of the cohorts count from the index date: taken_days
# the biomarker's, end_days that of the event or of the end of follow-up; code 1 event, 2 competing event, 0
# censored. R itself starts the clock on taken_days, leaves out who had ended by then, and makes the standard
# deviation and the tertiles: quantile of type 7 at 1/3 and 2/3, intervals closed on the right.
library(survival)

control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
cohorts <- list()
rows <- list()
add <- function(cohort, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(
    cohort = cohort, quantity = quantity, value = format(value, digits = 15)
  )
}

# The hazard changes with the ratio. `grid` ties ratios, `step` ties days; the share `early` has its event
# before the biomarker or on its day.
cohort <- function(name, n, arms, per_log = 0, rate = 1 / 900, grid = 1e-6, step = 1, early = 0.05) {
  arm <- sample(names(arms), n, replace = TRUE, prob = arms)
  taken_days <- sample(20:200, n, replace = TRUE)
  ratio <- round(pmax(round(exp(rnorm(n, 0.2, 0.5)) / grid), 1) * grid, 6)
  hazard <- rate * exp(per_log * log(ratio) - 0.3 * (arm == "EXERCISE"))
  until_event <- rexp(n, hazard)
  until_death <- rexp(n, rate / 4)
  until_censored <- runif(n, 200, 2500)
  first <- pmin(until_event, until_death, until_censored)
  code <- ifelse(first == until_event, 1, ifelse(first == until_death, 2, 0))
  end_days <- taken_days + ceiling(first / step) * step
  is_early <- runif(n) < early
  end_days[is_early] <- taken_days[is_early] - sample(0:19, sum(is_early), replace = TRUE)
  code[is_early] <- 1
  cohorts[[length(cohorts) + 1]] <<- data.frame(cohort = name, arm, ratio, taken_days, end_days, code)
}

set.seed(40)
two <- c(CONTROL = 0.5, EXERCISE = 0.5)
three <- c(CONTROL = 0.5, EXERCISE = 0.3, YOGA = 0.2)
cohort("two arms", 300, two, per_log = -0.4)
cohort("no effect", 211, two)
cohort("one arm", 151, c(CONTROL = 1), per_log = 0.6)
cohort("three arms", 402, three, per_log = -0.8)
cohort("months", 350, two, per_log = 0.5, step = 61)
cohort("years", 350, three, per_log = 0.5, step = 366)
cohort("coarse ratios", 260, two, per_log = -0.5, grid = 0.1)
cohort("few ratios", 260, three, per_log = 0.3, grid = 0.4, step = 30)
cohort("strong", 500, two, per_log = 3)
cohort("rare", 900, two, per_log = -0.7, rate = 1 / 12000)
cohort("small", 61, two, per_log = 0.5, rate = 1 / 300)
cohort("smaller", 59, c(CONTROL = 1), per_log = 0.5, rate = 1 / 300)
cohort("half are early", 240, two, per_log = 0.4, early = 0.5)
write.csv(do.call(rbind, cohorts), "biomarker_outcomes_cohorts.csv", row.names = FALSE, quote = FALSE)
# So that both sides read the same digits.
everybody <- read.csv("biomarker_outcomes_cohorts.csv")

coefficient <- function(cohort, model, fit, term) {
  table <- summary(fit)
  add(cohort, paste0(model, "_log_hazard_ratio"), fit$coefficients[[term]])
  add(cohort, paste0(model, "_std_error"), table$coefficients[term, "se(coef)"])
  add(cohort, paste0(model, "_p_value"), table$coefficients[term, "Pr(>|z|)"])
  add(cohort, paste0(model, "_hazard_ratio"), table$conf.int[term, "exp(coef)"])
  add(cohort, paste0(model, "_conf_low"), table$conf.int[term, "lower .95"])
  add(cohort, paste0(model, "_conf_high"), table$conf.int[term, "upper .95"])
}

for (name in unique(everybody$cohort)) {
  people <- everybody[everybody$cohort == name, ]
  at_risk <- people[people$end_days > people$taken_days, ]
  at_risk$S <- Surv(at_risk$end_days - at_risk$taken_days, at_risk$code == 1)
  sd_log_ratio <- sd(log(at_risk$ratio))
  at_risk$scaled <- log(at_risk$ratio) / sd_log_ratio
  cuts <- quantile(at_risk$ratio, c(1, 2) / 3, type = 7)
  at_risk$tertile <- cut(at_risk$ratio, c(-Inf, cuts, Inf), labels = c("1", "2", "3"), right = TRUE)
  at_risk$number <- as.numeric(at_risk$tertile)
  adjusted <- if (length(unique(at_risk$arm)) > 1) " + factor(arm)" else ""
  model <- function(covariate) {
    coxph(as.formula(paste0("S ~ ", covariate, adjusted)), at_risk, ties = "efron", control = control)
  }
  add(name, "n", nrow(at_risk))
  add(name, "events", sum(at_risk$code == 1))
  add(name, "n_before_landmark", nrow(people) - nrow(at_risk))
  add(name, "landmark_days", median(at_risk$taken_days))
  add(name, "first_landmark_days", min(at_risk$taken_days))
  add(name, "last_landmark_days", max(at_risk$taken_days))
  add(name, "sd_log_ratio", sd_log_ratio)
  coefficient(name, "per_sd", model("scaled"), "scaled")
  coefficient(name, "tertile_2", model("tertile"), "tertile2")
  coefficient(name, "tertile_3", model("tertile"), "tertile3")
  coefficient(name, "trend", model("number"), "number")
  for (tertile in 1:3) add(name, paste0("n_tertile_", tertile), sum(at_risk$number == tertile))
}

write.csv(do.call(rbind, rows), "biomarker_outcomes_r.csv", row.names = FALSE, quote = FALSE)
