"""One thread for linear algebra with small matrices."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[Any]:
    """Hold the BLAS libraries of NumPy and of JAX (which is SciPy's) to one thread.

    Handing small matrices to a pool of threads saves nothing, and on a busy machine the threads wait for each other.
    Measured beside three other processes on two cores: the level flows of the canonical order take 6 s with one thread
    and 108 s with two.
    """
    return _libraries().limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    # looked up once, since that takes milliseconds, and SciPy's loaded before, so that it is found
    import scipy.linalg.cython_lapack  # noqa: F401

    return ThreadpoolController()
