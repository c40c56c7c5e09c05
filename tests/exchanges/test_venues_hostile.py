"""Answers of a venue with one thing wrong in them, whatever it is: each is an error of the exchange or leaves a row
out, and nothing else happens."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from altmonitor.core.cache import Cache
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import AltmonitorError, ExchangeError
from altmonitor.core.types import Venue
from altmonitor.exchanges.exchange_clock import EARLIEST_MS, LATEST_MS
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS, Candle
from tests.exchanges.test_venues_rest import VENUES, every_venue
from tests.exchanges.venue_kit import venue_stage

ROUNDS: Final = 60
DROPPED: Final = object()
ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, -1, 0, -0.0, 1e30, 1e308, 10**30, -(10**30), 3.7),
    *("", " ", "x", "\x00", "0x10", "١٢٣", "NaN", "Infinity", "1e400", "-1e5", "9" * 400),
    *([], [[]], [None], {}, {"a": None}, DROPPED, DROPPED, DROPPED),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything in an answer; of a list its first rows."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inside in items:
        yield from places(inside, (*path, key))


def spoiled(body: bytes, dice: random.Random) -> bytes:
    """With one value changed or left out, a few bytes changed, or cut."""
    kind = dice.random()
    if kind < 0.1:
        changed = bytearray(body)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        return bytes(changed)
    if kind < 0.15:
        return body[: dice.randrange(len(body))]
    whole = json.loads(body)
    *before, last = dice.choice([path for path in places(whole) if path])
    at = whole
    for key in before:
        at = at[key]
    odd = dice.choice(ODD)
    if odd is not DROPPED:
        at[last] = odd
    else:
        del at[last]
    return json.dumps(whole).encode()


class Tape:
    """In the place of `VenueRest`: keeps each answer the first time, and later tells it with `change` made to it."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._bodies: dict[str, bytes] = {}
        self.change: Callable[[bytes], bytes] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def get(self, path: str, priority: Priority, **asked: Any) -> bytes:
        return await self._told(path, lambda: self._real.get(path, priority, **asked))

    async def ask(self, ask: Any) -> bytes:
        is_question = ask.target.startswith("{")
        name = json.loads(ask.target)["type"] if is_question else ask.target.partition("?")[0]
        return await self._told(name, lambda: self._real.ask(ask))

    async def _told(self, name: str, ask: Callable[[], Awaitable[bytes]]) -> bytes:
        if name not in self._bodies:
            self._bodies[name] = await ask()
        return self._bodies[name] if self.change is None else self.change(self._bodies[name])


@every_venue
@pytest.mark.timeout(240)
async def test_an_answer_with_anything_wrong_in_it_raises_nothing_but_errors_of_the_exchange(
    venue: Venue, tmp_path: Path
) -> None:
    dice = random.Random(VENUES.index(venue))
    findings = []
    async with venue_stage(venue, tmp_path, has_feed=False, symbols=30) as s:
        rest: Any = s.adapter.rest
        tape = rest._rest = Tape(rest._rest)
        now_ms = s.exchange.now_ms() // MINUTE_MS * MINUTE_MS
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "contracts": rest.contracts,
            "day tickers": rest.day_tickers,
            "fundings": rest.fundings,
            "funding hours": rest.funding_hours,
            "open interest": rest.open_interests,
            "time": rest.server_time_ms,
            "long/short": lambda: rest.long_short_ratio("SOLUSDT", period="5m", priority=Priority.ENRICH),
            "candles": lambda: rest.klines(
                "SOLUSDT", start_ms=now_ms - 9 * MINUTE_MS, end_ms=now_ms, limit=99, priority=Priority.BACKFILL
            ),
        }
        if s.adapter.predicted_fundings is not None:
            calls["predicted fundings"] = s.adapter.predicted_fundings
        for call in calls.values():
            await call()
        tape.change = lambda body: spoiled(body, dice)
        for name, call in calls.items():
            for _ in range(ROUNDS):
                for kept, cache in list(vars(rest).items()):
                    if isinstance(cache, Cache):
                        setattr(rest, kept, Cache(clock=SystemClock(), ttl_s=0.0))
                try:
                    await call()
                except AltmonitorError as problem:
                    assert isinstance(problem, ExchangeError)
                except Exception as problem:
                    findings.append(f"{name}: {type(problem).__name__}: {problem}")
        exchange_now_ms = rest._guard.exchange_clock.now_ms()
    assert findings == []
    assert EARLIEST_MS <= exchange_now_ms < LATEST_MS


@every_venue
async def test_a_time_that_is_none_is_not_believed(venue: Venue, tmp_path: Path) -> None:
    async with venue_stage(venue, tmp_path, has_feed=False, symbols=30) as s:
        rest: Any = s.adapter.rest
        right_ms = await rest.server_time_ms()
        for wrong in (0, 1, 1_790_000_000, right_ms * 1000, -right_ms, 10**30):
            body = json.dumps(
                {
                    "bybit": {"retCode": 0, "retMsg": "OK", "result": {}, "time": wrong},
                    "okx": {"code": "0", "msg": "", "data": [{"ts": str(wrong)}]},
                    "hyperliquid": {"coin": "BTC", "time": wrong, "levels": [[], []]},
                }[venue]
            ).encode()
            tape = rest._rest = Tape(rest._rest)
            tape.change = lambda _, body=body: body
            with pytest.raises(ExchangeError):
                await rest.server_time_ms()
            rest._rest = tape._real
        assert abs(rest._guard.exchange_clock.now_ms() - right_ms) < 120_000


def prices_times(row: Any, times: float) -> Any:
    """One row of a venue's candles."""
    if isinstance(row, dict):
        return {key: float(value) * times if key in "ohlc" else value for key, value in row.items()}
    return [row[0], *(str(float(price) * times) for price in row[1:5]), *row[5:]]


def with_one_row_changed(body: bytes, minute: int, change: Callable[[Any], Any]) -> bytes:
    answer = json.loads(body)
    rows = answer if isinstance(answer, list) else answer.get("data") or answer["result"]["list"]
    rows[minute] = change(rows[minute])
    return json.dumps(answer).encode()


@every_venue
async def test_one_odd_candle_among_sane_ones_is_left_out_of_the_history_and_counted(
    venue: Venue, tmp_path: Path
) -> None:
    async with venue_stage(venue, tmp_path, has_feed=False, symbols=30) as s:
        rest: Any = s.adapter.rest
        tape = rest._rest = Tape(rest._rest)
        now_ms = s.exchange.now_ms() // MINUTE_MS * MINUTE_MS

        async def history() -> list[tuple[float, ...]]:
            found: list[Candle] = await rest.klines(
                "SOLUSDT", start_ms=now_ms - 12 * MINUTE_MS, end_ms=now_ms, limit=99, priority=Priority.BACKFILL
            )
            return [(one.open_ms, one.open, one.high, one.low, one.close) for one in found]

        sane = await history()
        findings = []
        for times in (1e-7, 1e-3, 1e3, 1e10):
            for minute in (0, 5, len(sane) - 1):
                tape.change = lambda body, minute=minute, times=times: with_one_row_changed(
                    body, minute, lambda row: prices_times(row, times)
                )
                before = rest.skipped["klines"]
                told = await history()
                if len(told) != len(sane) - 1 or any(one not in sane for one in told):
                    findings.append(f"{minute} × {times}: {len(told)} of {len(sane)}")
                if rest.skipped["klines"] != before + 1:
                    findings.append(f"{minute} × {times}: not counted")
        assert findings == []
