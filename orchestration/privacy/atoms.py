"""Which counts of participants may be published: those from which no count of 1 to 10 follows.

Participants are parted into atoms: those whom no published count tells apart. A count is the size of a set
of participants, and it may be published only if parting every atom by the set leaves parts of 0 or of at
least 11.

Why that is enough, whatever an outsider computes. Take a set whose size follows from what is published, and
an atom that has participants inside the set and outside it. Let one of those inside be recorded as one of
those outside is: both records are possible, as both occur, and no published count changes, but the set's
size does. So it did not follow. A size that follows is therefore that of a union of atoms: 0, or at least
11. By moving all of an atom's participants in or out, the same argument shows that no size can be bounded
within 1 to 10. It needs no assumption about how counts are related (margins, nested endpoints, numbers at
risk), as it is about sets.

What the argument does not cover is why a count is missing. Who knows the order in which counts are tried,
as everybody may, knows of a missing one that some part of an atom it would make is between 1 and 10.
"""

import numpy as np
from numpy.typing import NDArray

SMALLEST_COUNT = 11

IntArray = NDArray[np.int64]


class Atoms:
    """The atoms of a group of participants, who are numbered from 0; nobody is told apart at first.

    The size of the group counts as published: an outsider may know it.
    """

    def __init__(self, n_participants: int) -> None:
        self.labels: IntArray = np.zeros(n_participants, dtype=np.int64)

    def publish(self, classes: IntArray) -> bool:
        """Publish how many participants are in each class, if nothing small follows from it.

        Args:
            classes: class of each participant, whole numbers from 0.

        Returns:
            Whether the sizes of all classes may be published. If so they count as published from now on.
        """
        refined = self.labels * (int(classes.max(initial=0)) + 1) + classes
        sizes = np.bincount(refined)
        occurring = sizes > 0
        if np.any(sizes[occurring] < SMALLEST_COUNT):
            return False
        self.labels = (np.cumsum(occurring) - 1)[refined]
        return True
