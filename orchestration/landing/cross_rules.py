"""The rules that need other rows or other records, as one list in the order they are applied.

Each says in SQL which rows `r` break it. `raw.<record>` is every row that was accepted by itself;
`standing_<record>` are those of them that no earlier rule has set aside, which is what another row may rely
on. So a row gets every reason that applies to it, and neither the order of rows nor that of files decides.
"""

from collections.abc import Iterator

from orchestration.landing.cross_rule import CrossRule, named, place, quoted_if_near
from orchestration.landing.laboratory_rules import LABORATORY_RULES
from schemas.records import RECORDS, RecordType


def _duplicate_key(record: RecordType) -> CrossRule:
    """All copies are set aside: choosing one would let the order of rows decide."""
    key = ", ".join(record.key)
    own_key = ", ".join(f"c.{column}" for column in record.key)
    value = f"concat_ws(', ', {', '.join(f'r.{column}' for column in record.key)})"
    return CrossRule(
        rule="duplicate_key",
        record=record.name,
        column=record.key[0],
        accepted=f"{key}: together only once in a study",
        value=value,
        reason=f"{named(record.key, record)} || ' occurs ' || twice.n || ' times, first in ' || twice.places",
        rows=f"""
        from raw.{record.name} as r
        join (
            select c.study_id, {own_key}, count(*) as n,
                array_to_string(arg_min({place("c")}, (c.source_file, c.source_line), 2), ' and ') as places
            from raw.{record.name} as c
            join (
                select study_id, {key} from raw.{record.name} group by study_id, {key} having count(*) > 1
            ) as k on {_same_key("c", "k", record)}
            group by c.study_id, {own_key}
        ) as twice on {_same_key("r", "twice", record)}
        """,
    )


def _same_key(left: str, right: str, record: RecordType) -> str:
    parts = [f"{left}.{column} is not distinct from {right}.{column}" for column in record.key]
    return " and ".join([f"{left}.study_id = {right}.study_id", *parts])


def _unknown(record: str, column: str, target: str, noun: str) -> CrossRule:
    missing = f"is not among the accepted {target.replace('_', ' ')}"
    return CrossRule(
        rule=f"unknown_{noun}",
        record=record,
        column=column,
        accepted=f"a {column} of an accepted row of {target}",
        reason=f"{named([column], RECORDS[record])} || ' {missing}'"
        " || coalesce('; its own row is quarantined (' || q.place || ')', '')",
        rows=f"""
        from raw.{record} as r
        left join quarantined_keys as q
            on q.study_id = r.study_id and q.record = '{target}' and q.key_value = r.{column}
        where r.{column} is not null and not exists (
            from standing_{target} as t where t.study_id = r.study_id and t.{column} = r.{column}
        )
        """,
    )


def _not_in_descriptor(column: str) -> CrossRule:
    """A sample's timepoint or visit that study.yaml lacks; a study that lists none accepts any."""
    return CrossRule(
        rule=f"unknown_{column}",
        record="samples",
        column=column,
        accepted=f"a {column} of study.yaml",
        reason=f"'{column} ' || {quoted_if_near(column, 'd.names', ('sample_id', 'participant_id'))}"
        " || ' is not one of study.yaml, which has ' || d.listed",
        rows=f"""
        from raw.samples as r
        join (
            select study_id, list({column}) as names,
                string_agg({column}, ', ' order by {column}_order) as listed
            from raw.study_{column}s
            group by study_id
        ) as d on d.study_id = r.study_id
        where not list_contains(d.names, r.{column})
        """,
    )


def _before_index(record: str, day: str, noun: str, condition: str = "true") -> CrossRule:
    return CrossRule(
        rule="before_index",
        record=record,
        column=day,
        accepted=f"{noun} on the participant's index_date or later",
        reason=f"'{day} `' || r.{day} || '` is before the participant''s index_date `'"
        f" || p.index_date || '` (' || {place('p')} || ')'",
        rows=f"""
        from raw.{record} as r
        join standing_participants as p on p.study_id = r.study_id and p.participant_id = r.participant_id
        where r.{day} < p.index_date and {condition}
        """,
    )


def _after_death(
    record: str, day: str, noun: str, condition: str = "true", day_of_death: str = "d.died_on"
) -> CrossRule:
    return CrossRule(
        rule="after_death",
        record=record,
        column=day,
        accepted=f"{noun} on the participant's day of death or earlier",
        reason=f"'{day} `' || r.{day} || '` is after the participant''s death on `'"
        f" || d.died_on || '` (' || {place('d')} || ')'",
        rows=f"""
        from raw.{record} as r
        join standing_deaths as d on d.study_id = r.study_id and d.participant_id = r.participant_id
        where r.{day} > {day_of_death} and {condition}
        """,
    )


# A partial start counts as after death only when no day of it is before.
_DEATH_AS_FAR_AS_START = "cast(d.died_on as varchar)[:length(r.started_on)]"

