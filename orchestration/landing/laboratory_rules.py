"""The rules over assay results that need their vocabulary to be resolved: see `laboratory`."""

from orchestration.landing.cross_rule import CrossRule, named, place
from schemas.records import RECORDS


def _unresolved(column: str, noun: str, accepted: str) -> CrossRule:
    return CrossRule(
        rule=f"unknown_{noun}",
        record="assay_results",
        column=column,
        accepted=accepted,
        accepted_here="u.accepted",
        reason="u.reason",
        rows=f"""
        from raw.assay_results as r
        join unresolved_assays as u on u.analyte_text = r.analyte_id and u.unit_text = r.unit
        where u.column_name = '{column}'
        """,
    )


_KEY = "study_id, sample_id, canonical_id, plate_id, replicate"
# Copies under one spelling are duplicates of their key; here one well has two names.
_TWICE = CrossRule(
    rule="same_result_twice",
    record="assay_results",
    column="analyte_id",
    accepted="each replicate of an analyte once for a sample and plate, whatever the analyte is called",
    reason=f"{named(['sample_id'], RECORDS['assay_results'])} || ', analyte_id `' || t.canonical_id || '`, '"
    f" || {named(['plate_id', 'replicate'], RECORDS['assay_results'])} || ' occurs ' || t.n"
    " || ' times, as ' || t.spellings || ', first in ' || t.places",
    rows=f"""
    from raw.assay_results as r
    join raw.assay_vocabulary as v on v.analyte_text = r.analyte_id and v.unit_text = r.unit
    join (
        select {_KEY}, count(*) as n,
            array_to_string(list_sort(list(distinct '`' || c.analyte_id || '`')), ' and ') as spellings,
            array_to_string(arg_min({place("c")}, (c.source_file, c.source_line), 2), ' and ') as places
        from (
            select a.*, w.analyte_id as canonical_id
            from raw.assay_results as a
            join raw.assay_vocabulary as w on w.analyte_text = a.analyte_id and w.unit_text = a.unit
            where w.analyte_id in (
                select analyte_id
                from raw.assay_vocabulary
                group by analyte_id
                having count(distinct analyte_text) > 1
            )
        ) as c
        group by {_KEY}
        having count(distinct c.analyte_id) > 1
    ) as t on t.study_id = r.study_id and t.sample_id = r.sample_id and t.canonical_id = v.analyte_id
        and t.plate_id is not distinct from r.plate_id and t.replicate = r.replicate
    """,
)

LABORATORY_RULES = (
    _unresolved("analyte_id", "analyte", "an analyte that `cohortmart contract analytes` lists"),
    _unresolved("unit", "unit", "a unit of the analyte, of those that `cohortmart contract analytes` lists"),
    _TWICE,
)
