"""Bodies of Hyperliquid's answers and of its table of contexts → our values. Bytes in, values out; no I/O.

A table names nothing: row *n* belongs to entry *n* of the list of its dex. Lists are only joined when they are equally
long, so that a listing never moves a row to its neighbour.
Source: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals (2026-09).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from altmonitor.core.errors import BadAnswer
from altmonitor.core.types import Fraction, Venue
from altmonitor.core.venue_names import symbol_of_hyperliquid
from altmonitor.exchanges.rest.client import UNREADABLE, One, Rows
from altmonitor.exchanges.rest.venue_market import amount, finite, priced, unix_ms
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.plausibility import is_rate
from altmonitor.market.quotes import DayTicker, Funding, OpenInterest
from altmonitor.positioning.funding import VenueFunding, rate_8h

HOUR_MS: Final = 3_600_000
MAIN_DEX: Final = ""
_VENUES: Final[Mapping[str, Venue]] = {"BinPerp": "binance", "BybitPerp": "bybit", "HlPerp": "hyperliquid"}


class Asset(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    is_delisted: bool = False

    def contract(self) -> Contract:
        is_builders = ":" in self.name
        return Contract(
            symbol=symbol_of_hyperliquid(self.name),
            status="DELISTED" if self.is_delisted else "TRADING",
            contract_type="TRADIFI_PERPETUAL" if is_builders else "PERPETUAL",
            quote_asset="USDT",
            base_asset=self.name,
        )


class Context(msgspec.Struct, frozen=True, rename="camel"):
    """Of one asset. Some are null for what is not traded."""

    funding: str | None = None
    open_interest: str | None = None
    prev_day_px: str | None = None
    day_ntl_vlm: str | None = None
    oracle_px: str | None = None
    mark_px: str | None = None
    mid_px: str | None = None


class Meta(msgspec.Struct, frozen=True):
    universe: list[Asset]


@dataclass(frozen=True, slots=True)
class Row:
    """One asset with its context, joined."""

    symbol: str
    context: Context

    def open_interest(self, time_ms: int) -> OpenInterest:
        return OpenInterest(symbol=self.symbol, contracts=amount(self.context.open_interest), time_ms=time_ms)

    def day(self) -> DayTicker:
        last, before = amount(self.context.mid_px or self.context.mark_px), amount(self.context.prev_day_px)
        if not before > 0:
            raise ValueError("not traded a day ago")
        return DayTicker(
            symbol=self.symbol,
            last_price=last,
            change_pct=(last / before - 1) * 100,
            quote_usdt=amount(self.context.day_ntl_vlm),
        )

    def funding(self, now_ms: int, *, told_ms: int) -> Funding:
        """Per hour, settled with every hour. told_ms: when the venue said so."""
        oracle = self.context.oracle_px
        return Funding(
            symbol=self.symbol,
            rate=finite(self.context.funding),
            mark_price=amount(self.context.mark_px),
            next_ms=(now_ms // HOUR_MS + 1) * HOUR_MS,
            index_price=amount(oracle) if oracle else None,
            time_ms=told_ms,
        )


@dataclass(slots=True)
class AssetLists:
    """The lists of every dex that is known, by which tables are joined. is_stale: one has become longer or shorter."""

    of_dex: dict[str, list[Asset]] = field(default_factory=dict)
    is_stale: bool = False
    refused: int = 0
    """Tables that did not fit their list."""

    def joined(self, dex: str, contexts: list[Context]) -> list[Row]:
        """Empty for a table that does not fit: which row moved cannot be known."""
        assets = self.of_dex.get(dex)
        if assets is None:
            return []
        if len(assets) != len(contexts):
            self.is_stale = True
            self.refused += 1
            return []
        return [
            Row(symbol_of_hyperliquid(asset.name), context)
            for asset, context in zip(assets, contexts, strict=True)
            if not asset.is_delisted
        ]


class _AllContexts(msgspec.Struct, frozen=True):
    ctxs: list[tuple[str, list[Context]]]


class _AllContextsFrame(msgspec.Struct, frozen=True):
    data: _AllContexts


class CandleWire(msgspec.Struct, frozen=True):
    t: int
    o: float
    h: float
    l: float  # noqa: E741
    c: float
    v: float
    n: int = 0

    def parse(self) -> Candle:
        """Its volume is told in coins: at the close."""
        return priced(
            Candle(
                open_ms=unix_ms(self.t),
                open=self.o,
                high=self.h,
                low=self.l,
                close=self.c,
                quote_usdt=self.v * self.c,
                taker_quote_usdt=float("nan"),
                trades=self.n,
            )
        )


class _Book(msgspec.Struct, frozen=True):
    time: int


class _Dex(msgspec.Struct, frozen=True):
    name: str


class _Prediction(msgspec.Struct, frozen=True, rename="camel"):
    funding_rate: str
    next_funding_time: int = 0
    funding_interval_hours: float | None = None


_META_AND_CONTEXTS: Final = One(tuple[Meta, list[Context]])
_ALL_CONTEXTS: Final = msgspec.json.Decoder(_AllContextsFrame)
_BOOK: Final = One(_Book)
_DEXES: Final = One(list[_Dex | None])
_PREDICTIONS: Final = One(list[tuple[str, list[tuple[str, _Prediction | None]]]])
CANDLES: Final = Rows(CandleWire)
_USUAL_HOURS: Final = {"binance": 8.0, "bybit": 8.0, "hyperliquid": 1.0}


def read_meta(body: bytes) -> tuple[list[Asset], list[Context]]:
    """A dex's list and its table. Raises BadAnswer, also where they do not fit."""
    meta, contexts = _META_AND_CONTEXTS.read(body)
    if len(meta.universe) != len(contexts):
        raise BadAnswer(f"{len(contexts)} contexts for {len(meta.universe)} assets")
    return meta.universe, contexts


