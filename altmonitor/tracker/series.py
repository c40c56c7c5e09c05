"""What the tracker keeps and where: series, outcomes, sweeps, and the store behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from altmonitor.core.causes import Cause
from altmonitor.positioning.history import PositionAlert, PositionChange, Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import TopTraders


class Series(StrEnum):
    SMART_MONEY = "smart-money"
    TOP_TRADERS = "top-traders"
    OPEN_INTEREST = "open-interest"


class Outcome(StrEnum):
    """What came of asking for one symbol. The last three leave the symbol to be asked again."""

    STORED = "stored"
    KNOWN = "known"  # an answer that is stored already: no new row
    NO_DATA = "no data"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    REFUSED = "refused"  # an answer that cannot be used


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """Sweeps in a row that brought nothing, or less than a quarter. is_stuck: has been told."""

    empty_in_row: int = 0
    thin_in_row: int = 0
    is_stuck: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """The running or last sweep of a series. started_ms is its name. ended_ms None: not finished."""

    started_ms: int
    ended_ms: int | None
    liveness: Liveness


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The last answer of a symbol. sweep_ms: the sweep it belongs to."""

    sweep_ms: int
    answered_ms: int
    outcome: str


class SnapshotStore(Protocol):
    """Every method may raise `errors.StorageError` and nothing else. A put is committed when it returns."""

    async def sweep(self, series: Series) -> SweepRow | None: ...
    async def begin_sweep(self, series: Series, started_ms: int, liveness: Liveness) -> None: ...
    async def end_sweep(self, series: Series, ended_ms: int | None, liveness: Liveness) -> None:
        """ended_ms None: stopped before its end, to be taken up again."""

    async def answers(self, series: Series) -> Mapping[str, Answered]: ...

    async def put_snapshot(self, snapshot: Snapshot, *, sweep_ms: int) -> bool:
        """False: this capture is stored already, and stays as it is."""

    async def put_top_traders(self, found: TopTraders, *, sweep_ms: int) -> bool: ...
    async def put_open_interest(self, symbol: str, found: OiVelocity, *, sweep_ms: int, now_ms: int) -> bool:
        """False for both: a row with this key was there, and was replaced."""

    async def put_nothing(self, series: Series, symbol: str, *, sweep_ms: int, now_ms: int) -> None: ...

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        """Oldest → newest."""

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool: ...
    async def mark_told(self, symbol: str, fingerprint: str, *, told_ms: int) -> None: ...
    async def forget_before(self, before_ms: int) -> int:
        """Deletes rows of all three series that are older; returns how many."""

    async def checkpoint(self) -> None: ...


# ---
# What a tracker tells its operator. Values; the words stand with whoever sends them.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerStuck:
    """kind: `stuck` (sweeps without a row), `degraded` (with less than a quarter of the plan).

    captured: in the last sweep. reason: of its last failure, None when there was none (the site has nothing).
    """

    kind: Literal["stuck", "degraded"]
    series: Series
    sweeps: int
    captured: int
    planned: int
    reason: Cause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerRecovered:
    series: Series
    captured: int
    planned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerBlocked:
    """Told once per block."""

    series: Series
    until_ms: int
    reason: Cause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMoved:
    """change: over the same window, for context."""

    alert: PositionAlert
    change: PositionChange


TrackerNotice = TrackerStuck | TrackerRecovered | TrackerBlocked | PositionMoved


# ---
# News on their way to a chat.


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingNews:
    """Stored and not yet accepted by the chat. maybe_sent: an attempt was begun and its end is not known."""

    id: int
    html: str
    queued_ms: int
    maybe_sent: bool


class NewsOutbox(Protocol):
    """What is put here survives the process. Every method may raise StorageError; each is committed when it returns."""

    async def put_news(self, html: str, *, now_ms: int, moved: PositionMoved | None) -> None:
        """moved: noted as told in the same moment, so that the next row does not tell it again."""

    async def next_news(self) -> WaitingNews | None:
        """The oldest."""

    async def begin_attempt(self, news_id: int) -> None:
        """From now on it may have arrived."""

    async def not_sent(self, news_id: int) -> None:
        """The attempt is known to have failed; it goes on waiting."""

    async def end_news(self, news_id: int, *, now_ms: int, message_id: int | None, error: str = "") -> None:
        """Sent, with the chat's message id, or given up."""
