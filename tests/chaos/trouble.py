"""How each kind of fault is made, and taken back."""

from __future__ import annotations

import resource
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from altmonitor.core.clock import Clock
from altmonitor.sim.control import ANY_PATH, RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.telegram.server import SimTelegram
from tests.chaos.schedule import Fault

UNLIMITED = resource.RLIM_INFINITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Everything that can go wrong outside the program. symbols: those it watches."""

    clock: Clock
    exchange: SimExchange
    telegram: SimTelegram
    database: Path
    symbols: list[str]

    async def meet(self, fault: Fault) -> None:
        """Until it is over. Not for faults of the process itself."""
        area, _, what = fault.name.partition(" ")
        if area == "feed" or area == "symbols":
            await self._feed(fault, what)
        elif area == "rest":
            await self._rest(fault, what)
        elif area == "telegram":
            await self._telegram(fault, what)
        elif area == "clock":
            self.exchange.faults.clock_skew_ms = round((fault.size - 0.5) * 12_000)
            await self.clock.sleep(fault.for_s)
            self.exchange.faults.clock_skew_ms = 0
        else:
            raise ValueError(fault.name)

    def muted_by(self, fault: Fault) -> list[str]:
        """The symbols whose streams a `symbols mute` silences."""
        first = int(fault.size * len(self.symbols))
        return (self.symbols * 2)[first : first + 3]

    async def _feed(self, fault: Fault, what: str) -> None:
        faults = self.exchange.faults
        match what:
            case "drop":
                faults.drop_all()
            case "close":
                faults.close_all(1001, "going away")
            case "mute" if fault.name == "symbols mute":
                chosen = self.muted_by(fault)
                faults.mute_symbols.update(chosen)
                await self.clock.sleep(fault.for_s)
                faults.mute_symbols.difference_update(chosen)
            case "mute":
                faults.mute = True
                await self.clock.sleep(fault.for_s)
                faults.mute = False
            case "refused":
                faults.refuse_connections = 503
                faults.drop_all()
                await self.clock.sleep(fault.for_s)
                faults.refuse_connections = None
            case "garbage":
                faults.garbage = True
                await self.clock.sleep(fault.for_s)
                faults.garbage = False
            case "no answers":
                faults.swallow_acks = True
                faults.drop_all()
                await self.clock.sleep(fault.for_s)
                faults.swallow_acks = False
            case _:
                raise ValueError(fault.name)

    async def _rest(self, fault: Fault, what: str) -> None:
        if what == "crowded":  # another program on this address uses up most of what it may ask
            self.exchange.faults.weight_offset = 1_900
            await self.clock.sleep(fault.for_s)
            self.exchange.faults.weight_offset = 0
            return
        until_ms = self.exchange.now_ms() + round(fault.for_s * 1000)
        once, end = RestFault(status=418, times=1), f"{fault.for_s:.0f}"
        spoiled = {
            "503": RestFault(status=503),
            "slow": RestFault(delay_s=300),
            "truncated": RestFault(truncate=True),
            "cut": RestFault(cut=True),
            "portal": RestFault(html_200=True),
            "429": RestFault(status=429, retry_after=end, times=1),
            "403": RestFault(status=403, times=1),
            "418": RestFault(status=418, retry_after=end, banned_until_ms=until_ms, times=1),
            "418 by date": RestFault(status=418, retry_after=http_date(until_ms), banned_until_ms=until_ms, times=1),
            "418 in words": once,
        }[what]
        once.banned_until_ms = until_ms
        self.exchange.faults.rest[ANY_PATH] = spoiled
        await self.clock.sleep(fault.for_s)
        if self.exchange.faults.rest.get(ANY_PATH) is spoiled:
            del self.exchange.faults.rest[ANY_PATH]

    async def _telegram(self, fault: Fault, what: str) -> None:
        faults = self.telegram.faults
        match what:
            case "abort" | "portal":
                faults.outage = what
                await self.clock.sleep(fault.for_s)
                faults.outage = ""
            case "bad gateway":
                faults.outage = "bad_gateway"
                await self.clock.sleep(fault.for_s)
                faults.outage = ""
            case "refused":
                await self.telegram.refuse_connections()
                await self.clock.sleep(fault.for_s)
                await self.telegram.accept_connections()
            case "429":
                faults.refuse_next("sendMessage", 429, retry_after_s=round(fault.for_s))
                await self.clock.sleep(fault.for_s)
            case "accepts and drops":
                faults.accept_then_drop = 1 + round(fault.size)
            case "truncates":
                faults.truncate = 1 + round(fault.size)
            case "slow":
                faults.delay_s = 1 + 6 * fault.size
                await self.clock.sleep(fault.for_s)
                faults.delay_s = 0.0
            case _:
                raise ValueError(fault.name)

    async def disk(self, fault: Fault, *, pid: int) -> None:
        """Another program holds the database's lock, or the process `pid` may not write to any file."""
        if fault.name == "disk locked":
            with closing(sqlite3.connect(self.database, isolation_level=None, timeout=2)) as db:
                db.execute("BEGIN IMMEDIATE")
                await self.clock.sleep(fault.for_s)
                db.execute("ROLLBACK")
        else:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
            await self.clock.sleep(fault.for_s)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (UNLIMITED, hard))


def http_date(unix_ms: int) -> str:
    """Whole seconds, rounded up: an HTTP date has no others."""
    return format_datetime(datetime.fromtimestamp(-(-unix_ms // 1000), UTC), usegmt=True)
