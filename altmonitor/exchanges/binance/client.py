"""Public positioning data of Binance's USDT perpetuals for programs: three questions behind one guard."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from altmonitor.core.clock import Clock, SystemClock, timeouts
from altmonitor.core.errors import ExchangeError
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.adapter import BLOCK_FILE
from altmonitor.exchanges.binance.positioning import BinancePositioning
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.exchanges.binance.smart_money import ANSWER_WITHIN_S, WEBSITE_BLOCK_FILE, SmartMoneyWeb, web_guard
from altmonitor.exchanges.rest.client import ANSWER_TIMEOUT_S
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.open_interest import OiVelocity, oi_velocity
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import Overview
from altmonitor.positioning.units import DEFAULT_PERIOD
from altmonitor.settings.input import spelled
from altmonitor.settings.variables import VARIABLES

__all__ = ["BinanceClient"]

V = TypeVar("V")


class BinanceClient:
    """Who is positioned in a contract now. No key, no account; nothing is ever traded.

        async with BinanceClient() as client:
            overview = await client.fetch_smart_money("btc")

    Each question goes through a guard: it waits for room in the exchange's request budget, is never repeated while the
    exchange refuses this address, and shares a refusal with every process that names the same `folder`. Answers are
    kept for 5 to 10 minutes, callers of one thing at the same time share one request.

    rest_url, web_url: None is BINANCE_REST_URL and BINANCE_WEB_URL of the environment, else the exchange's addresses.
    folder: where refusals are remembered (the folder of a monitor's DB_FILE, when one runs on this machine); None
    remembers them only in this object. priority: UNIVERSE waits up to 65 s for budget, ENRICH 1.5 s. Proxies of the
    environment are obeyed.

    rest, positioning, smart_money: the parts, for what is not asked for here.
    """

    def __init__(
        self,
        *,
        rest_url: str | None = None,
        web_url: str | None = None,
        folder: Path | None = None,
        priority: Priority = Priority.UNIVERSE,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        rest_url = rest_url or _address("BINANCE_REST_URL")
        web_url = web_url or _address("BINANCE_WEB_URL")
        guard = binance_guard(rest_url, clock=clock, block_file=None if folder is None else folder / BLOCK_FILE)
        web = web_guard(web_url, clock=clock, block_file=None if folder is None else folder / WEBSITE_BLOCK_FILE)
        self.rest = BinanceRest(rest_url, clock=clock, guard=guard, within_s=timeouts(clock, ANSWER_TIMEOUT_S))
        self.positioning = BinancePositioning(self.rest, clock=clock)
        self.smart_money = SmartMoneyWeb(web_url, clock=clock, guard=web, within_s=timeouts(clock, ANSWER_WITHIN_S))
        self._priority = priority

    async def __aenter__(self) -> BinanceClient:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self.rest.start()
        try:
            await self.smart_money.start()
        except BaseException:
            await self.rest.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.smart_money.stop()
        await self.rest.stop()

    async def fetch_smart_money(self, symbol: str) -> Overview | None:
        """The traders the exchange lets others follow: heads, sizes in coins, average entries in USD, of both sides.

        None: the exchange follows nobody in this contract, or has nothing at this moment. At most ten requests a minute
        leave, one after the other. `captured_ms` says how old the answer is (up to 10 minutes; up to an hour while the
        exchange does not answer).

        Raises: ExchangeBlocked with `until_ms`, ExchangeUnreachable, BudgetExhausted, BadAnswer; ValueError for what is
            no symbol.
        Source: the website's own interface, documented nowhere.
        """
        return await self.smart_money.overview(_named(symbol), priority=self._priority)

    async def fetch_top_trader(self, symbol: str, period: str = DEFAULT_PERIOD) -> TopTraders | None:
        """The 20 % of accounts with the largest margin balance: longs to shorts by accounts and by position sizes, and
        the taker volumes in coins, each of the newest bucket. Shares are fractions 0…1.

        period: 5m 15m 30m 1h 2h 4h 6h 12h 1d. None: no such statistics of this contract.

        Raises: ExchangeBlocked with `until_ms`, ExchangeUnreachable, BudgetExhausted, UnknownSymbol, BadAnswer;
            ValueError for what is no symbol, and for a period that is none.
        Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api
        """
        return await self.positioning.top_traders(_named(symbol), period=period, priority=self._priority)

    async def fetch_open_interest(self, symbol: str) -> OiVelocity | None:
        """Open interest in coins and USD and its change over 5 m, 15 m, 1 h and 4 h, percent of the coins.

        As of the newest 5-minute bar, `time_ms`. A change is None, never 0, where the older bar is missing. None: the
        exchange keeps no such bars of this contract.

        Raises: ExchangeBlocked with `until_ms`, ExchangeUnreachable, BudgetExhausted, UnknownSymbol, BadAnswer;
            ValueError for what is no symbol.
        Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api
        """
        return oi_velocity(await self.positioning.open_interest_bars(_named(symbol), priority=self._priority))

    async def fetch_each(
        self, fetch: Callable[[str], Awaitable[V | None]], symbols: Iterable[str]
    ) -> Mapping[str, V | ExchangeError | None]:
        """One of the questions above for several contracts at once; symbol as it was given → answer, or its error.

        The guard paces the requests, so many symbols take long. Raises: ValueError for what is no symbol.
        """

        async def one(symbol: str) -> V | ExchangeError | None:
            try:
                return await fetch(symbol)
            except ExchangeError as problem:
                return problem

        asked = list(dict.fromkeys(symbols))
        for symbol in asked:
            _named(symbol)
        return dict(zip(asked, await asyncio.gather(*(one(symbol) for symbol in asked)), strict=True))

    def guard_status(self) -> Mapping[str, GuardStatus]:
        """`rest` and `web`: open, waiting, blocked (until when, why) or probing, and the weight used. Asks nothing."""
        return {"rest": self.rest.guard_status(), "web": self.smart_money.guard_status()}


def _address(variable: str) -> str:
    return os.environ.get(variable) or next(row.default for row in VARIABLES if row.name == variable)


def _named(symbol: str) -> str:
    found = spelled(symbol)
    if not found:
        raise ValueError(f"{symbol[:40]!r} is no symbol such as BTC or BTCUSDT")
    return found
