"""The error of a study package that cannot be read as one."""

from collections.abc import Iterable


class StudyPackageError(Exception):
    """A study package, or a file of it, cannot be read: nothing of it may be used.

    Faults of single rows are not raised: they are quarantined. This error carries every problem
    that was found, so that one round of corrections is enough.

    Attributes:
        problems: full sentences, each naming the file, the line or key, the value, and what would
            be accepted.
    """

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))
