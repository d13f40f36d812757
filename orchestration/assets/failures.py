"""Failures that a user can mend, as Dagster shows them: sentences without a traceback."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import dagster as dg

from orchestration.deliveries.database_lock import LockedStudyError
from orchestration.landing.data_cutoff import NobodyEnrolledError
from schemas.errors import StudyPackageError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Marks, in a failure's metadata, that a package could not be read.
UNREADABLE = "unreadable_package"
# Marks that a package could be read, but may not be used.
REFUSED = "refused"


def for_each_package(items: Iterable[Item], work: Callable[[Item], Result]) -> list[Result]:
    """Do the work for every item, then fail once with the problems of all that could not be read.

    Raises:
        dagster.Failure: a package could not be read; its description lists every problem.
    """
    results, problems = [], []
    is_unreadable = False
    for item in items:
        try:
            results.append(work(item))
        except StudyPackageError as error:
            problems += error.problems
            is_unreadable = is_unreadable or not isinstance(error, (LockedStudyError, NobodyEnrolledError))
    if problems:
        why = UNREADABLE if is_unreadable else REFUSED
        raise dg.Failure(description="\n".join(problems), metadata={why: True}, allow_retries=False)
    return results
