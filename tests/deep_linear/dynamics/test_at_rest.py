"""Starts on a saddle but for rounding are doubted; those that rounding does not decide are not."""

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.deep_linear.dynamics.at_rest import at_rest

COST = ss.LeastSquares(np.diag([2.0, 1.0]))


@pytest.mark.parametrize("seed", range(4))
def test_a_saddle_in_turned_frames_is_doubted(seed):
    rng = np.random.default_rng(seed)
    Q, H = (np.linalg.qr(rng.standard_normal((2, 2)))[0] for _ in range(2))
    saddle = np.diag([2**0.5, 0.0])
    turned = ss.LeastSquares(Q @ np.diag([2.0, 1.0]) @ Q.T)
    assert at_rest(turned, [H @ saddle @ Q.T, Q @ saddle @ H.T])
    assert not at_rest(turned, [H @ np.diag([2**0.5, 1e-9]) @ Q.T, Q @ np.diag([2**0.5, 1e-9]) @ H.T])


@pytest.mark.parametrize("small", [0.0, 1e-10, 1.0])
def test_exact_zeros_small_modes_and_minima_are_not(small):
    assert not at_rest(COST, [np.diag([2**0.5, small])] * 2)


def test_a_tiny_start_is_not():
    assert not at_rest(COST, ss.DeepLinearFlow(COST, 3, 4, 1.5, 1e-30).initial)
    assert not at_rest(COST, [np.zeros((2, 2))] * 2)
