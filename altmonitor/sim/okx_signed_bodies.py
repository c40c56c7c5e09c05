"""What OKX tells of traders to whoever signs: the paths of its smart-money module.

Source: the client of github.com/okx/agent-trade-kit, packages/core/src/tools/smartmoney.ts (2026-05).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from altmonitor.sim.bodies import Answer, Params
from altmonitor.sim.control import ApiError
from altmonitor.sim.okx_copy_bodies import EAST, body, limited, whole
from altmonitor.sim.okx_traders import DAY_MS, HOUR_MS, SimHolding, SimTrader, SimTraders

T = TypeVar("T")

ORBIT: Final = "/api/v5/orbit/"
JOURNAL: Final = "/api/v5/journal/smartmoney/"
SIGNED_PATHS: Final = (
    f"{ORBIT}public/leaderboard",
    f"{ORBIT}public/position-current",
    f"{ORBIT}public/position-history",
    f"{ORBIT}public/trade-records",
    f"{ORBIT}top-trader-search",
    f"{JOURNAL}overview",
    f"{JOURNAL}signal-history",
)
_PERIODS: Final = ("3", "7", "30", "90")
_TIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "pnlTier": ("PNL_ANY", "PNL_TOP50", "PNL_TOP20", "PNL_TOP5"),
    "winRateTier": ("WR_ANY", "WR_GE_50", "WR_GE_80"),
    "maxDrawdownTier": ("MR_ANY", "MR_LE_20", "MR_LE_50"),
    "aumTier": ("AUM_ANY", "AUM_TOP50", "AUM_TOP20", "AUM_TOP5"),
}


class OkxSignedBodies:
    """asked: path and parameters of each request that was let in, newest last."""

    def __init__(self, traders: SimTraders) -> None:
        self.traders = traders
        self.asked: list[tuple[str, Params]] = []

    def answers(self) -> dict[str, Answer]:
        signed: tuple[Answer, ...] = (
            self.leaderboard,
            self.position_current,
            self.position_history,
            self.trade_records,
            self.search,
            self.overview,
            self.signal_history,
        )
        return {
            path: limited(5, 1_000, self._noted(path, tell)) for path, tell in zip(SIGNED_PATHS, signed, strict=True)
        }

    def _noted(self, path: str, tell: Answer) -> Answer:
        def answer(params: Params, now_ms: int) -> object:
            self.asked.append((path, dict(params)))
            return tell(params, now_ms)

        return answer

    def leaderboard(self, params: Params, now_ms: int) -> object:
        days = int(_one_of(params, "period", _PERIODS))
        sort_by = _one_of(params, "sortBy", ("pnl", "pnlRatio"))
        wanted = params.get("authorIds")
        found = [one for one in self.traders.all if wanted is None or one.author_id in wanted.split(",")]
        found = [one for one in found if self._passes(one, params, days, now_ms)]
        value = self.traders.pnl if sort_by == "pnl" else self.traders.ratio
        found.sort(key=lambda one: (-value(one, days, now_ms), one.author_id))
        page = _cursor(found, [one.author_id for one in found], params, default=10)
        version = datetime.fromtimestamp(now_ms // 300_000 * 300, EAST).strftime("%Y%m%d%H%M")
        return body({"updateTime": version, "data": [self._author(one, days, now_ms) for one in page]})

    def _passes(self, one: SimTrader, params: Params, days: int, now_ms: int) -> bool:
        return (
            self.traders.pnl(one, days, now_ms) >= float(params.get("pnl", "-1e18"))
            and self.traders.win_rate(one, days, now_ms) >= float(params.get("winRate", "0"))
            and self.traders.drawdown(one, days, now_ms) <= float(params.get("maxDrawdown", "1e9"))
            and one.asset >= float(params.get("asset", "0"))
        )

    def _author(self, one: SimTrader, days: int, now_ms: int) -> dict[str, object]:
        return {
            "authorId": one.author_id,
            "nickName": one.name,
            "pnl": f"{self.traders.pnl(one, days, now_ms):.4f}",
            "pnlRatio": f"{self.traders.ratio(one, days, now_ms):.6f}",
            "asset": f"{one.asset:.2f}",
            "winRate": f"{self.traders.win_rate(one, days, now_ms):.4f}",
            "maxDrawdown": f"{self.traders.drawdown(one, days, now_ms):.6f}",
            "onboardDuration": str(one.lead_days),
            "portrait": f"https://static.example/{one.number}",
            "rates": [
                {"statTime": datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%y%m%d"), "value": f"{total:.6f}"}
                for at_ms, total in self.traders.curve(one, days, now_ms)
            ],
        }

    def position_current(self, params: Params, now_ms: int) -> object:
        one = self._author_of(params)
        rows = []
        for held in self._of_coin(self.traders.held(one, now_ms), params):
            price = self.traders.price(held, now_ms)
            sign = "-" if held.is_net_mode and not held.is_long else ""
            rows.append(
                {
                    "posId": str(held.position_id),
                    "instId": held.instrument,
                    "instType": "SWAP",
                    "posSide": "both" if held.is_net_mode else "long" if held.is_long else "short",
                    "posCcy": held.instrument.partition("-")[0],
                    "quoteCcy": "USDT",
                    "pos": f"{sign}{held.contracts:g}",
                    "lever": str(held.lever),
                    "avgPx": f"{held.entry:.12g}",
                    "last": f"{price:.12g}",
                    "notionalUsd": f"{held.notional(price):.4f}",
                    "upl": f"{held.pnl(price):.4f}",
                    "pnl": "0",
                    "cTime": str(held.opened_ms),
                    "positionIntensity": f"{held.notional(price) / one.asset:.6f}",
                }
            )
        return body([{"posData": rows}])

    def position_history(self, params: Params, now_ms: int) -> object:
        one = self._author_of(params)
        past = self._of_coin(self.traders.closed(one, now_ms, least=12), params)
        rows = []
        for held in _cursor(past, [str(held.position_id) for held in past], params, default=10):
            price = held.exit or held.entry
            fee = held.notional(price) * 0.0005
            rows.append(
                {
                    "posId": str(held.position_id),
                    "instId": held.instrument,
                    "instType": "SWAP",
                    "ctVal": f"{held.contract_value:g}",
                    "posSide": "long" if held.is_long else "short",
                    "lever": str(held.lever),
                    "mgnMode": "cross",
                    "marginCcy": "USDT",
                    "quoteCcy": "USDT",
                    "openAvgPx": f"{held.entry:.12g}",
                    "closeAvgPx": f"{price:.12g}",
                    "openMaxAmount": f"{held.contracts:g}",
                    "closeAmount": f"{held.contracts:g}",
                    "realizedPnl": f"{held.pnl(price):.4f}",
                    "pnl": f"{held.pnl(price) - fee:.4f}",
                    "pnlRatio": f"{(held.pnl(price) - fee) / held.notional(held.entry):.6f}",
                    "fee": f"{-fee:.4f}",
                    "fundingFee": "0",
                    "liquidationStatus": "0",
                    "closeType": "allClose",
                    "cTime": str(held.opened_ms),
                    "uTime": str(held.closed_ms),
                }
            )
        return body(rows)

    def trade_records(self, params: Params, now_ms: int) -> object:
        one = self._author_of(params)
        past = self._of_coin(self.traders.closed(one, now_ms, least=12), params)
        orders = [(held.position_id * 10 + is_end, held, bool(is_end)) for held in past for is_end in (0, 1)]
        orders.sort(key=lambda order: -order[0])
        rows = []
        for number, held, is_end in _cursor(orders, [str(order[0]) for order in orders], params, default=10):
            price = (held.exit or held.entry) if is_end else held.entry
            at_ms = held.closed_ms if is_end else held.opened_ms
            rows.append(
                {
                    "ordId": str(number),
                    "instId": held.instrument,
                    "displayId": held.instrument,
                    "instType": "SWAP",
                    "baseName": held.instrument.partition("-")[0],
                    "quoteName": "USDT",
                    "tradeQuoteCcy": "USDT",
                    "side": "buy" if held.is_long is not is_end else "sell",
                    "posSide": "long" if held.is_long else "short",
                    "ordType": "market",
                    "lever": str(held.lever),
                    "px": "",
                    "avgPx": f"{price:.12g}",
                    "sz": f"{held.contracts:g}",
                    "value": f"{held.notional(price):.4f}",
                    "cTime": str(at_ms),
                    "fillTime": str(at_ms),
                    "uTime": str(at_ms),
                }
            )
        return body(rows)

    def search(self, params: Params, now_ms: int) -> object:
        word = params.get("keyword", "").casefold()
        found = sorted((one for one in self.traders.all if word in one.name.casefold()), key=lambda one: -one.followers)
        return body(
            [
                {"authorId": one.author_id, "nickName": one.name, "followerCount": str(one.followers)}
                for one in found[:10]
            ]
        )

    def overview(self, params: Params, now_ms: int) -> object:
        pool = self._pool(params, now_ms)
        hour_ms = now_ms // HOUR_MS * HOUR_MS
        coins = params["instCcyList"].split(",") if "instCcyList" in params else None
        now = self._sums(pool, hour_ms)
        order = coins or sorted(now, key=lambda coin: (-len(now[coin][0] | now[coin][1]), coin))
        top = len(order) if coins else whole(params, "topInstruments", 20)
        past = {name: self._sums(pool, hour_ms - back_ms) for name, back_ms in _BACK.items()}
        rows = [self._coin(coin, now, past, len(pool), hour_ms) for coin in order[:top] if coin in now]
        return body(rows)

    def _coin(self, coin: str, now: Sums, past: Mapping[str, Sums], qualified: int, hour_ms: int) -> dict[str, object]:
        longs, shorts, long_usd, short_usd, long_entry, short_entry = now[coin]
        before = past["24h"].get(coin)
        total = long_usd + short_usd
        before_total = before[2] + before[3] if before else 0.0
        ratios = _shares(now[coin])
        for name in _BACK:
            old = past[name].get(coin)
            ratios[f"longRatioVs{name}"] = f"{_heads(now[coin]) - _heads(old):.6f}" if old else None
        return {
            "ccy": f"{coin}-USDT-SWAP",
            "dataVersion": datetime.fromtimestamp(hour_ms / 1000, UTC).strftime("%Y%m%d%H"),
            "tradersWithPosition": len(longs | shorts),
            "tradersQualified": qualified,
            "longTraders": len(longs),
            "shortTraders": len(shorts),
            "notional": {
                "longNotionalUsdt": f"{long_usd:.2f}",
                "shortNotionalUsdt": f"{short_usd:.2f}",
                "netNotionalUsdt": f"{long_usd - short_usd:.2f}",
                "totalNotionalUsdt": f"{total:.2f}",
                "totalNotionalVs24h": f"{(total - before_total) / before_total:.6f}" if before_total else None,
                "smartMoneyLongAvgEntry": f"{long_entry / long_usd:.8f}" if long_usd else "",
                "smartMoneyShortAvgEntry": f"{short_entry / short_usd:.8f}" if short_usd else "",
            },
            "longShortRatio": ratios,
            "winRate": {"avgLongWinRate": "0.5", "avgShortWinRate": None},
        }

    def signal_history(self, params: Params, now_ms: int) -> object:
        pool, coin = self._pool(params, now_ms), params.get("instCcy", "")
        step_ms = {"1h": HOUR_MS, "1d": DAY_MS}[_one_of(params, "granularity", ("1h", "1d"))]
        end_ms = now_ms // HOUR_MS * HOUR_MS
        if "asOfTime" in params:
            asked = datetime.strptime(params["asOfTime"], "%Y%m%d%H").replace(tzinfo=UTC)
            end_ms = min(end_ms, round(asked.timestamp() * 1000))
        rows = []
        for back in range(min(500, whole(params, "limit", 24))):
            at_ms = end_ms // step_ms * step_ms - back * step_ms
            found = self._sums(pool, at_ms).get(coin)
            if found is None:
                continue
            rows.append(
                _shares(found)
                | {
                    "ccy": coin,
                    "dataVersion": datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%d%H"),
                    "tradersWithPosition": len(found[0] | found[1]),
                    "tradersQualified": len(pool),
                    "longTraders": len(found[0]),
                    "shortTraders": len(found[1]),
                    "netNotionalUsdt": f"{found[2] - found[3]:.2f}",
                    "totalNotionalUsdt": f"{found[2] + found[3]:.2f}",
                }
            )
        return body(rows)

    def _pool(self, params: Params, now_ms: int) -> list[SimTrader]:
        days = int(_one_of(params, "period", _PERIODS))
        sort_by = _one_of(params, "sortBy", ("pnl", "pnlRatio"))
        if "authorIds" in params:
            wanted = params["authorIds"].split(",")
            return [one for one in self.traders.all if one.author_id in wanted]
        tiers = {name: _one_of(params, name, allowed) for name, allowed in _TIERS.items()}
        found = _top(self.traders.all, tiers["pnlTier"], lambda one: self.traders.pnl(one, days, now_ms)) & _top(
            self.traders.all, tiers["aumTier"], lambda one: one.asset
        )
        win, fall = tiers["winRateTier"].rpartition("_")[2], tiers["maxDrawdownTier"].rpartition("_")[2]
        passed = [
            one
            for one in self.traders.all
            if one in found
            and (win == "ANY" or self.traders.win_rate(one, days, now_ms) * 100 >= int(win))
            and (fall == "ANY" or self.traders.drawdown(one, days, now_ms) * 100 <= int(fall))
        ]
        value = self.traders.pnl if sort_by == "pnl" else self.traders.ratio
        passed.sort(key=lambda one: (-value(one, days, now_ms), one.author_id))
        return passed[: whole(params, "lmtNum", 100)]

    def _sums(self, pool: Sequence[SimTrader], at_ms: int) -> Sums:
        found: Sums = {}
        for trader, held in self.traders.holdings_of(pool, at_ms):
            coin, usd = held.instrument.partition("-")[0], held.notional(held.entry)
            longs, shorts, long_usd, short_usd, long_entry, short_entry = found.get(
                coin, (frozenset(), frozenset(), 0.0, 0.0, 0.0, 0.0)
            )
            mine = frozenset((trader.code,))
            if held.is_long:
                longs, long_usd, long_entry = longs | mine, long_usd + usd, long_entry + usd * held.entry
            else:
                shorts, short_usd, short_entry = shorts | mine, short_usd + usd, short_entry + usd * held.entry
            found[coin] = longs, shorts, long_usd, short_usd, long_entry, short_entry
        return found

    def _author_of(self, params: Params) -> SimTrader:
        one = self.traders.by_author.get(params.get("authorId", ""))
        if one is None:
            raise ApiError(200, "51000", "Parameter authorId error")
        return one

    @staticmethod
    def _of_coin(held: list[SimHolding], params: Params) -> list[SimHolding]:
        coin = params.get("instCcy")
        return [one for one in held if coin is None or one.instrument.partition("-")[0] == coin]


Sums = dict[str, tuple[frozenset[str], frozenset[str], float, float, float, float]]
"""By coin: heads long, heads short, USD long, USD short, and both sums of USD times entry price."""
_BACK: Final = {"1h": HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS}


def _heads(found: tuple[frozenset[str], frozenset[str], float, float, float, float]) -> float:
    return len(found[0]) / len(found[0] | found[1])


def _shares(found: tuple[frozenset[str], frozenset[str], float, float, float, float]) -> dict[str, object]:
    longs, shorts, long_usd, short_usd, _, _ = found
    holders, usd = len(longs | shorts), long_usd + short_usd
    return {
        "longRatio": f"{len(longs) / holders:.6f}",
        "shortRatio": f"{len(shorts) / holders:.6f}",
        "weightedLongRatio": f"{long_usd / usd:.6f}",
        "weightedShortRatio": f"{short_usd / usd:.6f}",
    }


def _top(traders: Sequence[SimTrader], tier: str, value: Callable[[SimTrader], float]) -> set[SimTrader]:
    _, _, part = tier.partition("_TOP")
    kept = len(traders) if not part else -(-len(traders) * int(part) // 100)
    return set(sorted(traders, key=lambda one: -value(one))[:kept])


def _cursor(rows: Sequence[T], ids: Sequence[str], params: Params, *, default: int) -> Sequence[T]:
    start, end, limit = 0, len(rows), min(100, whole(params, "limit", default))
    if params.get("after") in ids:
        start = ids.index(params["after"]) + 1
    if params.get("before") in ids:
        end = ids.index(params["before"])
        start = max(start, end - limit)
    return rows[start : min(end, start + limit)]


def _one_of(params: Params, name: str, allowed: Sequence[str]) -> str:
    value = params.get(name, "")
    if value not in allowed:
        raise ApiError(200, "51000", f"Parameter {name} error")
    return value
