"""Telling whether two sets of counts are the same, without keeping both.

Belongs here: the fingerprint of arrays, however nested. Does not belong here: what is done with it.
"""

import dataclasses
import hashlib
from collections.abc import Hashable

import numpy as np


def fingerprint(data: object) -> Hashable:
    """Return something hashable that is equal exactly for equal data.

    Args:
        data: arrays, text and numbers in tuples, lists, dictionaries and dataclasses. The order of a
            dictionary counts, as it may decide the order of a result.
    """
    if isinstance(data, np.ndarray):
        content = hashlib.blake2b(np.ascontiguousarray(data).data, digest_size=16).digest()
        return data.shape, data.dtype.str, content
    if dataclasses.is_dataclass(data):
        return tuple(fingerprint(getattr(data, part.name)) for part in dataclasses.fields(data))
    if isinstance(data, dict):
        return tuple((key, fingerprint(value)) for key, value in data.items())
    if isinstance(data, list | tuple):
        return tuple(fingerprint(part) for part in data)
    assert isinstance(data, Hashable)
    return data
