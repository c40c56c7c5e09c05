"""OKX as the simulated exchange plays it: its socket and its REST bodies over the same market."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

from altmonitor.sim.bodies import Answer, Params, funding_hours, premium_row
from altmonitor.sim.contracts import SimContract, key_of
from altmonitor.sim.control import ApiError, RequestPool
from altmonitor.sim.market import Market
from altmonitor.sim.venue_sockets import Push, Reply, SimKline, listed
from altmonitor.sim.wire import KlineRow

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
HELD_SHARE: Final = 0.3
_ENDING: Final = "-USDT-SWAP"
_THOUSAND: Final = re.compile(r"1000(?=[A-Z])")


def instrument_of(symbol: str) -> str:
    """The venue has no contracts of a thousand coins."""
    return f"{_THOUSAND.sub('', symbol.removesuffix('USDT'))}{_ENDING}"


def scale_of(symbol: str) -> float:
    """Coins in one unit of the main venue's price."""
    return 1_000.0 if _THOUSAND.match(symbol) else 1.0


def contract_value(symbol: str) -> float:
    """Coins in one contract."""
    return (0.01, 0.1, 1.0, 10.0, 100.0)[key_of("ctVal", symbol) % 5]


def liquidation(symbol: str, side: str, coins: float, price: float, at_ms: int) -> Push:
    """side: of the order that ends the position: `sell` ended a long one."""
    instrument, position = instrument_of(symbol), "long" if side == "sell" else "short"
    detail = {
        "bkLoss": "0",
        "bkPx": f"{price:g}",
        "ccy": "",
        "posSide": position,
        "side": side,
        "sz": f"{coins / contract_value(symbol):g}",
        "ts": str(at_ms),
    }
    row = {"details": [detail], "instFamily": instrument[:-5], "instId": instrument, "instType": "SWAP"}
    body = {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]}
    return Push("liquidation-orders:SWAP", json.dumps(body).encode())


class OkxWire:
    """Candles flow on /business alone; a channel it does not have is an error, the others of the request are not."""

    paths = ("/ws/v5/business", "/ws/v5/public")
    idle_s = 30.0
    garbage = (
        b"{}",
        b"[]",
        b'{"arg":{"channel":"candle1m","instId":"BTC-USDT-SWAP"},"data":[]}',
        b'{"arg":{"channel":"candle1m","instId":"BTC-USDT-SWAP"},"data":[["x"]]}',
        b'{"arg":{"channel":"candle1m","instId":"BTC-USDT-SWAP"},"data":[["0","NaN","1e999","0","0","0","0","0","0"]]}',
        b'{"arg":{"channel":"candle1m","instId":"BTC-USD-SWAP"},"data":[["0","1","1","1","1","1","1","1","0"]]}',
        b'{"arg":{"channel":"tickers","instId":"BTC-USDT-SWAP"},"data":[{"last":"1"}]}',
        b'{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade."}',
        b'{"arg":{"channel":"candle1m","instId":"BTC-USDT-SWAP"},"data":[["17900',
    )

    def __init__(self, market: Market, *, now_ms: Callable[[], int]) -> None:
        self._market = market
        self._now_ms = now_ms

    def on_text(self, text: str, subscriptions: set[str], path: str) -> Reply:
        if text == "ping":
            return Reply(texts=(b"pong",))
        try:
            request = json.loads(text)
            operation, given, args = request["op"], str(request.get("id", "")), request["args"]
        except (ValueError, KeyError, TypeError):
            return Reply(texts=(b'{"event":"error","code":"60012","msg":"Invalid request","connId":"sim"}',))
        known = {instrument_of(symbol) for symbol in listed(self._market, self._now_ms())}
        texts, streams = [], []
        for arg in args:
            channel, name = arg.get("channel", ""), arg.get("instId") or arg.get("instType", "")
            is_candle = channel == "candle1m" and path.endswith("/business") and name in known
            if not is_candle and (channel != "liquidation-orders" or not path.endswith("/public")):
                message = f"Wrong URL or channel:{channel},instId:{name} doesn't exist."
                error = {"event": "error", "code": "60018", "msg": message, "connId": "sim", "id": given}
                texts.append(json.dumps(error, ensure_ascii=False).encode())
                continue
            streams.append(f"{channel}:{name}")
            answer = {"id": given, "event": operation, "arg": arg, "connId": "sim"}
            texts.append(json.dumps(answer, ensure_ascii=False).encode())
        if operation == "unsubscribe":
            return Reply(texts=tuple(texts), removes=tuple(streams))
        return Reply(texts=tuple(texts), adds=tuple(streams))

    def kline(self, update: SimKline) -> Push:
        k, instrument, scale = update.kline, instrument_of(update.symbol), scale_of(update.symbol)
        prices = [str(k[name]) if scale == 1 else f"{float(k[name]) / scale:.12g}" for name in "ohlc"]
        coins = float(k["v"]) * scale
        row = [
            str(k["t"]),
            *prices,
            f"{coins / contract_value(update.symbol):.4f}",
            f"{coins:.4f}",
            str(k["q"]),
            "1" if k["x"] else "0",
        ]
        body = {"arg": {"channel": "candle1m", "instId": instrument}, "data": [row]}
        return Push(f"candle1m:{instrument}", json.dumps(body, ensure_ascii=False).encode())

    def tables(self, now_ms: int) -> list[Push]:
        return []


