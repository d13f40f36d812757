# R's rows: survival's own functions, timed without the reading. Prints one line a fact, for cells.py.
# Arguments: row, folder of the columns as 32-bit integers, horizon in days, compared days (comma-separated),
# repeats, budget in seconds.
suppressPackageStartupMessages(library(survival))
arguments <- commandArgs(trailingOnly = TRUE)
row <- arguments[1]
horizon <- as.numeric(arguments[3])
days <- as.numeric(strsplit(arguments[4], ",")[[1]])
repeats <- as.integer(arguments[5])
budget <- as.numeric(arguments[6])

column <- function(name) {
  path <- file.path(arguments[2], paste0(name, ".int32"))
  readBin(path, "integer", n = file.size(path) / 4, size = 4)
}
say <- function(name, values) cat(name, formatC(values, digits = 17, format = "g"), "\n")

people <- data.frame(
  arm = column("arm"), stratum = column("stratum"), time = column("time_days"), code = column("code")
)
people$cause <- factor(people$code, 0:2, c("censored", "event", "competing"))

curves <- function() survfit(Surv(time, code == 1) ~ arm, data = people)
estimate <- list(
  "curve with SE" = curves,
  "log-rank, stratified" = function() survdiff(Surv(time, code == 1) ~ arm + strata(stratum), data = people),
  "Cox, stratified" = function() coxph(Surv(time, code == 1) ~ arm + strata(stratum), data = people),
  "RMST with SE" = function() summary(curves(), rmean = horizon)$table,
  "cumulative incidence with SE" = function() survfit(Surv(time, cause) ~ arm, data = people)
)[[row]]

seconds <- numeric(0)
# The first run does not count against the budget; another is made when one as long still fits.
while (length(seconds) == 0 || (length(seconds) < repeats && sum(seconds) <= budget)) {
  started <- proc.time()[["elapsed"]]
  result <- estimate()
  seconds <- c(seconds, proc.time()[["elapsed"]] - started)
}
peak <- grep("VmHWM", readLines("/proc/self/status"), value = TRUE)
say("seconds", seconds)
say("peak_mb", as.numeric(gsub("[^0-9]", "", peak)) / 1024)
if (row == "curve with SE") {
  at <- summary(result, times = days)
  say("number survival", at$surv)
  say("number std_error", at$std.err)
} else if (row == "log-rank, stratified") {
  say("number chisq", result$chisq)
} else if (row == "Cox, stratified") {
  say("number log_hazard_ratio", coef(result))
  say("number std_error", sqrt(diag(vcov(result))))
} else if (row == "RMST with SE") {
  say("number rmst", result[, "rmean"])
  say("number std_error", result[, "se(rmean)"])
} else {
  at <- summary(result, times = days)
  say("number incidence", at$pstate[, 2])
  say("number std_error", at$std.err[, 2])
}
cat("version R", as.character(getRversion()), "with survival", as.character(packageVersion("survival")), "\n")
