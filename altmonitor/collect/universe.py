"""Which symbols are watched now: the contract list, the contract-info stream, and what was known last time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from altmonitor.core.backoff import backoff_s
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeError
from altmonitor.core.files import read_regular, write_atomically
from altmonitor.interfaces.exchange import MarketRest
from altmonitor.market.contracts import Contract, ContractNews, is_watched

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LARGEST_LOSS = 0.5
BELIEVED_AFTER = 3
"""A list without half of the symbols is believed when it was told this often in a row."""

NEWS_LIFE_S = 26 * 3600.0
"""The contract list may be served from a cache a day old; the stream's word stands for longer than that."""

START_PATIENCE_S = 8.0
LOSS_PAUSE_S = 60.0
VERIFY_AFTER_S = 5.0
AFTER_ONBOARD_S = (2.0, 30.0, 120.0)
"""A contract announced for a moment is looked for after it, in case the stream does not tell."""

OnChange = Callable[[frozenset[str], frozenset[str], frozenset[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseStatus:
    """age_s: since the exchange's list was last read and believed, None before. is_from_file: still last run's list."""

    symbols: int
    age_s: float | None
    is_from_file: bool
    failures_in_row: int
    last_failure: Cause | None


class _Saved(msgspec.Struct, frozen=True):
    version: int
    saved_ms: int
    contracts: list[Contract]


class Universe:
    """on_change(symbols, added, removed): synchronous, after each change; must not raise.

    symbols: what is watched now; empty before the first list. file: where the last believed list is kept, None for
    nowhere. refresh_s: seconds between reads of the list. address_setting: name of the setting that says where it is.
    on_contracts(list, watched): called whenever either may have changed.
    """

    def __init__(
        self,
        rest: MarketRest,
        *,
        clock: Clock,
        tradfi: bool,
        refresh_s: float,
        on_change: OnChange,
        file: Path | None = None,
        address_setting: str = "BINANCE_REST_URL",
        on_contracts: Callable[[Mapping[str, Contract], frozenset[str]], None] | None = None,
    ) -> None:
        self._on_contracts = on_contracts
        self._address_setting = address_setting
        self._rest = rest
        self._clock = clock
        self._tradfi = tradfi
        self._refresh_s = refresh_s
        self._on_change = on_change
        self._file = file
        self._contracts: dict[str, Contract] = {}
        self._news: dict[str, tuple[float, ContractNews]] = {}
        self._wanted_s = asyncio.Event()
        self._read_s: float | None = None
        self._is_from_file = False
        self._losses = 0
        self._failures = 0
        self._last_failure: Cause | None = None
        self.symbols: frozenset[str] = frozenset()

    def status(self) -> UniverseStatus:
        return UniverseStatus(
            symbols=len(self.symbols),
            age_s=None if self._read_s is None else self._clock.monotonic() - self._read_s,
            is_from_file=self._is_from_file,
            failures_in_row=self._failures,
            last_failure=self._last_failure,
        )

    async def start(self) -> frozenset[str]:
        """One read of the list; when it fails or takes long, last run's list. Empty when there is neither: `run`
        goes on trying."""
        try:
            async with self._clock.timeout(START_PATIENCE_S):
                await self._refresh()
        except TimeoutError:
            self._fail(Cause(CauseCode.NO_ANSWER, "no answer yet"))
        if not self.symbols:
            await self._load()
        return self.symbols

    async def follow(self) -> None:
        """`start`, then `run`."""
        await self.start()
        await self.run()

    async def run(self) -> None:
        """Keeps the list fresh until cancelled."""
        while True:
            await self._pause(self._next_read_s())
            await self._refresh()

    def on_contract(self, news: ContractNews) -> None:
        """A listing or delisting, known at once; the list is read soon after (the stream names no quote asset)."""
        known = self._news.get(news.symbol)
        if not news.symbol.endswith("USDT") or (known is not None and known[1].event_ms > news.event_ms):
            return
        before = known[1].status if known is not None else self._status_of(news.symbol)
        self._news[news.symbol] = (self._clock.monotonic(), news)
        if news.status != before and self._contracts:  # bracket changes come in floods and change nothing here
            self._apply()
            self._wanted_s.set()

    def read_soon(self) -> None:
        """News of listings may have been missed."""
        self._wanted_s.set()

    async def _refresh(self) -> None:
        try:
            self._believe(await self._rest.contracts())
        except ExchangeError as problem:
            self._fail(problem.cause)
            return
        if self._failures:
            log.info("contract list read again after %d failures", self._failures)
        self._failures, self._last_failure = 0, None
        self._read_s, self._is_from_file = self._clock.monotonic(), False
        await self._save()

    def _fail(self, reason: Cause) -> None:
        self._failures += 1
        self._last_failure = reason
        if self._failures == 1 and self.symbols:
            log.warning("contract list: %s; watching %d symbols as before", reason, len(self.symbols))
        elif self._failures == 1:
            log.warning(
                "the contract list cannot be read, nothing is watched until it can be (check the network, HTTPS_PROXY "
                "and %s): %s",
                self._address_setting,
                reason,
            )

    def _believe(self, contracts: Iterable[Contract]) -> None:
        """Raises: BadAnswer for a list that has lost more than half of the symbols, until it was told three times."""
        listed = {contract.symbol: contract for contract in contracts}
        watched = {contract.symbol for contract in listed.values() if is_watched(contract, tradfi=self._tradfi)}
        lost = len(self.symbols - watched)
        if not watched:
            raise BadAnswer("the contract list names no symbol to watch", code=CauseCode.NO_SYMBOLS)
        if lost > len(self.symbols) * LARGEST_LOSS:
            self._losses += 1
            if self._losses < BELIEVED_AFTER:
                raise BadAnswer(
                    f"the contract list has lost {lost} of {len(self.symbols)} symbols; not believed yet",
                    code=CauseCode.LOST_SYMBOLS,
                    lost=lost,
                    known=len(self.symbols),
                )
        self._losses = 0
        self._contracts = listed
        # the list has caught up with this news; from here on it may tell what the stream did not
        self._news = {name: told for name, told in self._news.items() if told[1].status != self._status_of(name)}
        self._apply()

    def _apply(self) -> None:
        oldest_s = self._clock.monotonic() - NEWS_LIFE_S
        self._news = {symbol: told for symbol, told in self._news.items() if told[0] >= oldest_s}
        symbols = {symbol for symbol, contract in self._contracts.items() if is_watched(contract, tradfi=self._tradfi)}
        for symbol, (_, news) in self._news.items():
            listed = self._contracts.get(symbol)
            contract = Contract(
                symbol=symbol,
                status=news.status,
                contract_type=news.contract_type if listed is None else listed.contract_type,
                quote_asset="USDT" if listed is None else listed.quote_asset,
            )
            if is_watched(contract, tradfi=self._tradfi):
                symbols.add(symbol)
            else:
                symbols.discard(symbol)
        self._swap(frozenset(symbols))
        if self._on_contracts is not None:
            self._on_contracts(self._contracts, self.symbols)

    def _swap(self, symbols: frozenset[str]) -> None:
        added, removed = symbols - self.symbols, self.symbols - symbols
        if not added and not removed:
            return
        is_first = not self.symbols
        self.symbols = symbols
        if is_first:
            log.info("watching %d symbols", len(symbols))
        else:
            log.info("symbols: %d (added %s; removed %s)", len(symbols), _named(added), _named(removed))
        self._on_change(symbols, added, removed)

    def _status_of(self, symbol: str) -> str:
        contract = self._contracts.get(symbol)
        return "" if contract is None else contract.status

    def _next_read_s(self) -> float:
        if self._losses:
            return LOSS_PAUSE_S
        if self._failures:
            return backoff_s(self._failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        now_ms = self._clock.now_ms()
        onboard_s = [
            (contract.onboard_ms - now_ms) / 1000 + after_s
            for contract in self._contracts.values()
            if contract.status == "PENDING_TRADING" and contract.quote_asset == "USDT"
            for after_s in AFTER_ONBOARD_S
        ]
        return min([self._refresh_s, *(wait_s for wait_s in onboard_s if wait_s > 0.5)])

    async def _pause(self, seconds: float) -> None:
        """Ends early, a few seconds after news: the list is not changed in the same instant."""
        try:
            async with self._clock.timeout(seconds):
                await self._wanted_s.wait()
        except TimeoutError:
            return
        self._wanted_s.clear()
        await self._clock.sleep(VERIFY_AFTER_S)

    async def _save(self) -> None:
        if self._file is None:
            return
        kept = [contract for contract in self._contracts.values() if is_watched(contract, tradfi=True)]
        content = msgspec.json.encode(_Saved(1, self._clock.now_ms(), kept))
        try:
            await asyncio.to_thread(write_atomically, self._file, content)
        except OSError as problem:
            log.warning("the symbol list cannot be kept in %s: %s", self._file, problem)

    async def _load(self) -> None:
        if self._file is None:
            return
        try:
            saved = msgspec.json.decode(await asyncio.to_thread(read_regular, self._file), type=_Saved)
            self._believe(saved.contracts)
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ExchangeError) as problem:
            log.warning("the kept symbol list %s is of no use: %s", self._file, problem)
        else:
            self._is_from_file = True


def _named(symbols: frozenset[str]) -> str:
    names = sorted(symbols)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "") or "none"
