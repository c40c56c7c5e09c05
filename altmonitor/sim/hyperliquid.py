"""Hyperliquid as the simulated exchange plays it: its socket and the one path of its questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from altmonitor.core.venue_names import hyperliquid_coin
from altmonitor.sim.bodies import premium_row
from altmonitor.sim.control import ExchangeFaults, ExchangeStats
from altmonitor.sim.hyperliquid_wallets import KINDS as WALLET_KINDS
from altmonitor.sim.hyperliquid_wallets import NoAddress, SimWallets
from altmonitor.sim.market import Market
from altmonitor.sim.venue_sockets import Push, Reply, SimKline, listed
from altmonitor.sim.wire import KlineRow

MINUTE_MS: Final = 60_000
HELD_SHARE: Final = 0.2
WEIGHT_PER_MINUTE: Final = 1_200
INFO: Final = "/hyperliquid/info"
TABLE_EVERY_MS: Final = 1_000
BUILDERS_DEX: Final = "xyz"
DELISTED: Final = "MATIC"
DELISTED_AT: Final = 10
"""Stands in the middle of the list for ever: whoever leaves it out moves every row behind it."""


def coins(market: Market, now_ms: int) -> list[str]:
    """Main dex: crypto only, in the order of listing, so that a listing is added at the end; what is delisted keeps its
    place."""
    found = [
        contract
        for contract in market.contracts()
        if (contract.quote_asset, contract.contract_type) == ("USDT", "PERPETUAL")
        and any(status == "TRADING" and at_ms <= now_ms for at_ms, status in contract.statuses)
    ]
    return [contract.symbol for contract in sorted(found, key=lambda one: (one.onboard_ms, one.symbol))]


def shares(market: Market, now_ms: int) -> list[str]:
    """Of the builders' dex."""
    kinds = {contract.symbol: contract.contract_type for contract in market.contracts()}
    return [symbol for symbol in listed(market, now_ms) if kinds[symbol] == "TRADIFI_PERPETUAL"]


class HyperliquidWire:
    """Candles without time or closing flag, and a table without names, once a second."""

    paths = ("/hyperliquid/ws",)
    idle_s = 60.0
    garbage = (
        b"{}",
        b"[]",
        b'{"channel":"candle","data":[]}',
        b'{"channel":"candle","data":{"t":"x","s":"BTC","i":"1m"}}',
        b'{"channel":"candle","data":{"t":0,"T":59999,"s":"BTC","i":"1m","o":"NaN","h":"1e999","l":"0","c":"0","v":"0"}}',
        b'{"channel":"allDexsAssetCtxs","data":{"ctxs":[["",[{"funding":',
        b'{"channel":"allMids","data":{"mids":{"BTC":"1"}}}',
        b'{"channel":"candle","data":{"t":17900',
    )

    def __init__(self, market: Market, *, now_ms: Callable[[], int]) -> None:
        self._market = market
        self._now_ms = now_ms
        self._table_ms = 0

    def on_text(self, text: str, subscriptions: set[str], path: str) -> Reply:
        try:
            request = json.loads(text)
            method = request["method"]
        except (ValueError, KeyError, TypeError):
            return Reply(texts=(b'{"channel":"error","data":"Error parsing JSON into valid websocket request"}',))
        if method == "ping":
            return Reply(texts=(b'{"channel":"pong"}',))
        asked = request.get("subscription") or {}
        kind, coin = asked.get("type", ""), asked.get("coin", "")
        known = {hyperliquid_coin(symbol) for symbol in listed(self._market, self._now_ms())}
        if kind not in ("candle", "allDexsAssetCtxs") or (kind == "candle" and coin not in known):
            return Reply(texts=(_text("error", f"Invalid subscription {json.dumps(asked)}"),))
        stream = f"candle:{coin}" if kind == "candle" else kind
        if method == "subscribe" and stream in subscriptions:
            return Reply(texts=(_text("error", f"Already subscribed: {json.dumps(asked)}"),))
        answer = (_text("subscriptionResponse", {"method": method, "subscription": asked}),)
        if method == "unsubscribe":
            return Reply(texts=answer, removes=(stream,))
        return Reply(texts=answer, adds=(stream,))

    def kline(self, update: SimKline) -> Push | None:
        """Nothing tells that a candle is closed: its last state is simply the last."""
        k, coin = update.kline, hyperliquid_coin(update.symbol)
        if k["x"]:
            return None
        row = {"t": k["t"], "T": k["T"], "s": coin, "i": "1m", **{name: str(k[name]) for name in "ohlcv"}}
        row["n"] = k["n"]
        return Push(f"candle:{coin}", _text("candle", row))

    def tables(self, now_ms: int) -> list[Push]:
        if now_ms - self._table_ms < TABLE_EVERY_MS:
            return []
        self._table_ms = now_ms
        main = contexts(self._market, coins(self._market, now_ms), now_ms, is_main=True)
        builders = contexts(self._market, shares(self._market, now_ms), now_ms, is_main=False)
        return [Push("allDexsAssetCtxs", _text("allDexsAssetCtxs", {"ctxs": [["", main], [BUILDERS_DEX, builders]]}))]


