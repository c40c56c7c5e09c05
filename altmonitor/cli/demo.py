"""What the demo plays: one event of each kind in the first seconds, and some more for as long as it runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ConfigError
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst, Crash, Dump, Event, Listing, OiStep, Pump
from altmonitor.sim.tape import TapeMarket

SPEED = 10.0
FRAMES_PER_S = 150.0  # of the market's time: at 10 × that is 1,500 a second
CRASH_AFTER_S = 240.0
BLIND_AFTER_S, BLIND_FOR_S = 420.0, 90.0
AFTERWARDS_S = 3 * 3_600
STALL_S = 2.0  # of the machine's time: a shorter silence of the feed may be the machine's own pause
LONGEST_HOLE_S = 3_600.0
TAPE_LOOK_S = 5.0
TAPE_REST_S = 90.0  # after the last candle, at most: what still waits for the chat's pace


def market(*, start_ms: int, symbols: int, seed: int) -> SeededMarket:
    """A seeded market with its script. Times are seconds after the start, in the market's own time."""
    quiet = SeededMarket(seed=seed, start_ms=start_ms, symbols=symbols, frames_per_s=FRAMES_PER_S)
    names = [
        contract.symbol
        for contract in quiet.contracts()
        if contract.status_at(start_ms) == "TRADING"
        and (contract.contract_type, contract.quote_asset) == ("PERPETUAL", "USDT")
    ]
    choose = random.Random(seed)
    pump, dump, jump, burst, *others = choose.sample(names, 12)

    def at(seconds: float) -> int:
        return start_ms + round(seconds * 1000)

    quiet.add(
        Pump(pump, at(30), 4.2, over_s=8),
        OiStep(jump, at(58), 9.0),
        Burst(burst, at(62), 9.0),
        Pump(pump, at(66), 4.6, over_s=8),
        Dump(dump, at(128), 3.6, over_s=8),
        Listing("NEWCOINUSDT", at(140)),
        Pump("NEWCOINUSDT", at(185), 14.0, over_s=30),
        Crash(at(CRASH_AFTER_S), 3.6, over_s=25, share=0.85),
        *_afterwards(choose, others, start_ms),
    )
    return quiet


def _afterwards(choose: random.Random, names: list[str], start_ms: int) -> list[Event]:
    """Something every minute or two, so that the screen stays alive."""
    events: list[Event] = []
    second = BLIND_AFTER_S + 2 * BLIND_FOR_S
    while second < AFTERWARDS_S:
        at_ms, name = start_ms + int(second * 1000), choose.choice(names)
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


def tape(file: Path, *, from_time: str | None, to_time: str | None) -> TapeMarket:
    """A recorded market as the demo plays it: its long holes are shortened. Raises ConfigError."""
    from_ms, to_ms = moment_ms("--from", from_time), moment_ms("--to", to_time)
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise ConfigError([f"--to {to_time} is not later than --from {from_time}"])
    return TapeMarket(file, from_ms=from_ms, to_ms=to_ms, skip_holes_over_s=LONGEST_HOLE_S)


def moment_ms(option: str, text: str | None) -> int | None:
    """`2022-05-12T08:00` (UTC unless it names a zone) → unix ms. Raises ConfigError with one clear line."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:
        raise ConfigError([f"{option} {text!r} is not a time such as 2022-05-12T08:00"]) from problem
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def opening_words(played: SeededMarket | TapeMarket, *, speed: float) -> str:
    if isinstance(played, TapeMarket):
        what = f"{played.symbol} as it was from {_day(played.start_ms)} to {_day(played.end_ms)}"
    else:
        what = f"a simulated exchange with {len(played.contracts())} contracts"
    return (
        f"altmonitor demo: {what}, {speed:g} times as fast as life.\n"
        "Below is what arrives in the chat. Type /status or /help and Enter to write to the bot; Ctrl-C ends it.\n"
    )


def _day(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


async def direct(
    played: SeededMarket | TapeMarket,
    exchange: SimExchange,
    clock: Clock,
    stop: asyncio.Event,
    *,
    seconds: float | None,
    is_waiting: Callable[[], bool],
) -> None:
    """Ends the demo when its time or the tape is over; lets a seeded market's feed fall silent once in between.

    is_waiting: true while something has not been sent yet.
    """
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stop.set)
    if isinstance(played, TapeMarket):
        while not played.is_over(clock.now_ms()):
            await clock.sleep(TAPE_LOOK_S)
        await clock.sleep(TAPE_LOOK_S)
        while is_waiting() and clock.now_ms() < played.end_ms + TAPE_REST_S * 1000:
            await clock.sleep(TAPE_LOOK_S)
        stop.set()
        return
    await clock.sleep(BLIND_AFTER_S)
    exchange.faults.mute = True
    await clock.sleep(BLIND_FOR_S)
    exchange.faults.mute = False
