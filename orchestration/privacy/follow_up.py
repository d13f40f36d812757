"""Follow-up that ends for an export before it ended in truth, so that nothing ends on a day everybody knows.

A profile says on which day after day 0 (`p.cut_days` of its queries; null where nothing is cut). What
happened later has not happened: a time to an event ends on that day, other rows and intervals beyond it are
gone.
"""

from orchestration.privacy.released_tables import ReleasedTable

# Of a time to an event that is cut; the reason is that of reference.censor_reasons.
_CUT_ENDING = {
    "is_event": "false",
    "cnsr": "(select cnsr from reference.censor_reasons where censor_reason = 'data_cutoff')",
    "censor_reason": "'data_cutoff'",
    "event_class": "''",
    "event_organ": "''",
    "competing_code": "0",
    "source_record": "''",
}
# Who was followed to exactly the day of the cut must look like everybody who is cut there.
_IS_CUT = (
    "(t.censor_reason = 'data_cutoff' or coalesce(t.time_days > p.cut_days or (t.time_days = p.cut_days "
    "and t.censor_reason not in ('event', 'competing_event')), false))"
)


def is_ending(table: ReleasedTable) -> bool:
    """Whether rows are times to an event, which end in any case."""
    return table.has("time_days", "is_event", "censor_reason")


def ending(table: ReleasedTable, column: str) -> str | None:
    """SQL for a column that says how a time to an event ended; None for other columns."""
    if not is_ending(table) or column not in _CUT_ENDING:
        return None
    return f'case when {_IS_CUT} then {_CUT_ENDING[column]} else t."{column}" end'


def interval(column: str) -> str:
    """SQL for an interval in days: cut where it is a time at risk, else empty when it goes beyond the cut."""
    value = f't."{column}"'
    last_day = f"coalesce(p.cut_days, {value})"
    if column in ("time_days", "entry_days"):
        return f"least({value}, {last_day})"
    return f"case when {value} <= {last_day} then {value} end"


def rows_kept(table: ReleasedTable) -> str:
    """SQL for the condition on the rows of a table that happened before the cut."""
    if is_ending(table) or not table.has("time_days"):
        return "true"
    return "(t.time_days <= p.cut_days or p.cut_days is null)"
