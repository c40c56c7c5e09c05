"""The bodies behind the paths that tell who is positioned: the statistics of the futures API, and the website's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from altmonitor.sim.bodies import MINUTE_MS, PERIOD_MINUTES, Answers, Params
from altmonitor.sim.contracts import DAY_MS, SimContract
from altmonitor.sim.limits import ApiError, RequestPool
from altmonitor.sim.noise import Flags, Floats, key_of
from altmonitor.sim.port import Market
from altmonitor.sim.traders import Positions, Traders

OVERVIEW_PATH = "/bapi/futures/v1/public/future/smart-money/signal/overview"
WEB_REQUESTS_PER_MINUTE = 30
WEB_BAN_S = 13_860  # what a burst has been answered with: 3 hours 51 minutes
_SIGNAL_MS = 29_940_000  # of the UTC day, when the website's daily stamp changes
_SAMPLED_MINUTES = 5  # of each bucket, for taker volumes


Part = Callable[[Positions], tuple[Flags, Floats]]
"""Who counts, and for how much."""


def everyone(at: Positions) -> tuple[Flags, Floats]:
    return np.ones(len(at.coins), dtype=bool), np.ones(len(at.coins))


def top_heads(at: Positions) -> tuple[Flags, Floats]:
    return at.is_top, np.ones(len(at.coins))


def top_sizes(at: Positions) -> tuple[Flags, Floats]:
    return at.is_top, np.abs(at.coins)


def long_share(at: Positions, part: Part) -> float:
    """0…1 of those with a position, never quite either end: a ratio follows from it."""
    counted, weight = part(at)
    long = float(weight[counted & (at.coins > 0)].sum())
    short = float(weight[counted & (at.coins < 0)].sum())
    return min(0.9999, max(0.0001, long / (long + short))) if long + short > 0 else 0.5


class PositionAnswers:
    """Every path reads the same `Traders`."""

    def __init__(self, market: Market, answers: Answers) -> None:
        self._market = market
        self._answers = answers
        self._traders = Traders(market)
        self._web_pool = RequestPool(WEB_REQUESTS_PER_MINUTE, window_ms=60_000)
        self._web_banned_until_ms = 0

    def overview(self, params: Params, now_ms: int) -> object:
        self._charge_web(now_ms)
        contract = self._market.contract(params.get("symbol", ""))
        if contract is None:
            return _enveloped(None, code="000002", message="illegal parameter")
        if not self._traders.are_followed(contract, now_ms):
            return _enveloped(None)
        return _enveloped(self._overview_of(contract, now_ms))

    def accounts(self, params: Params, now_ms: int) -> object:
        return self._ratios(params, now_ms, everyone)

    def top_accounts(self, params: Params, now_ms: int) -> object:
        return self._ratios(params, now_ms, top_heads)

    def top_positions(self, params: Params, now_ms: int) -> object:
        return self._ratios(params, now_ms, top_sizes)

    def taker(self, params: Params, now_ms: int) -> object:
        contract, buckets = self._answers.buckets(params, now_ms)
        minutes = PERIOD_MINUTES[params["period"]]
        rows = []
        for bucket_ms in buckets:
            bought, sold = self._taken(contract, bucket_ms, now_ms)
            scale = minutes / _SAMPLED_MINUTES
            rows.append(
                {
                    "buySellRatio": f"{bought / sold if sold else 1.0:.4f}",
                    "sellVol": f"{sold * scale:.4f}",
                    "buyVol": f"{bought * scale:.4f}",
                    "timestamp": bucket_ms,
                }
            )
        return rows

    def open_interest_hist(self, params: Params, now_ms: int) -> object:
        contract, buckets = self._answers.buckets(params, now_ms)
        rows = []
        for bucket_ms in buckets:
            held = self._market.open_interest(contract.symbol, bucket_ms)
            worth = held * self._market.prices([contract.symbol], bucket_ms)[0]
            rows.append(
                {
                    "symbol": contract.symbol,
                    "sumOpenInterest": f"{held:.8f}",
                    "sumOpenInterestValue": f"{worth:.8f}",
                    "CMCCirculatingSupply": "0.00000000",
                    "timestamp": bucket_ms,
                }
            )
        return rows

    def _charge_web(self, now_ms: int) -> None:
        """Raises ApiError: a burst locks this address out for hours, whoever asks."""
        try:
            if now_ms >= self._web_banned_until_ms:
                self._web_pool.charge(now_ms)
                return
        except ApiError:
            self._web_banned_until_ms = now_ms + WEB_BAN_S * 1000
        wait_s = -(-(self._web_banned_until_ms - now_ms) // 1000)
        raise ApiError(429, -1003, "Too many requests", retry_after_s=wait_s)

    def _overview_of(self, contract: SimContract, now_ms: int) -> dict[str, object]:
        at = self._traders.positions(contract, now_ms)
        entries = self._traders.entries(contract, at)
        price = self._market.prices([contract.symbol], now_ms)[0]
        long = _side("long", at, at.coins > 0, entries, entries < price, contract)
        short = _side("short", at, at.coins < 0, entries, entries > price, contract)
        long_qty, short_qty = long["longTradersQty"], short["shortTradersQty"]
        total = long["longTraders"] + short["shortTraders"]
        return {
            "symbol": contract.symbol,
            "updateTime": (now_ms - _SIGNAL_MS) // DAY_MS * DAY_MS + _SIGNAL_MS,
            # the website's own number has another unit from contract to contract
            "totalPositions": total * (1 if key_of("unit", contract.symbol) % 2 else 1000),
            "totalTraders": total,
            "longShortRatio": round(long_qty / short_qty, 4) if short_qty else 0,
            **long,
            **short,
        }

    def _ratios(self, params: Params, now_ms: int, part: Part) -> object:
        contract, buckets = self._answers.buckets(params, now_ms)
        rows = []
        for bucket_ms in buckets:
            share = long_share(self._traders.positions(contract, bucket_ms), part)
            rows.append(
                {
                    "symbol": contract.symbol,
                    "longAccount": f"{share:.4f}",
                    "shortAccount": f"{1 - share:.4f}",
                    "longShortRatio": f"{share / (1 - share):.4f}",
                    "timestamp": bucket_ms,
                }
            )
        return rows

    def _taken(self, contract: SimContract, bucket_ms: int, now_ms: int) -> tuple[float, float]:
        """Coins bought and sold by takers in the last five minutes before the bucket's end."""
        rows = self._market.kline_rows(
            contract.symbol,
            start_ms=bucket_ms - _SAMPLED_MINUTES * MINUTE_MS,
            end_ms=bucket_ms - MINUTE_MS,
            at_ms=now_ms,
        )
        bought, traded = sum(float(row[9]) for row in rows), sum(float(row[5]) for row in rows)
        return bought, traded - bought


def _side(
    name: str, at: Positions, is_theirs: Flags, entries: Floats, is_in_profit: Flags, contract: SimContract
) -> dict[str, float]:
    found: dict[str, float] = {}
    for group, members in (("Traders", at.is_followed & is_theirs), ("Whales", at.is_whale & is_theirs)):
        coins = np.abs(at.coins[members])
        qty = float(coins.sum())
        found[f"{name}{group}"] = int(members.sum())
        found[f"{name}{group}Qty"] = round(qty, 3)
        found[f"{name}{group}AvgEntryPrice"] = (
            round(float((coins * entries[members]).sum()) / qty, contract.price_decimals + 2) if qty else 0.0
        )
        found[f"{name}Profit{group}"] = int((members & is_in_profit).sum())
    return found


def _enveloped(data: object, *, code: str = "000000", message: str | None = None) -> dict[str, object]:
    return {
        "code": code,
        "message": message,
        "messageDetail": None,
        "data": data,
        "success": code == "000000",
    }
