"""Open interest of an exchange: asked contract by contract or as one table, and told when it stays away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.collect.open_interest_sweep import OpenInterestSweep
from altmonitor.collect.open_interest_table import SAMPLE_EVERY_S, OpenInterestTableSweep
from altmonitor.config import Config
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.health import SWEEP_LATE_PERIODS, is_open_interest_missing, is_sweep_late
from altmonitor.core.status import SweepStatus
from altmonitor.exchanges.adapter import ExchangeAdapter
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import OpenInterest

LOOK_EVERY_S: Final = 10.0
MISSING_TOLD_S: Final = 120.0
"""What is mended sooner is no news: a change is measured over minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDeps:
    """As both sweeps know them: on_listing is of the table alone, catch_up_s of the other."""

    clock: Clock
    symbols: Callable[[], Sequence[str]]
    record: Callable[[OpenInterest], None]
    evaluate: Callable[[Sequence[str]], None]
    on_listing: Callable[[], None]
    catch_up_s: float


def open_interest_ring(exchange: ExchangeAdapter, config: Config) -> OpenInterestRing:
    """For as many samples as the sweep of this exchange makes."""
    return OpenInterestRing(period_s=config.oi_poll_sec if exchange.oi_table is None else SAMPLE_EVERY_S)


def open_interest_sweep(
    exchange: ExchangeAdapter, config: Config, deps: SweepDeps
) -> OpenInterestSweep | OpenInterestTableSweep:
    if exchange.oi_table is not None:
        return OpenInterestTableSweep(
            exchange.oi_table,
            clock=deps.clock,
            symbols=deps.symbols,
            record=deps.record,
            evaluate=deps.evaluate,
            on_listing=deps.on_listing,
        )
    return OpenInterestSweep(
        exchange.rest,
        clock=deps.clock,
        period_s=config.oi_poll_sec,
        concurrency=config.oi_concurrency,
        symbols=deps.symbols,
        record=deps.record,
        evaluate=deps.evaluate,
        catch_up_s=deps.catch_up_s,
    )


class OpenInterestWatch:
    """Tells the owner once when open interest stays away for long, and once when it is back.

    status: of the sweep. is_excused: nothing is told now because another notice says why there is none (a feed that
    is blind, a block), or no contract is watched. on_missing: why, None where nothing failed, and of how many percent
    of the contracts figures came. on_back: since when it was missing, unix ms."""

    def __init__(
        self,
        *,
        clock: Clock,
        status: Callable[[], SweepStatus],
        is_excused: Callable[[], bool],
        on_missing: Callable[[Cause | None, int], None],
        on_back: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self._status = status
        self._is_excused = is_excused
        self._on_missing = on_missing
        self._on_back = on_back
        self._since: tuple[float, int] | None = None  # monotonic seconds and unix ms
        self._told_since_ms: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        status = self._status()
        if not is_open_interest_missing(status):
            self._since = None
            if self._told_since_ms is not None:
                since_ms, self._told_since_ms = self._told_since_ms, None
                self._on_back(since_ms)
            return
        if self._is_excused():
            self._since = None
            return
        now_s = self._clock.monotonic()
        if self._since is None:
            self._since = now_s, self._clock.now_ms()
        since_s, since_ms = self._since
        told_after_s = max(MISSING_TOLD_S, SWEEP_LATE_PERIODS * status.period_s)
        if self._told_since_ms is None and now_s - since_s >= told_after_s:
            self._told_since_ms = since_ms
            self._on_missing(status.trouble, 0 if is_sweep_late(status) else round(100 * status.coverage))
