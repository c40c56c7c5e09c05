"""Randomness that is a function: the same key and index give the same number, in any order, at any time.

That is what lets a simulated market answer for a minute three days before its start, stream the running one and serve
both over REST without keeping anything.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def key_of(*parts: object) -> int:
    """A 64-bit key of the parts' texts; stable across processes and Python versions."""
    text = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def keys_of(seed: int, count: int) -> Keys:
    """`count` keys that follow from one of `key_of`."""
    with np.errstate(over="ignore"):
        return _scramble(np.uint64(seed) + np.arange(count, dtype=np.uint64) * _GOLDEN)


def uniform(keys: Keys, index: Ints, salt: int) -> Floats:
    """Numbers in [0, 1), one per key and index: shape (len(keys), len(index)). SplitMix64 over both."""
    with np.errstate(over="ignore"):
        mixed = keys[:, None] ^ _scramble(index.astype(np.uint64) * _GOLDEN + np.uint64(salt))[None, :]
        return (_scramble(mixed) >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def paired(keys: Keys, index: Ints, salt: int) -> Floats:
    """Numbers in [0, 1) of each key with its own index: two arrays of one length, as is the answer."""
    with np.errstate(over="ignore"):
        mixed = keys ^ _scramble(index.astype(np.uint64) * _GOLDEN + np.uint64(salt))
        return (_scramble(mixed) >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def _scramble(z: Keys) -> Keys:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        return z ^ (z >> np.uint64(31))


def walk(keys: Keys, steps: Ints, *, periods: tuple[int, ...], salt: int) -> Floats:
    """A bounded random walk read at `steps` (ascending): shape (len(keys), len(steps)).

    Value noise in octaves: each period p adds straight lines between random heights in ±√p at its multiples, so that
    the value moves like √time over all spans between the shortest and the longest period, and yet has a hard bound on
    how far it goes within any span.
    """
    total = np.zeros((len(keys), len(steps)))
    for octave, period in enumerate(periods):
        cell = steps // period
        share = (steps - cell * period) / period
        first, count = int(cell[0]), int(cell[-1] - cell[0]) + 2
        if count <= 2 * len(steps):
            lattice = uniform(keys, np.arange(first, first + count, dtype=np.int64), salt + octave)
            before, after = lattice[:, cell - first], lattice[:, cell - first + 1]
        else:
            before, after = uniform(keys, cell, salt + octave), uniform(keys, cell + 1, salt + octave)
        total += (2.0 * np.sqrt(period)) * (before + (after - before) * share - 0.5)
    return total
