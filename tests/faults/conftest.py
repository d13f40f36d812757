"""Counting what was tried on a warehouse, and what it survived."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest

FaultKind = Literal["crash", "disk", "corruption", "input", "hostile", "delivery", "reader", "leak"]


@dataclass
class Fault:
    """A way to break a warehouse: how often it was tried, and what it did not survive."""

    kind: FaultKind
    name: str
    n_tried: int = 0
    lost: list[str] = field(default_factory=list)

    @contextmanager
    def trial(self, what: str = "") -> Iterator[None]:
        """One trial; an assertion that fails inside is counted, and fails the test when all are tried."""
        self.n_tried += 1
        try:
            yield
        except AssertionError as error:
            self.lost.append(f"{what}: {error}")


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Iterator[Callable[[FaultKind, str], Fault]]:
    """Names the fault of a test, once or more; its trials are counted in the table of the test report.

    `with fault("crash", "kill at a rename of publish").trial("rename 3"): assert ...`
    """
    faults: list[Fault] = []

    def name(kind: FaultKind, name: str) -> Fault:
        faults.append(Fault(kind, name))
        return faults[-1]

    yield name
    for each in faults:
        row = (each.kind, each.name, each.n_tried, len(each.lost))
        request.node.user_properties.append(("fault", row))
    assert faults, "a test of faults names its fault"
    assert all(each.n_tried for each in faults), "a fault that was never tried"
    lost = [line for each in faults for line in each.lost]
    assert not lost, "\n".join(lost)
