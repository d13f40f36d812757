# Reference numbers of rank tests and their intervals on random samples.
#
#   Rscript ranks_r.R        (in this folder; R 4.2.2)
#
# writes ranks_samples.csv (the samples: changes x of one arm, or x and y of two) and ranks_r.csv (wilcox.test,
# binom.test and the order statistics that qbinom gives). tol.root is 1e-12 where wilcox.test would search a limit to
# 1e-4 (its default is `default_low`, `default_high`). middle_low and middle_high are the two middle Walsh averages or
# differences: in between the standardised statistic can be 0, and R's estimate is any point of it.
# level: of an exact interval the one it has, else the one that wilcox.test says, but 0 for samples so small that not
# even a shift by 1000 has P <= .05: there wilcox.test gives the range of all differences and says 95 %.

RNGversion("4.2.2")
set.seed(1945)

normal <- function(n) rnorm(n, .3)
skewed <- function(n) rexp(n)^3 - .4
tied <- function(n) round(rnorm(n, .2), 1)
with_zeros <- function(n) ifelse(runif(n) < .15, 0, rnorm(n, .3))
counts <- function(n) rpois(n, 2) - 1
log_ratios <- function(n) log(sample(1:30, n, TRUE) / sample(1:20, n, TRUE))
small_ratios <- function(n) log(sample(1:4, n, TRUE) / sample(1:4, n, TRUE))
constant <- function(n) rep(log(2), n)
two_values <- function(n) sample(c(.25, 1), n, TRUE)
nothing <- function(n) rep(0, n)
kinds <- list(normal = normal, skewed = skewed, tied = tied, with_zeros = with_zeros, counts = counts,
  log_ratios = log_ratios, small_ratios = small_ratios, constant = constant, two_values = two_values, nothing = nothing)

samples <- file("ranks_samples.csv", "w")
results <- file("ranks_r.csv", "w")
cat("sample,arm,value\n", file = samples)
cat("sample,quantity,value\n", file = results)
number <- function(x) ifelse(is.na(x), "NA", sprintf("%.17g", x))
keep <- function(sample, arm, values) cat(paste0(sample, ",", arm, ",", number(values), "\n"), sep = "", file = samples)
say <- function(sample, ...) {
  told <- c(...)
  cat(paste0(sample, ",", names(told), ",", number(told), "\n"), sep = "", file = results)
}
# wilcox.test stops when it is asked for an interval of samples that have one value each.
tested <- function(...) suppressWarnings(
  tryCatch(wilcox.test(..., conf.int = TRUE), error = function(e) wilcox.test(...)))

describe <- function(sample, precise, default, middle, exact_level, reachable = TRUE) {
  exact <- as.numeric(grepl("exact", precise$method))
  interval <- if (is.null(precise$conf.int)) structure(c(NA, NA), conf.level = 0) else precise$conf.int
  wide <- if (is.null(default$conf.int)) c(NA, NA) else default$conf.int
  estimate <- if (is.null(precise$estimate)) NA else unname(precise$estimate)
  level <- if (exact) exact_level else if (reachable) attr(interval, "conf.level") else 0
  say(sample, exact = exact, p = precise$p.value, estimate = estimate, low = interval[1], high = interval[2],
    default_low = wide[1], default_high = wide[2], level = level, middle_low = middle[1], middle_high = middle[2])
}
middle_two <- function(values) {
  n <- length(values)
  if (n) sort(values)[c((n + 1) %/% 2, n %/% 2 + 1)] else c(NA, NA)
}

one_arm <- function(sample, x) {
  keep(sample, "x", x)
  changed <- x[x != 0]
  walsh <- outer(changed, changed, "+")
  n <- length(x)
  rank <- qsignrank(.025, n)
  describe(sample, tested(x, tol.root = 1e-12), tested(x), middle_two(walsh[!lower.tri(walsh)] / 2),
    if (rank > 0) 1 - 2 * psignrank(rank - 1, n) else 0)
  rank <- qbinom(.025, n, .5)
  ends <- if (rank > 0) sort(x)[c(rank, n + 1 - rank)] else c(NA, NA)
  say(sample, median = median(x), median_low = ends[1], median_high = ends[2],
    median_level = if (rank > 0) 1 - 2 * pbinom(rank - 1, n, .5) else NA,
    sign_p = if (length(changed)) binom.test(sum(x > 0), length(changed))$p.value else NA)
}
two_arms <- function(sample, x, y) {
  keep(sample, "x", x)
  keep(sample, "y", y)
  rank <- qwilcox(.025, length(x), length(y))
  describe(sample, tested(x, y, tol.root = 1e-12), tested(x, y), middle_two(outer(x, y, "-")),
    if (rank > 0) 1 - 2 * pwilcox(rank - 1, length(x), length(y)) else 0,
    isTRUE(suppressWarnings(wilcox.test(x + 1000, y))$p.value <= .05))
}

for (n in c(1:12, 15, 20, 30, 49, 50, 80)) for (kind in names(kinds)) {
  if (kind %in% c("constant", "nothing") && n > 8) next
  one_arm(paste(kind, n, sep = "_"), kinds[[kind]](n))
}
for (i in 1:40) {
  kind <- sample(c("tied", "with_zeros", "counts", "log_ratios", "small_ratios", "two_values"), 1)
  n <- sample(6:30, 1)
  one_arm(paste(kind, n, "again", i, sep = "_"), kinds[[kind]](n))
}
for (sizes in list(c(1, 1), c(1, 5), c(2, 3), c(3, 3), c(3, 4), c(4, 4), c(4, 7), c(5, 2), c(6, 9), c(8, 8), c(14, 14),
  c(11, 25), c(30, 20), c(49, 49), c(50, 10), c(10, 50), c(60, 70))) for (kind in names(kinds)) {
  if (kind %in% c("constant", "nothing") && sum(sizes) > 9) next
  two_arms(paste(kind, sizes[1], sizes[2], sep = "_"), kinds[[kind]](sizes[1]), kinds[[kind]](sizes[2]))
}
for (i in 1:40) {
  kind <- sample(c("tied", "with_zeros", "counts", "log_ratios", "small_ratios", "two_values"), 1)
  sizes <- sample(3:25, 2, TRUE)
  two_arms(paste(kind, sizes[1], sizes[2], "again", i, sep = "_"), kinds[[kind]](sizes[1]) + .5, kinds[[kind]](sizes[2]))
}
two_arms("apart_4_4", c(5, 6, 7, 8), c(1, 2, 3, 3.5))
two_arms("constants_4_5", rep(3, 4), rep(1, 5))
two_arms("constant_arm_6_7", rep(.5, 6), c(.1, .2, .3, .4, .6, .7, .8))
close(samples)
close(results)
