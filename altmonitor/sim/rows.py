"""Single objects of the exchange's REST answers."""

from __future__ import annotations

from altmonitor.sim.contracts import SimContract
from altmonitor.sim.noise import key_of
from altmonitor.sim.port import Day
from altmonitor.sim.wire import KlineRow

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
