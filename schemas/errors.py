"""The error of a study package that cannot be read as one."""

from collections.abc import Iterable
from itertools import islice

from schemas.plain_text import plain

# More problems of one kind of file are one problem: whoever reads them stops before.
MAX_PROBLEMS = 200
# A value inside a sentence is cut where it is quoted; this is for what lists and nested causes add up to.
MAX_SENTENCE = 5000


class StudyPackageError(Exception):
    """A study package, or a file of it, cannot be read: nothing of it may be used.

    Faults of single rows are not raised: they are quarantined. This error carries every problem
    that was found, so that one round of corrections is enough.

    Attributes:
        problems: full sentences, each naming the file, the line or key, the value, and what would
            be accepted. Characters that could steer a terminal are shown by their code.
    """

    def __init__(self, problems: Iterable[str]):
        every = iter(problems)
        self.problems = [plain(problem)[:MAX_SENTENCE] for problem in islice(every, MAX_PROBLEMS)]
        if more := sum(1 for _ in every):
            self.problems.append(f"and {more:,} more problems")
        super().__init__("\n".join(self.problems))
