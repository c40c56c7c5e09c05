"""The bodies behind the paths that tell who is positioned: the statistics of the futures API, and the website's own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from altmonitor.sim.bodies import MINUTE_MS, PERIOD_MINUTES, Params, RestBodies
from altmonitor.sim.contracts import (
    DAY_MS,
    MAJORS,
    Flags,
    Floats,
    Ints,
    Keys,
    SimContract,
    key_of,
    keys_of,
    paired,
    walk,
)
from altmonitor.sim.control import ApiError, RequestPool
from altmonitor.sim.market import Market

# ---
# One crowd of traders per contract, behind every number about who is positioned.
#
# Everybody who holds the contract is in it, so that longs and shorts both add up to its open interest. The followed
# traders of the overview, the top traders of the ratios and all accounts are parts of the same crowd. Like the market
# it is a function of time: a trader holds one position for a span of his own, entered at the price of its beginning.


_STEP_MS = 300_000
_HOUR_MS = 3_600_000
_HOLDS_MS = (_HOUR_MS // 2, _HOUR_MS, 2 * _HOUR_MS, 4 * _HOUR_MS, 12 * _HOUR_MS, 24 * _HOUR_MS, 48 * _HOUR_MS)
_TOP_PART = 0.2  # by margin balance; of all accounts the top traders, of the followed ones the whales
_FOLLOWED = 0.3
_FLAT = 0.15
_LEAN = 0.3  # how far a group's mood moves the chance of a long away from one half
_KEPT_PRICES = 20_000


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Arrays of one entry per trader. is_top: of all; is_followed; is_whale: of the followed."""

    keys: Keys
    margin: Floats
    hold_ms: Ints
    phase_ms: Ints
    is_top: Flags
    is_followed: Flags
    is_whale: Flags
    moods: Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class SimPositions:
    """One moment of the whole crowd: arrays of one entry per trader. coins: above 0 long, below 0 short, 0 none.

    since_ms: when the position was entered.
    """

    coins: Floats
    since_ms: Ints
    is_top: Flags
    is_followed: Flags
    is_whale: Flags


