"""Whether the columns that a study groups its participants by have few enough levels to be groups."""

import duckdb

from schemas.records import RECORDS
from schemas.study import StudyDescriptor
from schemas.study_values import MAX_LEVELS


def too_many_levels(con: duckdb.DuckDBPyConnection, study: StudyDescriptor) -> list[str]:
    """Say which subgroups, strata and categorical covariates have too many levels to be groups.

    Subgroups and categorical covariates may have `MAX_LEVELS` levels. A stratification factor may have
    more, such as the centres of a large trial, as long as half as many levels as participants: strata of
    one participant compare nobody.

    Args:
        con: a database in which the study's participants have landed.
        study: its descriptor.

    Returns:
        A sentence for each column and use that has too many.
    """
    participants = con.execute(
        "select count(*) from raw.participants where study_id = ?", [study.study_id]
    ).fetchall()[0][0]
    for_strata = max(MAX_LEVELS, participants // 2)
    by_levels = "group it into a column with fewer levels"
    uses = [
        (("stratification", n), name, for_strata, by_levels) for n, name in enumerate(study.stratification)
    ]
    uses += [(("subgroups", n), name, MAX_LEVELS, by_levels) for n, name in enumerate(study.subgroups)]
    uses += [
        (("adjustment", n), part.covariate, MAX_LEVELS, f"{by_levels}, or give it kind: continuous")
        for n, part in enumerate(study.adjustment)
        if part.kind == "categorical"
    ]
    problems = []
    for (key, position), name, most, advice in uses:
        n_levels = _count_levels(con, study.study_id, name)
        if n_levels > most:
            problems.append(
                f"study.yaml line {study.line(key, position)}: {key}[{position + 1}] names the column"
                f" `{name}`, which has {n_levels:,} levels; accepted: at most {most:,} levels: {advice}"
            )
    return problems


def _count_levels(con: duckdb.DuckDBPyConnection, study_id: str, name: str) -> int:
    """Count the distinct values of a column of participants, those of the contract or the study's own."""
    if name in RECORDS["participants"].columns:
        levels = f"select {name} as level from raw.participants where study_id = $study"
        given = {"study": study_id}
    else:
        levels = (
            "select pair.value as level from (select unnest(covariates) as pair from raw.participants"
            " where study_id = $study) where pair.name = $name"
        )
        given = {"study": study_id, "name": name}
    n_levels: int = con.execute(f"select count(distinct level) from ({levels})", given).fetchall()[0][0]
    return n_levels
