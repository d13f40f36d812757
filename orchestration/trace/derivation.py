"""Outcomes derived again, from `audit.evidence` and the rules in `reference`, in one pass.

A second implementation of the endpoint rules beside the dbt models, from which it takes no step: the models
go from events to schemes to endings, this goes through the evidence once for each endpoint and policy. Where
the two differ, one of them is wrong, and `disagreements` says where. One participant is the same query,
filtered.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import duckdb


@dataclass(frozen=True)
class Selection:
    """Which outcomes: those of one study, participant, endpoint or policy; what is empty is not asked for."""

    study_id: str = ""
    participant_id: str = ""
    endpoint_id: str = ""
    policy_id: str = ""

    def where(self, columns: tuple[str, ...]) -> str:
        """Write the condition on those of `columns` that are asked for."""
        asked = [f"{name} = ${name}" for name in columns if getattr(self, name)]
        return " and ".join(asked) or "true"

    @property
    def parameters(self) -> dict[str, str]:
        """What the conditions refer to by name."""
        return {name: value for name, value in asdict(self).items() if value}


EVERYTHING = Selection()

# What both sides say of an outcome.
COMPARED = (
    "arm_id",
    "start_date",
    "entry_days",
    "end_date",
    "time_days",
    "is_event",
    "cnsr",
    "censor_reason",
    "event_class",
    "event_organ",
    "competing_code",
    "source_record",
    "source_file",
    "source_line",
    "definition_version",
)

_KEY = ("study_id", "participant_id", "endpoint_id", "policy_id")

# The policies of a study are released with its outcomes only.
_STEPS = """
with analysed as (
    select
        e.study_id, e.endpoint_id, p.policy_id, e.definition_version,
        if(e.censored_at = 'policy', p.censored_at, e.censored_at) as censored_at,
        if(e.censored_at = 'policy', p.late_death_days, null) as late_death_days,
        e.censored_at = 'policy' and p.is_censored_at_new_therapy as stops_at_new_line
    from reference.study_endpoint as e
    join (select distinct study_id, policy_id from survival.time_to_event where {in_study}) using (study_id)
    join reference.censoring_policies as p using (policy_id)
    where {analysed}
),
followed as (
    select p.*, s.data_cutoff
    from study.participant as p
    join reference.study as s using (study_id)
    where {participant}
),
seen as (
    select
        e.*, f.data_cutoff, c.same_day_order,
        least(e.dated_on, f.data_cutoff) as counted_on,
        e.evidence = 'disease_assessment' and not e.is_before_start as is_assessment,
        e.evidence = 'new_line' and not (e.is_before_start or e.is_after_cutoff) as is_new_line,
        case e.evidence when 'no_sign_of_life' then false when 'death' then e.is_after_cutoff else true end
            as shows_life
    from audit.evidence as e
    join followed as f using (study_id, participant_id)
    left join reference.event_classes as c using (event_class)
    where {participant}
),
-- The last day known alive and the last disease assessment, and which record tells them.
ends as (
    select
        study_id, participant_id,
        min_by(
            evidence_order,
            (alive_before, evidence <> 'withdrawal', source_record, source_file, source_line)
        ) filter (shows_life) as alive_order,
        min_by(evidence_order, (assessed_before, source_file, source_line))
            filter (is_assessment) as assessed_order,
        min_by(evidence_order, (dated_on, source_file, source_line)) filter (is_new_line) as new_line_order
    from (
        select
            *,
            max(dated_on) filter (shows_life) over of_participant - dated_on as alive_before,
            max(dated_on) filter (is_assessment) over of_participant - dated_on as assessed_before
        from seen
        window of_participant as (partition by study_id, participant_id)
    )
    group by all
),
dated as (
    select
        f.*, alive_order, assessed_order, new_line_order,
        alive.counted_on as alive_on, alive.is_after_cutoff as is_alive_after_cutoff,
        alive.evidence = 'withdrawal' as is_withdrawn,
        assessed.counted_on as assessed_on, assessed.is_after_cutoff as is_assessed_after_cutoff,
        new_line.dated_on as new_line_on
    from followed as f
    join ends as e using (study_id, participant_id)
    left join seen as alive
        on (alive.study_id, alive.participant_id, alive.evidence_order)
            = (e.study_id, e.participant_id, e.alive_order)
    left join seen as assessed
        on (assessed.study_id, assessed.participant_id, assessed.evidence_order)
            = (e.study_id, e.participant_id, e.assessed_order)
    left join seen as new_line
        on (new_line.study_id, new_line.participant_id, new_line.evidence_order)
            = (e.study_id, e.participant_id, e.new_line_order)
),
-- What the rules say of each event by itself.
weighed as (
    select
        s.study_id, s.participant_id, a.endpoint_id, a.policy_id,
        s.evidence_order, s.dated_on, s.same_day_order, s.organ,
        case
            when s.is_after_cutoff then 'after_cutoff'
            when s.is_before_start then 'history'
            when r.rule = 'ignored' then 'ignored'
            when
                s.evidence = 'death'
                and s.dated_on - coalesce(d.assessed_on, d.index_date) > a.late_death_days
                then 'late_death'
            else r.rule
        end as weight
    from seen as s
    join dated as d using (study_id, participant_id)
    join analysed as a using (study_id)
    join reference.study_endpoint_rule as r using (study_id, endpoint_id, event_class)
),
firsts as (
    select
        study_id, participant_id, endpoint_id, policy_id,
        min_by(evidence_order, (dated_on, same_day_order, organ, evidence_order))
            filter (weight in ('event', 'competing')) as event_order,
        bool_or(weight = 'late_death') as has_late_death
    from weighed
    group by all
),
ended as (
    select
        d.*, a.endpoint_id, a.policy_id, a.definition_version, f.event_order,
        w.dated_on as event_on,
        if(a.censored_at = 'last_known_alive', d.alive_order, coalesce(d.assessed_order, d.alive_order))
            as censoring_order,
        if(a.censored_at = 'last_known_alive', d.alive_on, coalesce(d.assessed_on, d.alive_on))
            as censored_on,
        case
            when f.has_late_death then 'late_death'
            when a.censored_at = 'last_known_alive' and d.is_alive_after_cutoff then 'data_cutoff'
            when a.censored_at = 'last_known_alive' and d.is_withdrawn then 'withdrawal'
            when a.censored_at = 'last_known_alive' then 'last_known_alive'
            when d.assessed_order is null then 'no_disease_assessment'
            when d.is_assessed_after_cutoff then 'data_cutoff'
            else 'last_disease_assessment'
        end as censored_because,
        w.weight,
        a.stops_at_new_line and coalesce(d.new_line_on < coalesce(event_on, censored_on), false) as is_stopped
    from dated as d
    join analysed as a using (study_id)
    left join firsts as f using (study_id, participant_id, endpoint_id, policy_id)
    left join weighed as w
        on (w.study_id, w.participant_id, w.endpoint_id, w.policy_id, w.evidence_order)
            = (f.study_id, f.participant_id, f.endpoint_id, f.policy_id, f.event_order)
),
decided as (
    select
        *,
        case when is_stopped then new_line_order else coalesce(event_order, censoring_order) end
            as deciding_order,
        greatest(index_date, case when is_stopped then new_line_on else coalesce(event_on, censored_on) end)
            as end_date,
        entry_days > 0 and end_date - index_date <= entry_days as is_never_at_risk,
        case
            when is_never_at_risk then 'not_at_risk'
            when is_stopped then 'new_therapy'
            when weight = 'event' then 'event'
            when weight = 'competing' then 'competing_event'
            else censored_because
        end as censor_reason
    from ended
),
derived as (
    select
        d.study_id, d.participant_id, d.endpoint_id, d.policy_id, d.deciding_order,
        d.alive_order, d.assessed_order, d.new_line_order, d.event_order, d.is_stopped,
        d.arm_id, d.index_date as start_date, d.entry_days, d.end_date,
        d.end_date - d.index_date as time_days,
        d.censor_reason = 'event' as is_event,
        c.cnsr, d.censor_reason,
        if(d.censor_reason in ('event', 'competing_event'), s.event_class, '') as event_class,
        if(d.censor_reason in ('event', 'competing_event'), s.organ, '') as event_organ,
        case d.censor_reason when 'event' then 1 when 'competing_event' then 2 else 0 end as competing_code,
        s.source_record, s.source_file, s.source_line, d.definition_version
    from decided as d
    join seen as s
        on (s.study_id, s.participant_id, s.evidence_order) = (d.study_id, d.participant_id, d.deciding_order)
    join reference.censor_reasons as c using (censor_reason)
)
"""


def _steps(selection: Selection) -> str:
    return _STEPS.format(
        in_study=selection.where(("study_id",)),
        analysed=selection.where(("study_id", "endpoint_id", "policy_id")),
        participant=selection.where(("study_id", "participant_id")),
    )


def _rows(con: duckdb.DuckDBPyConnection, query: str, selection: Selection) -> list[dict[str, Any]]:
    answer = con.execute(_steps(selection) + query, selection.parameters)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def derive(con: duckdb.DuckDBPyConnection, selection: Selection = EVERYTHING) -> list[dict[str, Any]]:
    """Derive outcomes from the evidence.

    Args:
        con: a release, or a build that holds the same tables.
        selection: which outcomes.

    Returns:
        A row for each participant, endpoint and policy in order of these: the columns of
        `survival.time_to_event`, and the places in the evidence (`*_order`) of the record that decided, the
        last one that shows the participant alive, the last disease assessment, the first new line of therapy
        and the first event that counts, each None where there is none.
    """
    return _rows(con, f"select * from derived order by {', '.join(_KEY)}", selection)


def weigh(con: duckdb.DuckDBPyConnection, selection: Selection) -> list[dict[str, Any]]:
    """Say of every event what the rules of an endpoint and policy make of it by itself.

    Returns:
        `evidence_order` and `weight`: event, competing, ignored, after_cutoff, history or late_death.
    """
    return _rows(con, "select evidence_order, weight from weighed order by evidence_order", selection)


def disagreements(
    con: duckdb.DuckDBPyConnection, selection: Selection = EVERYTHING
) -> Iterator[tuple[dict[str, Any], str, Any, Any]]:
    """Compare the derived outcomes with the released ones.

    Yields:
        The key of an outcome, the column, what was released and what was derived; an outcome that one side
        does not have is yielded once, with the column "" and None for what is not there.
    """
    keys = ", ".join(_KEY)
    columns = ", ".join(f"r.{name} as released_{name}, d.{name} as derived_{name}" for name in COMPARED)
    different = " or ".join(f"r.{name} is distinct from d.{name}" for name in COMPARED)
    query = f"""
    select {keys}, r.study_id is null as is_unreleased, d.study_id is null as is_underived, {columns}
    from (select * from survival.time_to_event where {selection.where(_KEY)}) as r
    full join derived as d using ({keys})
    where {different}
    order by {keys}
    """
    for row in _rows(con, query, selection):
        key = {name: row[name] for name in _KEY}
        if row["is_unreleased"] or row["is_underived"]:
            is_released = row["is_underived"]
            yield key, "", "a row" if is_released else None, None if is_released else "a row"
            continue
        for name in COMPARED:
            released, derived = row[f"released_{name}"], row[f"derived_{name}"]
            if released != derived:
                yield key, name, released, derived