class Traders:
    """venue: another one has another crowd in the same contracts."""

    def __init__(self, market: Market, *, venue: str = "") -> None:
        self._market = market
        self._venue = venue
        self._crowds: dict[str, _Crowd] = {}
        self._prices: OrderedDict[tuple[str, int], float] = OrderedDict()

    def are_followed(self, contract: SimContract, at_ms: int) -> bool:
        """Whether the overview knows the contract: trading USDT perpetuals of coins, some small ones left out."""
        if contract.contract_type != "PERPETUAL" or contract.quote_asset != "USDT":
            return False
        is_large = contract.base_asset in MAJORS
        return contract.status_at(at_ms) == "TRADING" and (is_large or key_of("followed", contract.symbol) % 8 > 0)

    def positions(self, contract: SimContract, at_ms: int) -> SimPositions:
        crowd = self._crowd(contract)
        turn = (at_ms + crowd.phase_ms) // crowd.hold_ms
        since_ms = np.maximum(turn * crowd.hold_ms - crowd.phase_ms, contract.onboard_ms)
        is_long = paired(crowd.keys, turn, salt=800) < 0.5 + _LEAN * self._moods(crowd, since_ms)
        is_flat = paired(crowd.keys, turn, salt=801) < _FLAT
        built_up = 0.6 + 0.4 * np.clip(2 * (at_ms - since_ms) / crowd.hold_ms, 0.0, 1.0)
        weight = crowd.margin * (0.5 + paired(crowd.keys, turn, salt=802)) * built_up * ~is_flat
        held = self._market.open_interest(contract.symbol, at_ms)
        long, short = weight * is_long, weight * ~is_long
        coins = held * (long / max(float(long.sum()), 1e-12) - short / max(float(short.sum()), 1e-12))
        return SimPositions(
            coins=coins,
            since_ms=since_ms,
            is_top=crowd.is_top,
            is_followed=crowd.is_followed,
            is_whale=crowd.is_whale,
        )

    def entries(self, contract: SimContract, positions: SimPositions) -> Floats:
        """The price at which each position was entered."""
        moments, destinations = np.unique(positions.since_ms, return_inverse=True)
        prices = np.array([self._price(contract.symbol, int(ms)) for ms in moments])
        found: Floats = prices[destinations]
        return found

    def _price(self, symbol: str, at_ms: int) -> float:
        if (symbol, at_ms) not in self._prices:
            self._prices[symbol, at_ms] = self._market.prices([symbol], at_ms)[0]
            if len(self._prices) > _KEPT_PRICES:
                self._prices.popitem(last=False)
        return self._prices[symbol, at_ms]

    def _moods(self, crowd: _Crowd, since_ms: Ints) -> Floats:
        """−1…1 at each trader's entry: one mood for the top traders, one for the others."""
        steps, destinations = np.unique(since_ms // _STEP_MS, return_inverse=True)
        values = np.clip(walk(crowd.moods, steps, periods=(24, 96, 384), salt=820) / 24, -1.0, 1.0)
        found: Floats = np.where(crowd.is_top, values[0, destinations], values[1, destinations])
        return found

    def _crowd(self, contract: SimContract) -> _Crowd:
        if contract.symbol not in self._crowds:
            self._crowds[contract.symbol] = self._gather(contract)
        return self._crowds[contract.symbol]

    def _gather(self, contract: SimContract) -> _Crowd:
        count = int(300 + 40 * (contract.quote_per_minute / 60_000) ** 0.5)
        seed = key_of("traders", contract.symbol, self._venue)
        keys = keys_of(seed, count)
        dice = np.stack([paired(keys, np.zeros(count, dtype=np.int64), salt=810 + n) for n in range(4)])
        margin = (1.0 - 0.999 * dice[0]) ** -0.8  # few large ones, many small ones
        hold_ms = np.array(_HOLDS_MS, dtype=np.int64)[(dice[1] * len(_HOLDS_MS)).astype(np.int64)]
        grid_ms = np.where(hold_ms > 4 * _HOUR_MS, _HOUR_MS, _STEP_MS)
        is_followed = dice[3] < _FOLLOWED
        return _Crowd(
            keys=keys,
            margin=margin,
            hold_ms=hold_ms,
            phase_ms=(dice[2] * (hold_ms // grid_ms)).astype(np.int64) * grid_ms,
            is_top=_largest(margin, np.ones(count, dtype=bool)),
            is_followed=is_followed,
            is_whale=_largest(margin, is_followed),
            moods=np.array([key_of(seed, "top mood"), key_of(seed, "mood")], dtype=np.uint64),
        )


def _largest(margin: Floats, among: Flags) -> Flags:
    """The fifth of `among` with the most margin."""
    floor = np.quantile(margin[among], 1 - _TOP_PART)
    found: Flags = among & (margin >= floor)
    return found


# ---


OVERVIEW_PATH = "/bapi/futures/v1/public/future/smart-money/signal/overview"
WEB_REQUESTS_PER_MINUTE = 30
WEB_BAN_S = 13_860  # what a burst has been answered with: 3 hours 51 minutes
_SIGNAL_MS = 29_940_000  # of the UTC day, when the website's daily stamp changes
_SAMPLED_MINUTES = 5  # of each bucket, for taker volumes


Part = Callable[[SimPositions], tuple[Flags, Floats]]
"""Who counts, and for how much."""


def everyone(at: SimPositions) -> tuple[Flags, Floats]:
    return np.ones(len(at.coins), dtype=bool), np.ones(len(at.coins))


def top_heads(at: SimPositions) -> tuple[Flags, Floats]:
    return at.is_top, np.ones(len(at.coins))


def top_sizes(at: SimPositions) -> tuple[Flags, Floats]:
    return at.is_top, np.abs(at.coins)


def long_share(at: SimPositions, part: Part) -> float:
    """0…1 of those with a position, never quite either end: a ratio follows from it."""
    counted, weight = part(at)
    long = float(weight[counted & (at.coins > 0)].sum())
    short = float(weight[counted & (at.coins < 0)].sum())
    return min(0.9999, max(0.0001, long / (long + short))) if long + short > 0 else 0.5


class PositionAnswers:
    """Every path reads the same `Traders`."""

    def __init__(self, market: Market, answers: RestBodies) -> None:
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
    name: str, at: SimPositions, is_theirs: Flags, entries: Floats, is_in_profit: Flags, contract: SimContract
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
