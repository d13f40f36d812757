# Reference numbers of normal means with censored values on random samples.
#
#   Rscript censored_normal_r.R        (in this folder; R 4.2.2, survival 3.5-3)
#
# writes censored_normal_samples.csv (bounds of the values of arm x, or of x and y; -inf and inf where there is no bound)
# and censored_normal_r.csv (survreg with rel.tolerance 1e-13; estimate: mean of x, or mean of x less mean of y).

suppressPackageStartupMessages(library(survival))
RNGversion("4.2.2")
set.seed(1978)

samples <- file("censored_normal_samples.csv", "w")
results <- file("censored_normal_r.csv", "w")
cat("sample,arm,low,high\n", file = samples)
cat("sample,quantity,value\n", file = results)
number <- function(x) ifelse(x == -Inf, "-inf", ifelse(x == Inf, "inf", sprintf("%.17g", x)))

# Values below a limit, above a limit or within classes, each of them with its own bounds.
below <- function(y, share) {
  limit <- quantile(y, share) + rnorm(length(y), 0, .3 * sd(y))
  data.frame(low = ifelse(y < limit, -Inf, y), high = ifelse(y < limit, limit, y))
}
above <- function(y, share) {
  mirrored <- below(-y, share)
  data.frame(low = -mirrored$high, high = -mirrored$low)
}
both <- function(y, share) {
  low <- below(y, share / 2)
  high <- above(y, share / 2)
  data.frame(low = ifelse(high$high == Inf, high$low, low$low), high = ifelse(high$high == Inf, Inf, low$high))
}
classes <- function(y, share, width = .5) {
  is_class <- runif(length(y)) < share
  start <- floor(y / width) * width
  data.frame(low = ifelse(is_class, start, y), high = ifelse(is_class, start + width, y))
}
narrow <- function(y, share) classes(y, share, .001)
everything <- function(y, share) {
  kept <- classes(y, share / 2)
  cut <- both(y, share / 2)
  is_cut <- cut$low == -Inf | cut$high == Inf
  kept[is_cut, ] <- cut[is_cut, ]
  kept
}
measured <- function(y, share) data.frame(low = y, high = y)
one_limit <- function(y, share) {
  limit <- sort(y)[max(1, floor(length(y) * share))]
  data.frame(low = ifelse(y <= limit, -Inf, y), high = pmax(y, limit))
}
hides <- list(below = below, above = above, both = both, classes = classes, narrow = narrow, everything = everything,
  measured = measured, one_limit = one_limit)

enough <- function(bounds, arm) {
  exact <- bounds$low == bounds$high
  sum(exact) >= 3 && all(tapply(exact, arm, sum) >= 2)
}
fitted <- function(sample, arm, bounds) {
  times <- Surv(ifelse(bounds$low == -Inf, NA, bounds$low), ifelse(bounds$high == Inf, NA, bounds$high), type = "interval2")
  control <- survreg.control(maxiter = 500, rel.tolerance = 1e-13, toler.chol = 1e-14)
  model <- if (any(arm == "y")) times ~ I(arm == "x") else times ~ 1
  fit <- survreg(model, dist = "gaussian", control = control)
  estimate <- unname(tail(coef(fit), 1))
  error <- unname(sqrt(diag(fit$var))[length(coef(fit))])
  told <- c(estimate = estimate, std_error = error, low = estimate + qnorm(.025) * error,
    high = estimate + qnorm(.975) * error, p = 2 * pnorm(-abs(estimate / error)), iterations = fit$iter)
  cat(paste0(sample, ",", arm, ",", number(bounds$low), ",", number(bounds$high), "\n"), sep = "", file = samples)
  cat(paste0(sample, ",", names(told), ",", sprintf("%.17g", told), "\n"), sep = "", file = results)
}
fit_one <- function(hide, n, share, arms, mean, sd) {
  repeat {
    arm <- if (arms == 1) rep("x", n) else sample(c("x", "y"), n, TRUE)
    y <- rnorm(n, mean + (arm == "x") * .6 * sd, sd)
    bounds <- hides[[hide]](y, share)
    if (enough(bounds, arm) && (arms == 1 || length(unique(arm)) == 2)) break
  }
  fitted(paste(hide, arms, n, share, mean, sep = "_"), arm, bounds)
}
for (arms in 1:2) for (hide in names(hides)) {
  fit_one(hide, 8, .3, arms, .2, .8)
  fit_one(hide, 15, .5, arms, 40, 12)
  fit_one(hide, 40, .2, arms, 0, 1)
  fit_one(hide, 60, .75, arms, -2, .01)
  fit_one(hide, 90, .9, arms, 1, 2)
}
close(samples)
close(results)
