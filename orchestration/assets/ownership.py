"""Who answers for which part of the warehouse, as the UI shows it."""

DATA_ENGINEERING = ["team:data-engineering"]
STATISTICS = ["team:trial-statistics"]
