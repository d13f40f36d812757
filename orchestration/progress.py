"""How far a build is, and how long each part of it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

PARTS = ("studies", "landing", "transforms", "estimates", "validation", "release")


class Progress:
    """Counts steps and seconds by part of the build; shows nothing.

    The command line overrides `advance` to draw bars; in Dagster's own processes the counts suffice.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []

    def advance(self, part: str, done: int, total: int, label: str = "") -> None:
        """Say that `done` of `total` units of a part are finished."""

    def announce(self, sentence: str) -> None:
        """Say something to people at once."""

    def note(self, sentence: str) -> None:
        """Remember what a part of the build has to say to people when it is over."""
        self.notes.append(sentence)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the wall time of the block to the part `name`, one of `PARTS`."""
        if name not in PARTS:
            raise ValueError(f"no such part of a build: {name!r}")
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