def read_all_contexts(frame: bytes) -> list[tuple[str, list[Context]]]:
    """Of the socket's `allDexsAssetCtxs`: dex and table. Raises BadAnswer."""
    try:
        return _ALL_CONTEXTS.decode(frame).data.ctxs
    except UNREADABLE as problem:
        raise BadAnswer(f"allDexsAssetCtxs: {problem}") from None


def read_time_ms(body: bytes) -> int:
    """Of an order book, which is stamped by the venue's clock."""
    return unix_ms(_BOOK.read(body).time)


def read_dexes(body: bytes) -> list[str]:
    """Names of the builders' dexes; the main one, which has none, is left out."""
    return [dex.name for dex in _DEXES.read(body) if dex is not None and dex.name]


def read_predictions(body: bytes, *, as_of_ms: int) -> Mapping[str, tuple[VenueFunding, ...]]:
    """Symbol → funding that comes, of each venue that lists it; it is named as Hyperliquid's contract is."""
    found: dict[str, tuple[VenueFunding, ...]] = {}
    for coin, venues in _PREDICTIONS.read(body):
        symbol = symbol_of_hyperliquid(coin)
        rates = [_predicted(symbol, _VENUES[name], told, as_of_ms) for name, told in venues if name in _VENUES and told]
        known = tuple(rate for rate in rates if rate is not None)
        if known:
            found[symbol] = known
    return found


def _predicted(symbol: str, venue: Venue, told: _Prediction, as_of_ms: int) -> VenueFunding | None:
    """None where the rate or its interval is none."""
    hours = told.funding_interval_hours or _USUAL_HOURS[venue]
    try:
        rate, next_ms = rate_8h(Fraction(finite(told.funding_rate)), interval_h=hours), unix_ms(told.next_funding_time)
    except ValueError:
        return None
    if rate is None or not is_rate(finite(told.funding_rate)):
        return None
    return VenueFunding(
        venue=venue,
        symbol=symbol,
        rate_8h=rate,
        interval_h=hours,
        next_ms=next_ms or None,
        as_of_ms=as_of_ms,
        source="predicted",
    )
