"""(l) An alert from its frame to the chat in one process with SQLite, beside another version in alternating pairs.

Everything on the way is real: the engine, the store with its thread, the texts, delivery and its pace; the chat takes
what it is sent, and time is moved by hand. One alert after the other is decided, stored and sent, then more becomes
known about it and its message is edited. Each run is a process of its own, so both versions use the same helpers of
this file. Calls of functions hardly differ from run to run; CPU does, so medians count, of alerts and of pairs.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from types import FrameType
from typing import Any

CHECKOUT = Path(__file__).parents[1]
PHASES = ("sent", "edited")
ALERTS = 220
NOT_COUNTED = 20
PAIRS = 6
BETWEEN_S = 5.0
"""Of the clock that is moved by hand: an alert is alone, and its edit has room."""
T0_MS = 1_790_000_040_000
CHAT = 77


@dataclass(frozen=True, slots=True)
class Cost:
    """calls: of functions for one alert. cpu_us: of it, the median of all alerts."""

    calls: float
    cpu_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """By phase ("sent", "edited"): this checkout, the other version, and the median over the pairs of the CPU's ratio.
    Without the other two where the other version is not in this clone."""

    now: Mapping[str, Cost]
    before: Mapping[str, Cost] = field(default_factory=dict)
    cpu_ratios: Mapping[str, float] = field(default_factory=dict)


def run(against: str, *, pairs: int = PAIRS) -> Paired:
    from benchmarks.whole import take_out

    with tempfile.TemporaryDirectory(prefix="altmonitor-bench-") as folder:
        before = Path(folder) / "before"
        if not take_out(against, before):
            return Paired(now=_costs(_child(CHECKOUT, "calls"), [_child(CHECKOUT, "cpu")]))
        spent: dict[Path, list[dict[str, float]]] = {CHECKOUT: [], before: []}
        for number in range(pairs):  # whichever is first in a pair: what the machine does next strikes both alike
            for checkout in (before, CHECKOUT) if number % 2 else (CHECKOUT, before):
                spent[checkout].append(_child(checkout, "cpu"))
        found = {checkout: _costs(_child(checkout, "calls"), of) for checkout, of in spent.items()}
    both = list(zip(spent[CHECKOUT], spent[before], strict=True))
    ratios = {phase: median(now[phase] / then[phase] for now, then in both) for phase in PHASES}
    return Paired(now=found[CHECKOUT], before=found[before], cpu_ratios=ratios)


def _costs(calls: Mapping[str, float], spent: Sequence[Mapping[str, float]]) -> dict[str, Cost]:
    return {phase: Cost(calls[phase], median(run[phase] for run in spent)) for phase in PHASES}


def _child(checkout: Path, what: str) -> dict[str, float]:
    command = [sys.executable, "-P", "-m", "benchmarks.alert_path", what]
    environ = os.environ | {"PYTHONPATH": f"{checkout}{os.pathsep}{CHECKOUT}", "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory(prefix="altmonitor-bench-") as folder:
        done = subprocess.run(command, env=environ, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return {phase: float(value) for phase, value in (line.split() for line in done.stdout.splitlines())}


# ---
# In a process of its own, with whichever version PYTHONPATH names.


class HandClock:
    """Moved by whoever drives the run; what is due then is woken. Starts at a full minute.

    Not the clock of the tests: that one gives the event loop 25 turns after each timer, which would be counted here.
    """

    def __init__(self) -> None:
        self._now_s = 1_000.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def now_ms(self) -> int:
        return T0_MS + round((self._now_s - 1_000.0) * 1000)

    def monotonic(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._at(seconds, woken.set)
        await woken.wait()

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        timeout = asyncio.timeout(None)

        def expire() -> None:
            with suppress(RuntimeError):  # it has ended before
                timeout.reschedule(asyncio.get_running_loop().time())

        if seconds is not None:
            self._at(seconds, expire)
        return timeout

    def advance(self, seconds: float) -> None:
        self._now_s += seconds
        while self._timers and self._timers[0][0] <= self._now_s:
            heapq.heappop(self._timers)[2]()

    def _at(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self._now_s + seconds, next(self._numbers), call))


class Chat:
    """`Channel`: takes everything at once."""

    def __init__(self) -> None:
        self.sent = 0
        self.edited = asyncio.Event()

    async def send(self, destination: Any, html: str, **how: Any) -> int:
        self.sent += 1
        return self.sent

    async def edit(self, destination: Any, message_id: int, html: str, **how: Any) -> None:
        self.edited.set()


@dataclass
class Days:
    """`MarketContext` of a market of which nothing but candles is known."""

    known: dict[str, Any] = field(default_factory=dict)

    def day(self, symbol: str) -> Any:
        return self.known.get(symbol)

    def funding(self, symbol: str) -> Any:
        return self.known.get(symbol)

    def funding_hours(self, symbol: str) -> float:
        return 8.0


async def alerts(path: Path, meter: CallCounts | CpuTimes, *, count: int = ALERTS) -> None:
    """meter: of every alert but the first ones."""
    import msgspec

    from altmonitor.core.types import Destination
    from altmonitor.delivery.deps import DeliveryDeps, DeliveryEvents
    from altmonitor.delivery.destination_style import DestinationStyles
    from altmonitor.delivery.dispatcher import Dispatcher
    from altmonitor.engine.context import EngineDeps
    from altmonitor.engine.engine import Engine
    from altmonitor.market.open_interest import OpenInterestRing
    from altmonitor.render.signed_buttons import ButtonSigner
    from altmonitor.settings.audience import Audience
    from altmonitor.settings.settings import Settings
    from altmonitor.storage.store import SqliteStore, StoreOptions

    clock, chat, sent = HandClock(), Chat(), asyncio.Event()
    here = Destination(chat_id=CHAT)
    audience = Audience(destination=here, settings=Settings())
    names = [f"C{at}USDT" for at in range(count)]
    committed: list[Any] = []
    async with SqliteStore(
        path, clock=clock, options=StoreOptions(destinations=(here,), on_committed=committed.append)
    ) as store:
        engine = Engine(
            EngineDeps(clock=clock, sink=store, context=Days(), oi_ring=OpenInterestRing(period_s=60.0)),
            audiences=[audience],
        )
        engine.set_symbols(names)
        styles = DestinationStyles([audience], signer=ButtonSigner("00" * 32))
        deps = DeliveryDeps(
            outbox=store,
            channel=chat,  # type: ignore[arg-type]
            renderer=styles.of(here).renderer,
            clock=clock,
            destination_styles=styles.of,
            events=DeliveryEvents(sent=lambda *alert: sent.set()),
        )
        dispatcher = Dispatcher(deps, [here])
        running = asyncio.create_task(dispatcher.run())
        await _settle()
        for number, name in enumerate(names):
            if number == NOT_COUNTED:  # what is done once lies behind
                meter.forget()
            meter.begin()
            engine.on_kline(_frame(name, clock.now_ms(), 100.0))
            sent.clear()
            engine.on_kline(_frame(name, clock.now_ms() + 100, 104.0))
            await sent.wait()
            clock.advance(BETWEEN_S)
            await _settle()
            meter.end("sent")
            meter.begin()
            chat.edited.clear()
            await store.update_alert(msgspec.structs.replace(committed[-1], lsr=1.5))
            dispatcher.refresh(committed[-1].key)
            await chat.edited.wait()
            clock.advance(BETWEEN_S)
            await _settle()
            meter.end("edited")
        if chat.sent != count:
            sys.exit(f"{chat.sent} of {count} alerts were sent")
        running.cancel()
        await asyncio.wait({running})


def _frame(symbol: str, at_ms: int, close: float) -> Any:
    from altmonitor.market.candles import Candle, CandleUpdate

    candle = Candle(
        open_ms=at_ms - at_ms % 60_000,
        open=100.0,
        high=close,
        low=100.0,
        close=close,
        quote_usdt=1000.0,
        taker_quote_usdt=500.0,
        trades=1,
        is_closed=False,
    )
    return CandleUpdate(event_ms=at_ms, symbol=symbol, kline=candle)


async def _settle() -> None:
    """What was woken has come to rest."""
    for _ in range(5):
        await asyncio.sleep(0)


class CallCounts:
    """Calls of functions, Python's own and those of C, in all threads; by name, those in Python with their file."""

    def __init__(self) -> None:
        self._by_phase: dict[str, list[int]] = {phase: [] for phase in PHASES}
        self._total = 0
        self.by_name: Counter[str] = Counter()

    def forget(self) -> None:
        self._by_phase = {phase: [] for phase in PHASES}
        self.by_name.clear()

    def begin(self) -> None:
        self._total = 0
        threading.setprofile(self._count)
        sys.setprofile(self._count)

    def end(self, phase: str) -> None:
        self._by_phase[phase].append(self._total)

    def of(self, phase: str) -> float:
        return fmean(self._by_phase[phase])

    def _count(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self._total += 1
            code = frame.f_code
            self.by_name[f"{'/'.join(code.co_filename.split('/')[-2:])}:{code.co_qualname}"] += 1
        elif event == "c_call":
            self._total += 1
            self.by_name[f"C:{getattr(argument, '__qualname__', argument)}"] += 1


class CpuTimes:
    """CPU of the process, seconds."""

    def __init__(self) -> None:
        self._by_phase: dict[str, list[float]] = {phase: [] for phase in PHASES}
        self._began_s = 0.0

    def forget(self) -> None:
        self._by_phase = {phase: [] for phase in PHASES}

    def begin(self) -> None:
        self._began_s = time.process_time()

    def end(self, phase: str) -> None:
        self._by_phase[phase].append(time.process_time() - self._began_s)

    def of(self, phase: str) -> float:
        """µs."""
        return median(self._by_phase[phase]) * 1e6


def _main(what: str) -> None:
    """Prints for each phase the calls of functions ("calls") or µs of CPU ("cpu") of an alert; "names": calls by name,
    of both together."""
    meter = CpuTimes() if what == "cpu" else CallCounts()
    if isinstance(meter, CallCounts):  # before the thread of the database begins
        meter.begin()
    asyncio.run(alerts(Path("alerts.db"), meter))
    sys.setprofile(None)
    if what == "names" and isinstance(meter, CallCounts):
        for name, number in meter.by_name.most_common():
            print(number, name)
    else:
        for phase in PHASES:
            print(phase, meter.of(phase))


if __name__ == "__main__":
    _main(sys.argv[1])