_MISSING_ARM = CrossRule(
    rule="missing_arm",
    record="participants",
    column="arm_id",
    accepted="an arm_id of study.yaml for every participant, as the study has arms",
    reason="'arm_id is missing'",
    rows="""
    from raw.participants as r
    where r.arm_id is null
        and exists (from raw.study_arms as a where a.study_id = r.study_id and a.role <> 'single')
    """,
)
_UNKNOWN_ARM = CrossRule(
    rule="unknown_arm",
    record="participants",
    column="arm_id",
    accepted="an arm_id of study.yaml; empty when it has no arms",
    reason=f"'arm_id ' || {quoted_if_near('arm_id', 'a.arms', ('participant_id',))}"
    " || ' is not an arm of study.yaml, which has ' || coalesce(a.ids, 'none')",
    rows="""
    from raw.participants as r
    left join (
        select study_id, list(arm_id) as arms, string_agg(arm_id, ', ' order by arm_order) as ids
        from raw.study_arms
        where role <> 'single'
        group by study_id
    ) as a on a.study_id = r.study_id
    where r.arm_id is not null and not coalesce(list_contains(a.arms, r.arm_id), false)
    """,
)
_INDEX_AFTER_CUTOFF = CrossRule(
    rule="index_after_cutoff",
    record="participants",
    column="index_date",
    accepted="an index_date on data_cutoff of study.yaml or earlier",
    reason="'index_date `' || r.index_date || '` is after data_cutoff `' || s.data_cutoff || '`'",
    rows="""
    from raw.participants as r
    join raw.study as s on s.study_id = r.study_id
    where r.index_date > s.data_cutoff
    """,
)
_BOUT_OF_ANOTHER = CrossRule(
    rule="bout_of_another_participant",
    record="samples",
    column="bout_id",
    accepted="a bout of the participant who gave the sample",
    reason=f"'bout_id (not shown) is a bout of another participant (' || {place('b')} || ') than the sample'",
    rows="""
    from raw.samples as r
    join standing_exercise_bouts as b on b.study_id = r.study_id and b.bout_id = r.bout_id
    where b.participant_id <> r.participant_id
    """,
)
_DEATH_BEFORE_ENTRY = CrossRule(
    rule="death_before_entry",
    record="deaths",
    column="died_on",
    accepted="a death on the participant's index_date and entry_date or later",
    reason="'died_on `' || r.died_on || '` is before the participant''s '"
    " || if(p.entry_date is null, 'index_date', 'entry_date')"
    f" || ' `' || coalesce(p.entry_date, p.index_date) || '` (' || {place('p')} || ')'",
    rows="""
    from raw.deaths as r
    join standing_participants as p on p.study_id = r.study_id and p.participant_id = r.participant_id
    where r.died_on < coalesce(p.entry_date, p.index_date)
    """,
)

# Whoever was seen, treated, measured or asked on a day was alive that day.
_PROOF_OF_LIFE = (
    ("follow_up", "s.followed_on", "s.kind <> 'withdrawal'"),
    ("anticancer_therapies", "s.started_on", "true"),
    ("exercise_bouts", "cast(s.started_at as date)", "true"),
    ("samples", "cast(s.collected_at as date)", "true"),
    ("activity_reports", "s.reported_on", "true"),
    ("measurements", "s.measured_on", "true"),
)
_SEEN_AFTER_DEATH = " union all ".join(
    f"""
    select d.study_id, d.participant_id, {day} as seen_on, s.source_file, s.source_line
    from raw.deaths as d
    join standing_{record} as s on s.study_id = d.study_id and s.participant_id = d.participant_id
    where {day} > d.died_on and {condition}
    """
    for record, day, condition in _PROOF_OF_LIFE
)
_ALIVE_AFTER_DEATH = CrossRule(
    rule="alive_after_death",
    record="deaths",
    column="died_on",
    accepted="a death on the last day the participant was seen alive or later",
    reason="'died_on `' || r.died_on || '` is before the participant was last seen alive on `'"
    " || l.seen_on || '` (' || l.place || ')'",
    rows=f"""
    from raw.deaths as r
    join (
        select study_id, participant_id, max(seen_on) as seen_on,
            first({place("seen")} order by seen_on desc, source_file, source_line) as place
        from ({_SEEN_AFTER_DEATH}) as seen
        group by study_id, participant_id
    ) as l on l.study_id = r.study_id and l.participant_id = r.participant_id
    """,
)


def _rules() -> Iterator[CrossRule]:
    yield from (_duplicate_key(record) for record in RECORDS.values())
    yield from (_MISSING_ARM, _UNKNOWN_ARM, _INDEX_AFTER_CUTOFF)
    yield from (
        _unknown(name, "participant_id", "participants", "participant")
        for name, record in RECORDS.items()
        if name != "participants" and "participant_id" in record.columns
    )
    yield from (
        _unknown("samples", "bout_id", "exercise_bouts", "bout"),
        _BOUT_OF_ANOTHER,
        _not_in_descriptor("timepoint"),
        _not_in_descriptor("visit"),
        *LABORATORY_RULES,
        _unknown("assay_results", "sample_id", "samples", "sample"),
        _DEATH_BEFORE_ENTRY,
        _ALIVE_AFTER_DEATH,
        _before_index("disease_events", "event_on", "an event"),
        _before_index("exercise_sessions", "session_on", "a session"),
        _before_index("follow_up", "followed_on", "a withdrawal", "r.kind = 'withdrawal'"),
        _after_death("disease_events", "event_on", "an event"),
        # A session that was planned and missed says nothing of life.
        _after_death("exercise_sessions", "session_on", "a session", "coalesce(r.attended, true)"),
        _after_death("follow_up", "followed_on", "a withdrawal", "r.kind = 'withdrawal'"),
        _after_death("treatment_adherence", "period_start", "the start of a period"),
        _after_death(
            "adverse_events", "started_on", "the start of an event", day_of_death=_DEATH_AS_FAR_AS_START
        ),
        _after_death("adverse_events", "ended_on", "the end of an event"),
    )


CROSS_RULES: tuple[CrossRule, ...] = tuple(_rules())
