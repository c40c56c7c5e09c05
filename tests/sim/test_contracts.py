"""Noise that follows from keys alone."""

from __future__ import annotations

import numpy as np

from altmonitor.sim.contracts import keys_of, walk

PERIODS = (8, 32, 128, 512, 2048, 8192)


def test_a_walk_read_at_one_step_is_to_the_last_bit_the_one_read_at_many() -> None:
    keys = keys_of(7, 5)
    differ = []
    for step in (-9, -8, -1, 0, 7, 8, 2047, 2048, 7_160_000_000, 7_160_000_031):
        alone = walk(keys, np.array([step]), periods=PERIODS, salt=100)
        for among in (np.arange(step, step + 3), np.array([step, step + 500])):
            if not np.array_equal(alone, walk(keys, among, periods=PERIODS, salt=100)[:, :1]):
                differ.append((step, len(among)))
    assert alone.shape == (5, 1)
    assert differ == []
