"""Which scorer made a number. It is frozen: a formula that is changed is another scorer, and begins a record anew."""

from __future__ import annotations

from typing import Final

SCORER: Final = "sm-2"
SCORER_FROZEN_TS: Final = 1_796_040_000
"""30 Nov 2026, 12:00 UTC, unix seconds. Only what was scored later counts for its record."""

SCORER_HASH: Final = "d219ed0e7666cfb5"
"""Of what the formulas give over a grid of inputs; tests/scores/test_version.py reckons it anew."""