# ---


class OkxBodies:
    """skew_ms: how far its clock is ahead."""

    def __init__(self, market: Market, *, skew_ms: Callable[[], int]) -> None:
        self._market = market
        self._skew_ms = skew_ms

    def answers(self) -> dict[str, Answer]:
        return {
            "/api/v5/public/time": self.time,
            "/api/v5/public/instruments": self._limited(20, self.instruments),
            "/api/v5/public/open-interest": self._limited(20, self.open_interest),
            "/api/v5/public/funding-rate": self._limited(10, self.funding_rate),
            "/api/v5/public/mark-price": self._limited(10, self.mark_price),
            "/api/v5/market/tickers": self._limited(20, self.tickers),
            "/api/v5/market/index-tickers": self._limited(20, self.index_tickers),
            "/api/v5/market/candles": self._limited(40, self.candles),
        }

    @staticmethod
    def _limited(requests: int, body: Answer) -> Answer:
        """Each path has its own limit, in two seconds."""
        pool = RequestPool(requests, window_ms=2_000)

        def answer(params: Params, now_ms: int) -> object:
            try:
                pool.charge(now_ms)
            except ApiError:
                raise ApiError(429, 50011, "Too Many Requests") from None
            return body(params, now_ms)

        return answer

    def _at(self, now_ms: int) -> str:
        return str(now_ms + self._skew_ms())

    def time(self, params: Params, now_ms: int) -> object:
        return _body([{"ts": self._at(now_ms)}])

    def instruments(self, params: Params, now_ms: int) -> object:
        rows = [
            {
                "instType": "SWAP",
                "instId": instrument_of(contract.symbol),
                "instFamily": instrument_of(contract.symbol)[:-5],
                "ctType": "linear",
                "ctVal": f"{contract_value(contract.symbol):g}",
                "ctMult": "1",
                "ctValCcy": contract.base_asset,
                "settleCcy": "USDT",
                "state": "live",
                "listTime": str(contract.onboard_ms),
                "expTime": "",
                "instCategory": "3" if contract.contract_type == "TRADIFI_PERPETUAL" else "1",
            }
            for contract in self._contracts(now_ms)
        ]
        rows.append(rows[0] | {"instId": "BTC-USD-SWAP", "ctType": "inverse", "ctVal": "100", "settleCcy": "BTC"})
        return _body(rows)

    def open_interest(self, params: Params, now_ms: int) -> object:
        symbols = listed(self._market, now_ms)
        prices = self._market.prices(symbols, now_ms)
        rows = []
        for symbol, price in zip(symbols, prices, strict=True):
            coins = self._market.open_interest(symbol, now_ms) * HELD_SHARE * scale_of(symbol)
            rows.append(
                {
                    "instType": "SWAP",
                    "instId": instrument_of(symbol),
                    "oi": f"{coins / contract_value(symbol):.6f}",
                    "oiCcy": f"{coins:.6f}" if key_of("oiCcy", symbol) % 4 else "",
                    "oiUsd": f"{coins * price / scale_of(symbol):.2f}",
                    "ts": self._at(now_ms),
                }
            )
        return _body(rows)

    def funding_rate(self, params: Params, now_ms: int) -> object:
        rows = []
        for contract, price, mood in self._premiums(now_ms):
            premium, hours = premium_row(contract, price, mood, now_ms), funding_hours(contract) or 8
            at_ms = (now_ms // (hours * HOUR_MS) + 1) * hours * HOUR_MS
            rows.append(
                {
                    "instType": "SWAP",
                    "instId": instrument_of(contract.symbol),
                    "fundingRate": str(premium["lastFundingRate"]),
                    "nextFundingRate": "",
                    "fundingTime": str(at_ms),
                    "nextFundingTime": str(at_ms + hours * HOUR_MS),
                }
            )
        return _body(rows)

    def mark_price(self, params: Params, now_ms: int) -> object:
        return _body(
            [
                {
                    "instType": "SWAP",
                    "instId": instrument_of(contract.symbol),
                    "markPx": f"{price / scale_of(contract.symbol):.12g}",
                    "ts": self._at(now_ms),
                }
                for contract, price, _ in self._premiums(now_ms)
            ]
        )

    def index_tickers(self, params: Params, now_ms: int) -> object:
        return _body(
            [
                {
                    "instId": instrument_of(contract.symbol).removesuffix("-SWAP"),
                    "idxPx": f"{price / scale_of(contract.symbol) * 0.9995:.12g}",
                    "ts": self._at(now_ms),
                }
                for contract, price, _ in self._premiums(now_ms)
            ]
        )

    def tickers(self, params: Params, now_ms: int) -> object:
        rows = []
        for day in self._market.days(listed(self._market, now_ms), now_ms):
            scale = scale_of(day.symbol)
            rows.append(
                {
                    "instType": "SWAP",
                    "instId": instrument_of(day.symbol),
                    "last": f"{day.last / scale:.12g}",
                    "open24h": f"{day.open / scale:.12g}",
                    "high24h": f"{day.high / scale:.12g}",
                    "low24h": f"{day.low / scale:.12g}",
                    "volCcy24h": f"{day.quote * HELD_SHARE / day.last * scale:.4f}",
                    "vol24h": "1",
                    "ts": self._at(now_ms),
                }
            )
        return _body(rows)

    def candles(self, params: Params, now_ms: int) -> object:
        """Newest first, between `before` and `after`, neither included."""
        symbol = next((s for s in listed(self._market, now_ms) if instrument_of(s) == params.get("instId")), None)
        if symbol is None:
            return {"code": "51001", "msg": "Instrument ID does not exist", "data": []}
        limit = min(300, int(params.get("limit", "100")))
        end_ms = min(int(params.get("after", now_ms + MINUTE_MS)) - 1, now_ms)
        start_ms = max(int(params.get("before", 0)) + 1, end_ms - (limit + 1) * MINUTE_MS)
        found = self._market.kline_rows(symbol, start_ms=start_ms, end_ms=end_ms, at_ms=now_ms)
        return _body([self._row(symbol, row, now_ms) for row in reversed(found)][:limit])

    @staticmethod
    def _row(symbol: str, row: KlineRow, now_ms: int) -> list[str]:
        scale = scale_of(symbol)
        coins = float(row[5]) * scale
        prices = [f"{float(row[at]) / scale:.12g}" for at in (1, 2, 3, 4)]
        confirm = "1" if int(row[0]) + MINUTE_MS <= now_ms else "0"
        return [str(row[0]), *prices, f"{coins / contract_value(symbol):.4f}", f"{coins:.4f}", str(row[7]), confirm]

    def _contracts(self, now_ms: int) -> list[SimContract]:
        names = set(listed(self._market, now_ms))
        return [contract for contract in self._market.contracts() if contract.symbol in names]

    def _premiums(self, now_ms: int) -> list[tuple[SimContract, float, float]]:
        contracts = self._contracts(now_ms)
        symbols = [contract.symbol for contract in contracts]
        prices, moods = self._market.prices(symbols, now_ms), self._market.moods(symbols, 0, now_ms // 300_000)
        return list(zip(contracts, prices, moods, strict=True))


def _body(rows: list[object] | list[dict[str, str]] | list[list[str]]) -> dict[str, object]:
    return {"code": "0", "msg": "", "data": rows}
