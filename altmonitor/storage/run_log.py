"""When the monitor was started, and until when the run before that had seen the market.

Kept as one small value under `runs`, because that is all anybody asks of it; a database from before it was kept has
none, and nothing is assumed of the time before the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from altmonitor.core.types import Venue, of_venue
from altmonitor.interfaces.storage import MetaStore

RUNS_KEY: Final = "runs"
MOST_RUNS: Final = 1_000
"""A monitor that starts every ten minutes is known for a week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorRun:
    """Unix ms. seen_before_ms: until when an earlier run had seen everything; None: nobody had."""

    began_ms: int
    seen_before_ms: int | None


async def record_run(memory: MetaStore, run: MonitorRun, *, venue: Venue = "binance") -> None:
    """A monitor of that venue begins. Raises: StorageError."""
    key = of_venue(venue, RUNS_KEY)
    runs = [*runs_of(await memory.meta_get(key)), run][-MOST_RUNS:]
    await memory.meta_set(key, msgspec.json.encode([(one.began_ms, one.seen_before_ms) for one in runs]).decode())


def runs_of(text: str | None) -> Sequence[MonitorRun]:
    """What is kept, oldest first; empty where nothing is, or something else."""
    with suppress(msgspec.MsgspecError):
        rows = msgspec.json.decode(text or "[]", type=list[tuple[int, int | None]])
        return [MonitorRun(began_ms=began_ms, seen_before_ms=seen_ms) for began_ms, seen_ms in rows]
    return []
