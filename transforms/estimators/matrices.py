"""Linear equations with small symmetric matrices, by numpy's element-wise operations alone.

The libraries behind numpy.linalg choose their code by processor, and with it the last bits. Belongs here:
the Cholesky decomposition and what is solved with it. Nothing else.
"""

import numpy as np

from transforms.estimators.elementary import FloatArray

_TOLERANCE = 2.0**-39  # as R's coxph: machine epsilon to the power 3/4


def cholesky(matrix: FloatArray, scale: FloatArray) -> tuple[FloatArray, int | None]:
    """Return the lower triangle L with L L' = matrix, and the first row that depends on those above it.

    Args:
        matrix: symmetric, positive semidefinite up to rounding; p x p.
        scale: what the diagonal is the rest of; a pivot that is rounding beside it counts as 0.

    Returns:
        The triangle, usable when the second is None: no row depends on others.
    """
    lower = np.zeros_like(matrix)
    for k in range(matrix.shape[0]):
        pivot = matrix[k, k] - np.sum(lower[k, :k] * lower[k, :k])
        if not pivot > _TOLERANCE * scale[k]:
            return lower, k
        lower[k, k] = np.sqrt(pivot)
        below = matrix[k + 1 :, k] - np.sum(lower[k + 1 :, :k] * lower[k, :k], axis=1)
        lower[k + 1 :, k] = below / lower[k, k]
    return lower, None


def solved(lower: FloatArray, right: FloatArray) -> FloatArray:
    """Return x with L L' x = right."""
    size = right.size
    half = np.zeros(size)
    for k in range(size):
        half[k] = (right[k] - np.sum(lower[k, :k] * half[:k])) / lower[k, k]
    x = np.zeros(size)
    for k in reversed(range(size)):
        x[k] = (half[k] - np.sum(lower[k + 1 :, k] * x[k + 1 :])) / lower[k, k]
    return x


def inverse(lower: FloatArray) -> FloatArray:
    """Return the inverse of L L'."""
    return np.array([solved(lower, unit) for unit in np.eye(lower.shape[0])])
