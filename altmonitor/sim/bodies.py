"""The bodies behind each REST path: parameters and a moment in, JSON-able values out. No limits, no faults, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from altmonitor.sim.contracts import SimContract, key_of
from altmonitor.sim.control import WEIGHT_PER_MINUTE, ApiError
from altmonitor.sim.market import Day, Market
from altmonitor.sim.settlements import settled
from altmonitor.sim.wire import KlineRow

# ---
# Single objects of the exchange's REST answers.


_HOUR_MS = 3_600_000


def exchange_info_row(contract: SimContract, status: str) -> dict[str, object]:
    """One entry of `symbols` in /fapi/v1/exchangeInfo."""
    tick, step = f"{10**-contract.price_decimals:.{contract.price_decimals}f}", 10**-contract.qty_decimals
    step_text = f"{step:.{contract.qty_decimals}f}"
    is_tradfi = contract.contract_type == "TRADIFI_PERPETUAL"
    return {
        "symbol": contract.symbol,
        "pair": contract.base_asset + contract.quote_asset,
        "contractType": contract.contract_type,
        "deliveryDate": contract.delivery_ms,
        "onboardDate": contract.onboard_ms,
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": contract.base_asset,
        "quoteAsset": contract.quote_asset,
        "marginAsset": contract.quote_asset,
        "pricePrecision": contract.price_decimals,
        "quantityPrecision": contract.qty_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": contract.underlying_type,
        "underlyingSubType": ["TradFi"] if is_tradfi else [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.015000",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": tick, "minPrice": tick, "maxPrice": f"{contract.price * 1e3:g}"},
            {"filterType": "LOT_SIZE", "stepSize": step_text, "minQty": step_text, "maxQty": "10000000"},
            {"filterType": "MARKET_LOT_SIZE", "stepSize": step_text, "minQty": step_text, "maxQty": "1000000"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierDown": "0.9500",
                "multiplierUp": "1.0500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def funding_hours(contract: SimContract) -> int | None:
    """Hours between settlements of funding; None for contracts without funding."""
    if contract.contract_type not in ("PERPETUAL", "TRADIFI_PERPETUAL"):
        return None
    return (8, 4, 8, 4, 4, 8, 4, 4, 8, 1)[key_of("funding", contract.symbol) % 10]


def is_left_out(contract: SimContract, hours: int) -> bool:
    """The list has every contract that was ever adjusted: all that differ from 8 h, and some that do not."""
    return hours == 8 and key_of("adjusted", contract.symbol) % 3 > 0


def premium_row(contract: SimContract, price: float, mood: float, now_ms: int) -> dict[str, object]:
    hours = funding_hours(contract) if contract.status_at(now_ms) == "TRADING" else None
    rate = 0.0001 + 0.0005 * mood if hours else 0.0
    return {
        "symbol": contract.symbol,
        "markPrice": f"{price:.8f}",
        "indexPrice": f"{price * (1 - rate):.8f}",
        "estimatedSettlePrice": f"{price:.8f}",
        "lastFundingRate": f"{rate:.8f}",
        "interestRate": "0.00010000" if hours else "0.00000000",
        "nextFundingTime": (now_ms // (hours * _HOUR_MS) + 1) * hours * _HOUR_MS if hours else 0,
        "time": now_ms,
    }


def ticker_row(day: Day, now_ms: int) -> dict[str, object]:
    digits, middle = day.price_decimals, (day.open + day.last) / 2
    return {
        "symbol": day.symbol,
        "priceChange": f"{day.last - day.open:.{digits}f}",
        "priceChangePercent": f"{(day.last / day.open - 1) * 100:.3f}",
        "weightedAvgPrice": f"{middle:.{digits}f}",
        "lastPrice": f"{day.last:.{digits}f}",
        "lastQty": "1",
        "openPrice": f"{day.open:.{digits}f}",
        "highPrice": f"{day.high:.{digits}f}",
        "lowPrice": f"{day.low:.{digits}f}",
        "volume": f"{day.quote / middle:.3f}",
        "quoteVolume": f"{day.quote:.5f}",
        "openTime": now_ms - 86_400_000,
        "closeTime": now_ms,
        "firstId": 1,
        "lastId": 100_000,
        "count": 100_000,
    }


def aggregated(rows: list[KlineRow], span_ms: int) -> list[KlineRow]:
    found: list[KlineRow] = []
    groups: dict[int, list[KlineRow]] = {}
    for row in rows:
        groups.setdefault(int(row[0]) // span_ms * span_ms, []).append(row)
    for open_ms, group in groups.items():
        highest, lowest = max(group, key=lambda r: float(r[2])), min(group, key=lambda r: float(r[3]))
        begin: KlineRow = [open_ms, group[0][1], highest[2], lowest[3], group[-1][4], _summed(group, 5)]
        trades = sum(int(row[8]) for row in group)
        end: KlineRow = [open_ms + span_ms - 1, _summed(group, 7), trades, _summed(group, 9), _summed(group, 10), "0"]
        found.append(begin + end)
    return found


def _summed(rows: list[KlineRow], column: int) -> str:
    decimals = len(str(rows[0][column]).partition(".")[2])
    return f"{sum(float(row[column]) for row in rows):.{decimals}f}"


# ---


Params = Mapping[str, str]
MINUTE_MS = 60_000
_INTERVAL_MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60}
PERIOD_MINUTES = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440}
_LONGEST_AGGREGATE_MIN = 4_320  # candles longer than a minute reach back three days
_FUNDING = 0  # topic of the market's moods


class RestBodies:
    def __init__(self, market: Market) -> None:
        self._market = market

    def ping(self, params: Params, now_ms: int) -> object:
        return {}

    def time(self, params: Params, now_ms: int) -> object:
        return {"serverTime": now_ms}

    def exchange_info(self, params: Params, now_ms: int) -> object:
        rows = []
        for contract in self._market.contracts():
            status = contract.status_at(now_ms)
            if status is not None:
                rows.append(exchange_info_row(contract, status))
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "futuresType": "U_MARGINED",
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": WEIGHT_PER_MINUTE,
                },
                {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
            ],
            "exchangeFilters": [],
            "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
            "symbols": rows,
        }

    def klines(self, params: Params, now_ms: int) -> object:
        contract = self._listed(params, now_ms)
        minutes = _INTERVAL_MINUTES.get(params.get("interval", ""))
        if minutes is None:
            raise ApiError(400, -1120, "Invalid interval.")
        limit = _integer(params, "limit", 500, 1, 1500)
        span_ms = minutes * MINUTE_MS
        start_ms = _integer(params, "startTime", -1, 0, 1 << 53)
        end_ms = min(_integer(params, "endTime", now_ms, 0, 1 << 53), now_ms)
        if start_ms < 0:
            start_ms = end_ms // span_ms * span_ms - (limit - 1) * span_ms
        first_ms = -(-start_ms // span_ms) * span_ms
        last_ms = min(end_ms // span_ms * span_ms, first_ms + (limit - 1) * span_ms)
        if minutes > 1:
            first_ms = max(first_ms, last_ms - _LONGEST_AGGREGATE_MIN * MINUTE_MS)
        rows = self._market.kline_rows(
            contract.symbol, start_ms=first_ms, end_ms=last_ms + span_ms - MINUTE_MS, at_ms=now_ms
        )
        return rows if minutes == 1 else aggregated(rows, span_ms)

    def open_interest(self, params: Params, now_ms: int) -> object:
        contract = self._trading(params, now_ms)
        # The exchange's stamp is its own: it recounts each contract every few seconds, not when asked.
        own_ms = (now_ms - key_of("oi", contract.symbol) % 3_000) // 3_000 * 3_000 + key_of(
            "oi", contract.symbol
        ) % 3_000
        held = self._market.open_interest(contract.symbol, own_ms)
        return {"symbol": contract.symbol, "openInterest": f"{held:.{contract.qty_decimals}f}", "time": own_ms}

    def premium_index(self, params: Params, now_ms: int) -> object:
        one = self._listed(params, now_ms) if params.get("symbol") else None
        listed = [one] if one else [c for c in self._market.contracts() if c.status_at(now_ms) is not None]
        symbols = [contract.symbol for contract in listed]
        prices = self._market.prices(symbols, now_ms)
        moods = self._market.moods(symbols, _FUNDING, now_ms // 300_000)
        rows = [premium_row(*values, now_ms) for values in zip(listed, prices, moods, strict=True)]
        return rows[0] if one else rows

    def funding_info(self, params: Params, now_ms: int) -> object:
        rows = []
        for contract in self._market.contracts():
            hours = funding_hours(contract)
            if contract.status_at(now_ms) != "TRADING" or hours is None or is_left_out(contract, hours):
                continue
            rows.append(
                {
                    "symbol": contract.symbol,
                    "adjustedFundingRateCap": "0.02000000",
                    "adjustedFundingRateFloor": "-0.02000000",
                    "fundingIntervalHours": hours,
                    "disclaimer": False,
                    "updateTime": contract.onboard_ms,
                }
            )
        return rows

    def funding_rate(self, params: Params, now_ms: int) -> object:
        contract = self._listed(params, now_ms)
        limit = _integer(params, "limit", 100, 1, 1_000)
        start_ms = _integer(params, "startTime", now_ms - 7 * 86_400_000, 0, 1 << 53)
        end_ms = min(_integer(params, "endTime", now_ms, 0, 1 << 53), now_ms)
        hours = funding_hours(contract)
        paid = settled(contract, start_ms, end_ms + 1, hours=hours) if hours else []
        return [
            {"symbol": contract.symbol, "fundingTime": time_ms, "fundingRate": f"{rate:.8f}", "markPrice": ""}
            for time_ms, rate in paid[:limit]
        ]

    def day_ticker(self, params: Params, now_ms: int) -> object:
        one = self._listed(params, now_ms) if params.get("symbol") else None
        symbols = [c.symbol for c in self._market.contracts() if c.status_at(now_ms) == "TRADING"]
        rows = [ticker_row(day, now_ms) for day in self._market.days([one.symbol] if one else symbols, now_ms)]
        return rows[0] if one else rows

    def buckets(self, params: Params, now_ms: int) -> tuple[SimContract, list[int]]:
        """The contract and the ends of the asked buckets, oldest → newest; none for contracts without such data."""
        contract = self._listed(params, now_ms)
        minutes = PERIOD_MINUTES.get(params.get("period", ""))
        if minutes is None:
            raise ApiError(400, -1130, "Data sent for parameter 'period' is not valid.")
        span_ms = minutes * MINUTE_MS
        limit = _integer(params, "limit", 30, 1, 500)
        end_ms = min(_integer(params, "endTime", now_ms, 0, 1 << 53), now_ms) // span_ms * span_ms
        oldest_ms = max(contract.onboard_ms, now_ms - 30 * 24 * _HOUR_MS, _integer(params, "startTime", 0, 0, 1 << 53))
        if contract.contract_type != "PERPETUAL":
            return contract, []
        ends = [end_ms - back * span_ms for back in range(limit - 1, -1, -1)]
        return contract, [ms for ms in ends if ms >= oldest_ms]

    def _listed(self, params: Params, now_ms: int) -> SimContract:
        symbol = params.get("symbol", "")
        if not symbol:
            raise ApiError(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        contract = self._market.contract(symbol)
        if contract is None or contract.status_at(now_ms) is None:
            raise ApiError(400, -1121, "Invalid symbol.")
        return contract

    def _trading(self, params: Params, now_ms: int) -> SimContract:
        contract = self._listed(params, now_ms)
        if contract.status_at(now_ms) != "TRADING":
            text = "Symbol is on delivering or delivered or settling or closed or pre-trading."
            raise ApiError(400, -4108, text)
        return contract


def kline_weight(params: Params) -> int:
    """Source: https://developers.binance.com/docs/derivatives/usds-margined-futures (kline data), 2026-08."""
    text = params.get("limit", "500")
    limit = int(text) if text.isdecimal() else 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def _integer(params: Params, name: str, default: int, low: int, high: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()):
        legal = "^[0-9]{1,20}$"
        raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    if not low <= int(text) <= high:
        raise ApiError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return int(text)


Answer = Callable[[Params, int], object]
