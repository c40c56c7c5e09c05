"""What happens in the demo, and when. Each scene waits until whoever watches can see it.

A price move needs a subscribed stream, an open-interest jump a sample from before it, a volume burst the history of
its contract. How long a monitor takes to get there depends on the machine, so nothing here counts from the start.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.sim.control import ConnectionStats
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst, Crash, Dump, Event, Listing, OiStep, Pump
from altmonitor.sim.wire import kline_stream

LOOK_S: Final = 0.5
SOON_S: Final = 1.0
EARLY: Final = 40
"""Those that a monitor which goes by the alphabet asks about first."""
OI_USD_MIN: Final = 3e6
OPEN_INTEREST: Final = "/fapi/v1/openInterest"
OI_SEEN_WITHIN_S: Final = 300.0
NEWCOMER: Final = "NEWCOINUSDT"
SECOND_RISE_S, DUMP_S, LISTING_S, NEWCOMER_RISES_S, CRASH_S = 36.0, 80.0, 90.0, 135.0, 210.0
BLIND_S, BLIND_FOR_S = 390.0, 90.0
CASCADE_OF: Final = "BTCUSDT"
CASCADE_AFTER_S: Final = 6.0
CASCADE_USD: Final = (180e3, 240e3, 300e3, 420e3, 600e3, 900e3)
AFTERWARDS_S: Final = 3 * 3_600.0
MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Contracts by what happens to them. others: of the time after the script."""

    pump: str
    dump: str
    jump: str
    burst: str
    others: tuple[str, ...]


def cast(market: SeededMarket, *, seed: int) -> Cast:
    """Trading USDT perpetuals only; `jump` has enough open interest to be told, `jump` and `burst` are early ones."""
    start_ms = market.start_ms
    names = sorted(
        contract.symbol
        for contract in market.contracts()
        if contract.status_at(start_ms) == "TRADING"
        and (contract.contract_type, contract.quote_asset) == ("PERPETUAL", "USDT")
    )
    choose = random.Random(seed)
    early = names[:EARLY]
    prices = dict(zip(early, market.prices(early, start_ms), strict=True))
    large = [name for name in early if market.open_interest(name, start_ms) * prices[name] >= OI_USD_MIN] or early
    jump = choose.choice(large)
    burst = choose.choice([name for name in early if name != jump])
    pump, dump, *others = choose.sample([name for name in names if name not in (jump, burst)], 10)
    return Cast(pump=pump, dump=dump, jump=jump, burst=burst, others=tuple(others))


class DemoScript:
    """`run` plays it once, for the first who connects; all times are the clock's."""

    def __init__(self, exchange: SimExchange, market: SeededMarket, *, clock: Clock, seed: int) -> None:
        self._exchange = exchange
        self._market = market
        self._clock = clock
        self._seed = seed
        self.cast = cast(market, seed=seed)
        self._asked_before_jump: int | None = None

    async def run(self) -> None:
        """Returns when nothing is left but what the market does by itself."""
        async with asyncio.TaskGroup() as scenes:
            scenes.create_task(self._prices(), name="demo prices")
            scenes.create_task(self._open_interest(), name="demo open interest")
            scenes.create_task(self._volume(), name="demo volume")

    async def _prices(self) -> None:
        stream = kline_stream(self.cast.pump)
        await self._until(lambda: any(stream in seen.subscriptions for seen in self._connections()))
        from_ms = self._in_ms(SOON_S)

        def at(seconds: float) -> int:
            return from_ms + round(seconds * 1000)

        self._market.add(
            Pump(self.cast.pump, from_ms, 4.2, over_s=6),
            Pump(self.cast.pump, at(SECOND_RISE_S), 4.6, over_s=8),
            Dump(self.cast.dump, at(DUMP_S), 3.6, over_s=8),
        )
        await self._clock.sleep(LISTING_S)
        self._market.add(
            Listing(NEWCOMER, self._in_ms(SOON_S)),
            Pump(NEWCOMER, at(NEWCOMER_RISES_S), 14.0, over_s=30),
            *self._afterwards(from_ms),
        )
        await self._clock.sleep(CRASH_S - LISTING_S)
        await self._until(self._was_oi_seen, at_most_s=OI_SEEN_WITHIN_S)  # in the crash nobody would notice it
        self._market.add(Crash(self._in_ms(SOON_S), 3.6, over_s=25, share=0.85))
        await self._clock.sleep(CASCADE_AFTER_S)
        for usd in CASCADE_USD:
            self._exchange.liquidate(CASCADE_OF, is_long=True, usd=usd)
            await self._clock.sleep(2 * SOON_S)
        await self._clock.sleep(BLIND_S - CRASH_S - CASCADE_AFTER_S - 2 * SOON_S * len(CASCADE_USD))
        self._exchange.faults.mute = True
        await self._clock.sleep(BLIND_FOR_S)
        self._exchange.faults.mute = False

    async def _open_interest(self) -> None:
        await self._until(lambda: self._was_asked(OPEN_INTEREST, self.cast.jump))
        self._market.add(OiStep(self.cast.jump, self._in_ms(SOON_S), 9.0))
        self._asked_before_jump = self._exchange.stats.rest[OPEN_INTEREST].symbols[self.cast.jump]

    async def _volume(self) -> None:
        await self._until(lambda: self._was_asked("/fapi/v1/klines", self.cast.burst))
        at_ms = self._in_ms(4 * SOON_S)
        left_s = MINUTE_S - at_ms / 1000 % MINUTE_S
        if left_s < MINUTE_S / 6:  # too little of this minute is left to be seen growing
            at_ms += round(left_s * 1000) + 1_000
        self._market.add(Burst(self.cast.burst, at_ms, 9.0))

    def _afterwards(self, from_ms: int) -> list[Event]:
        """Something every minute or two, so that the screen stays alive."""
        choose = random.Random(self._seed + 1)
        events: list[Event] = []
        second = BLIND_S + 2 * BLIND_FOR_S
        while second < AFTERWARDS_S:
            at_ms, name = from_ms + int(second * 1000), choose.choice(self.cast.others)
            kind = choose.randrange(4)
            if kind == 0:
                events.append(Pump(name, at_ms, choose.uniform(3.2, 7), over_s=choose.uniform(5, 40)))
            elif kind == 1:
                events.append(Dump(name, at_ms, choose.uniform(3.2, 7), over_s=choose.uniform(5, 40)))
            elif kind == 2:
                events.append(OiStep(name, at_ms, choose.choice((1, -1)) * choose.uniform(7, 15)))
            else:
                events.append(Burst(name, at_ms, choose.uniform(6, 20)))
            second += choose.uniform(60, 150)
        return events

    def _connections(self) -> list[ConnectionStats]:
        return self._exchange.stats.open_connections

    def _was_asked(self, path: str, symbol: str) -> bool:
        log = self._exchange.stats.rest.get(path)
        return log is not None and log.symbols[symbol] > 0

    def _was_oi_seen(self) -> bool:
        """Its contract was sampled twice after the jump: the first of them is judged and told by then."""
        before = self._asked_before_jump
        return before is not None and self._exchange.stats.rest[OPEN_INTEREST].symbols[self.cast.jump] >= before + 2

    def _in_ms(self, seconds: float) -> int:
        return self._exchange.now_ms() + round(seconds * 1000)

    async def _until(self, is_so: Callable[[], bool], *, at_most_s: float = math.inf) -> None:
        until_s = self._clock.monotonic() + at_most_s
        while not is_so() and self._clock.monotonic() < until_s:
            await self._clock.sleep(LOOK_S)
