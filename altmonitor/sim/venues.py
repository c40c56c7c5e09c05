"""What other venues tell about the same contracts: OKX's and Bybit's long/short ratios, each of a crowd of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from altmonitor.sim.bodies import MINUTE_MS, Answer, Params
from altmonitor.sim.contracts import SimContract
from altmonitor.sim.control import ApiError, RequestPool
from altmonitor.sim.market import Market
from altmonitor.sim.positioning import Part, Traders, everyone, long_share, top_heads, top_sizes

OKX_STATISTICS: Final = "/api/v5/rubik/stat/contracts/"
OKX_TAKER_VOLUME: Final = "/api/v5/rubik/stat/taker-volume-contract"
BYBIT_RATIO: Final = "/v5/market/account-ratio"
BYBIT_BAN_S: Final = 600

# fmt: off
_OKX_MINUTES = {
    "5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240, "6Hutc": 360, "12Hutc": 720, "1Dutc": 1440,
}
# fmt: on
_BYBIT_MINUTES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1440}
_OKX_MOST_ROWS = 100
_MULTIPLIERS = ("", "1000", "10000", "1000000", "1M")


def venue_answers(market: Market) -> dict[str, Answer]:
    """Path → body. Refused requests raise ApiError, as everywhere."""
    okx, bybit = _Okx(market), _Bybit(market)
    return {
        "/api/v5/public/time": okx.time,
        f"{OKX_STATISTICS}long-short-account-ratio-contract": okx.ratios(everyone),
        f"{OKX_STATISTICS}long-short-account-ratio-contract-top-trader": okx.ratios(top_heads),
        f"{OKX_STATISTICS}long-short-position-ratio-contract-top-trader": okx.ratios(top_sizes),
        OKX_TAKER_VOLUME: okx.taker_volume(),
        "/v5/market/time": bybit.time,
        BYBIT_RATIO: bybit.ratio,
    }


class _Okx:
    def __init__(self, market: Market) -> None:
        self._market = market
        self._traders = Traders(market, venue="okx")

    def time(self, params: Params, now_ms: int) -> object:
        return {"code": "0", "msg": "", "data": [{"ts": str(now_ms)}]}

    def ratios(self, part: Part) -> Answer:
        """Each path has its own limit: 5 requests in 2 seconds."""

        def rows(contract: SimContract, minutes: int, count: int, params: Params, now_ms: int) -> list[list[str]]:
            found = []
            for bucket_ms in _newest_first(contract, now_ms, minutes * MINUTE_MS, count):
                share = long_share(self._traders.positions(contract, bucket_ms), part)
                found.append([str(bucket_ms), f"{share / (1 - share):.4f}"])
            return found

        return self._statistics(rows)

    def taker_volume(self) -> Answer:
        """`[ts, sold, bought]`; the newest bucket is still running."""

        def rows(contract: SimContract, minutes: int, count: int, params: Params, now_ms: int) -> list[list[str]]:
            found = []
            step_ms, in_usd = minutes * MINUTE_MS, params.get("unit") == "2"
            for number in range(count):
                start_ms = now_ms // step_ms * step_ms - number * step_ms
                candles = self._market.kline_rows(
                    contract.symbol, start_ms=start_ms, end_ms=start_ms + step_ms - MINUTE_MS, at_ms=now_ms
                )
                traded = sum(float(row[7 if in_usd else 5]) for row in candles)
                bought = sum(float(row[10 if in_usd else 9]) for row in candles)
                if candles:
                    found.append([str(start_ms), f"{traded - bought:.4f}", f"{bought:.4f}"])
            return found

        return self._statistics(rows)

    def _statistics(self, rows: Callable[[SimContract, int, int, Params, int], list[list[str]]]) -> Answer:
        pool = RequestPool(5, window_ms=2_000)

        def answer(params: Params, now_ms: int) -> object:
            try:
                pool.charge(now_ms)
            except ApiError:
                raise ApiError(429, 50011, "Too Many Requests") from None
            contract = self._contract(params.get("instId", ""), now_ms)
            if contract is None:
                return {"code": "51001", "msg": "Instrument ID does not exist", "data": []}
            minutes = _OKX_MINUTES.get(params.get("period", "5m"))
            if minutes is None:
                return {"code": "51000", "msg": "Parameter period error", "data": []}
            count = min(_OKX_MOST_ROWS, _whole(params.get("limit"), _OKX_MOST_ROWS))
            return {"code": "0", "msg": "", "data": rows(contract, minutes, count, params, now_ms)}

        return answer

    def _contract(self, name: str, now_ms: int) -> SimContract | None:
        """`PEPE-USDT-SWAP` is the contract the main venue calls 1000PEPEUSDT."""
        base = name.removesuffix("-USDT-SWAP")
        found = (self._market.contract(f"{multiplier}{base}USDT") for multiplier in _MULTIPLIERS)
        return next((contract for contract in found if contract is not None and _is_traded(contract, now_ms)), None)


class _Bybit:
    def __init__(self, market: Market) -> None:
        self._market = market
        self._traders = Traders(market, venue="bybit")
        self._pool = RequestPool(600, window_ms=5_000)

    def time(self, params: Params, now_ms: int) -> object:
        return _bybit({"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}, now_ms)

    def ratio(self, params: Params, now_ms: int) -> object:
        try:
            self._pool.charge(now_ms)
        except ApiError:
            raise ApiError(403, 10006, "access too frequent", retry_after_s=BYBIT_BAN_S) from None
        contract = self._market.contract(params.get("symbol", ""))
        if params.get("category") != "linear" or contract is None or not _is_traded(contract, now_ms):
            return _bybit({}, now_ms, code=10001, message="params error: symbol invalid")
        minutes = _BYBIT_MINUTES.get(params.get("period", ""))
        if minutes is None:
            return _bybit({}, now_ms, code=10001, message="params error: period invalid")
        rows = []
        for bucket_ms in _newest_first(contract, now_ms, minutes * MINUTE_MS, _whole(params.get("limit"), 50)):
            share = round(long_share(self._traders.positions(contract, bucket_ms), everyone), 4)
            rows.append(
                {
                    "symbol": contract.symbol,
                    "buyRatio": f"{share:.4f}",
                    "sellRatio": f"{1 - share:.4f}",
                    "timestamp": str(bucket_ms),
                }
            )
        return _bybit({"list": rows, "nextPageCursor": ""}, now_ms)


def _bybit(result: object, now_ms: int, *, code: int = 0, message: str = "OK") -> dict[str, object]:
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}


def _is_traded(contract: SimContract, now_ms: int) -> bool:
    kind = (contract.contract_type, contract.quote_asset, contract.status_at(now_ms))
    return kind == ("PERPETUAL", "USDT", "TRADING")


def _newest_first(contract: SimContract, now_ms: int, span_ms: int, count: int) -> list[int]:
    newest_ms = now_ms // span_ms * span_ms
    return [ms for back in range(count) if (ms := newest_ms - back * span_ms) >= contract.onboard_ms]


def _whole(text: str | None, default: int) -> int:
    return min(500, max(1, int(text))) if text is not None and text.isascii() and text.isdecimal() else default