def _text(channel: str, data: object) -> bytes:
    return json.dumps({"channel": channel, "data": data}, ensure_ascii=False, separators=(",", ":")).encode()


def universe(market: Market, symbols: list[str], now_ms: int, *, is_main: bool) -> list[dict[str, object]]:
    prefix, traded = "" if is_main else f"{BUILDERS_DEX}:", frozenset(listed(market, now_ms))
    rows: list[dict[str, object]] = [
        {"name": prefix + hyperliquid_coin(symbol), "szDecimals": 2, "maxLeverage": 20}
        | ({} if symbol in traded else {"isDelisted": True})
        for symbol in symbols
    ]
    if is_main:
        rows.insert(DELISTED_AT, {"name": DELISTED, "szDecimals": 1, "maxLeverage": 20, "isDelisted": True})
    return rows


def contexts(market: Market, symbols: list[str], now_ms: int, *, is_main: bool) -> list[dict[str, str | None]]:
    prices = market.prices(symbols, now_ms)
    moods = market.moods(symbols, 0, now_ms // 300_000)
    days = market.days(symbols, now_ms // 60_000 * 60_000)
    rows: list[dict[str, str | None]] = []
    for symbol, price, mood, day in zip(symbols, prices, moods, days, strict=True):
        contract = market.contract(symbol)
        if contract is None:
            continue
        premium = premium_row(contract, price, mood, now_ms)
        held = market.open_interest(symbol, now_ms) * HELD_SHARE
        rows.append(
            {
                "funding": f"{float(str(premium['lastFundingRate'])) / 8:.10f}",
                "openInterest": f"{held:.4f}",
                "prevDayPx": f"{day.open:.8f}",
                "dayNtlVlm": f"{day.quote * HELD_SHARE:.4f}",
                "premium": "0.0",
                "oraclePx": str(premium["indexPrice"]),
                "markPx": f"{price:.8f}",
                "midPx": f"{price:.8f}",
            }
        )
    if is_main:
        dead = dict.fromkeys(("funding", "openInterest", "prevDayPx", "dayNtlVlm", "oraclePx", "markPx"), "0.0")
        rows.insert(DELISTED_AT, {**dead, "premium": None, "midPx": None})
    return rows


# ---


class HyperliquidInfo:
    """Questions by POST. rest faults count under `/hyperliquid/info` and, for one kind, `/hyperliquid/info#<type>`.

    used: weight of the running minute. wallets: what the accounts hold.
    """

    def __init__(
        self,
        market: Market,
        *,
        now_ms: Callable[[], int],
        skew_ms: Callable[[], int],
        faults: ExchangeFaults,
        stats: ExchangeStats,
    ) -> None:
        self._market = market
        self._now_ms = now_ms
        self._skew_ms = skew_ms
        self._faults = faults
        self._stats = stats
        self._minute = 0
        self.used = 0
        self.wallets = SimWallets(market, coins=lambda now_ms: coins(market, now_ms))

    def routes(self) -> list[web.RouteDef]:
        return [web.post(INFO, self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        now_ms = self._now_ms()
        try:
            asked = msgspec.json.decode(await request.read(), type=dict[str, object])
        except msgspec.MsgspecError:
            return web.Response(status=422, text="Failed to deserialize the JSON body into the target type")
        kind = str(asked.get("type", ""))
        self._stats.request(f"{INFO}#{kind}", now_ms)
        fault = self._faults.rest_fault(f"{INFO}#{kind}", None) or self._faults.rest_fault(INFO, None)
        if fault is not None and fault.status is not None:
            return web.Response(status=fault.status, text=fault.body or "null", content_type="application/json")
        if fault is not None and fault.html_200:
            return web.Response(text="<html><body>gateway</body></html>", content_type="text/html")
        if not self._charge(kind, asked, now_ms):
            return web.Response(status=429, text="null", content_type="application/json")
        if str(asked.get("user", "")).lower() in self.wallets.unreachable:
            return web.Response(status=500, text="null", content_type="application/json")
        try:
            body = msgspec.json.encode(self._answer(kind, asked, now_ms))
        except NoAddress:
            return web.Response(status=422, text="Failed to deserialize the JSON body into the target type")
        if fault is not None and (fault.truncate or fault.cut):
            body = body[: len(body) // 2]
        return web.Response(body=body, content_type="application/json")

    def _charge(self, kind: str, asked: dict[str, object], now_ms: int) -> bool:
        if now_ms // 60_000 != self._minute:
            self._minute, self.used = now_ms // 60_000, 0
        weight = 2 if kind in ("l2Book", "allMids", "clearinghouseState", "exchangeStatus") else 20
        if kind == "candleSnapshot":
            request = asked.get("req")
            if isinstance(request, dict):
                weight += (int(request["endTime"]) - int(request["startTime"])) // MINUTE_MS // 60
        if self.used + weight > WEIGHT_PER_MINUTE:
            return False
        self.used += weight
        return True

    def _answer(self, kind: str, asked: dict[str, object], now_ms: int) -> object:
        if kind in WALLET_KINDS:
            return self.wallets.answer(kind, asked, now_ms)
        match kind:
            case "l2Book":
                return {"coin": asked.get("coin"), "time": now_ms + self._skew_ms(), "levels": [[], []]}
            case "perpDexs":
                return [None, {"name": BUILDERS_DEX, "fullName": "XYZ", "deployer": "0x0"}]
            case "metaAndAssetCtxs":
                is_main = not asked.get("dex")
                symbols = (coins if is_main else shares)(self._market, now_ms)
                rows = contexts(self._market, symbols, now_ms, is_main=is_main)
                return [{"universe": universe(self._market, symbols, now_ms, is_main=is_main)}, rows]
            case "candleSnapshot":
                return self._candles(asked.get("req"), now_ms)
            case "predictedFundings":
                return self._predictions(now_ms)
            case _:
                return None

    def _candles(self, request: object, now_ms: int) -> object:
        if not isinstance(request, dict):
            return []
        by_coin = {hyperliquid_coin(symbol): symbol for symbol in listed(self._market, now_ms)}
        symbol = by_coin.get(str(request.get("coin", "")).rpartition(":")[2])
        if symbol is None:
            return []
        found = self._market.kline_rows(
            symbol, start_ms=int(request["startTime"]), end_ms=min(int(request["endTime"]), now_ms), at_ms=now_ms
        )
        return [self._row(str(request["coin"]), row) for row in found]

    @staticmethod
    def _row(coin: str, row: KlineRow) -> dict[str, object]:
        names = {"o": 1, "h": 2, "l": 3, "c": 4, "v": 5}
        return {
            "t": row[0],
            "T": int(row[0]) + MINUTE_MS - 1,
            "s": coin,
            "i": "1m",
            **{name: str(row[at]) for name, at in names.items()},
            "n": row[8],
        }

    def _predictions(self, now_ms: int) -> object:
        symbols = coins(self._market, now_ms)
        found: list[object] = []
        for symbol, mood in zip(symbols, self._market.moods(symbols, 0, now_ms // 300_000), strict=True):
            rate = 0.0001 + 0.0005 * mood
            venues = [
                ["BinPerp", {"fundingRate": f"{rate:.8f}", "nextFundingTime": now_ms, "fundingIntervalHours": 8}],
                ["HlPerp", {"fundingRate": f"{rate / 8:.10f}", "nextFundingTime": now_ms, "fundingIntervalHours": 1}],
                ["BybitPerp", None],
            ]
            found.append([hyperliquid_coin(symbol), venues])
        return found
