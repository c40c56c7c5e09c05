"""What OKX's public copy-trading paths tell of lead traders.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-copy-trading (2026-10): no key, 5 requests per 2 seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Final

from altmonitor.sim.bodies import Answer, Params
from altmonitor.sim.control import ApiError, RequestPool
from altmonitor.sim.okx_traders import SimHolding, SimTrader, SimTraders

COPY: Final = "/api/v5/copytrading/"
EAST: Final = timezone(timedelta(hours=8))
_DAYS_OF: Final = {"1": 7, "2": 30, "3": 90, "4": 365}


class OkxCopyBodies:
    def __init__(self, traders: SimTraders) -> None:
        self.traders = traders

    def answers(self) -> dict[str, Answer]:
        public: dict[str, Answer] = {
            "public-lead-traders": self.ranks,
            "public-stats": self.stats,
            "public-pnl": self.daily_pnl,
            "public-current-subpositions": self.current,
            "public-subpositions-history": self.history,
        }
        return {COPY + name: limited(5, 2_000, body) for name, body in public.items()}

    def ranks(self, params: Params, now_ms: int) -> object:
        limit, page = min(20, whole(params, "limit", 10)), whole(params, "page", 1)
        key: Callable[[SimTrader], float] = lambda one: self.traders.pnl(one, 90, now_ms)  # noqa: E731
        if params.get("sortType") == "pnl_ratio":
            key = lambda one: self.traders.ratio(one, 90, now_ms)  # noqa: E731
        ranked = sorted(self.traders.all, key=lambda one: (-key(one), one.code))
        rows = [self._rank(one, now_ms) for one in ranked[(page - 1) * limit : page * limit]]
        version = datetime.fromtimestamp(now_ms // 600_000 * 600, EAST).strftime("%Y%m%d%H%M%S")
        return body([{"dataVer": version, "ranks": rows, "totalPage": str(-(-len(ranked) // limit))}])

    def _rank(self, one: SimTrader, now_ms: int) -> dict[str, object]:
        curve = self.traders.curve(one, 90, now_ms)
        return {
            "accCopyTraderNum": str(one.followers * 3),
            "aum": f"{one.asset:.6f}",
            "ccy": "USDT",
            "copyState": "0",
            "copyTraderNum": str(one.followers),
            "leadDays": str(one.lead_days),
            "maxCopyTraderNum": "2000",
            "nickName": one.name,
            "pnl": f"{self.traders.pnl(one, 90, now_ms):.10f}",
            "pnlRatio": f"{self.traders.ratio(one, 90, now_ms):.4f}",
            "pnlRatios": [{"beginTs": str(at_ms), "pnlRatio": f"{total:.4f}"} for at_ms, total in reversed(curve[::7])],
            "portLink": f"https://static.example/{one.number}",
            "traderInsts": ["BTC-USDT-SWAP", "ETH-USDT-SWAP"],
            "uniqueCode": one.code,
            "winRatio": f"{self.traders.win_rate(one, 90, now_ms):.4f}",
        }

    def stats(self, params: Params, now_ms: int) -> object:
        one, days = self._copied(params), self._days(params)
        won = self.traders.won_days(one, days, now_ms)
        row = {
            "avgSubPosNotional": f"{one.asset / 20:.4f}",
            "ccy": "USDT",
            "curCopyTraderPnl": "0",
            "investAmt": f"{one.asset / 3:.6f}",
            "lossDays": str(days - won),
            "profitDays": str(won),
            "winRatio": f"{won / days:.4f}",
        }
        return body([row])

    def daily_pnl(self, params: Params, now_ms: int) -> object:
        one, days = self._copied(params), self._days(params)
        rows = [
            {"beginTs": str(at_ms), "pnl": f"{total * one.asset:.4f}", "pnlRatio": f"{total:.4f}"}
            for at_ms, total in reversed(self.traders.curve(one, days, now_ms))
        ]
        return body(rows)

    def current(self, params: Params, now_ms: int) -> object:
        one = self._copied(params)
        rows = []
        for held in _after(self.traders.held(one, now_ms), params, most=100):
            price = self.traders.price(held, now_ms)
            margin = held.notional(held.entry) / held.lever
            row = self._sub_position(one, held) | {
                "markPx": f"{price:.12g}",
                "margin": f"{margin:.6f}",
                "upl": f"{held.pnl(price):.4f}",
                "uplRatio": f"{held.pnl(price) / margin:.10f}",
            }
            if one.is_masked:
                row |= {"instId": "", "openAvgPx": "", "openTime": "", "subPos": ""}
            rows.append(row)
        return body(rows)

    def history(self, params: Params, now_ms: int) -> object:
        one, rows = self._copied(params), []
        for held in _after(self.traders.closed(one, now_ms, least=12), params, most=100):
            price = held.exit or held.entry
            margin = held.notional(held.entry) / held.lever
            rows.append(
                self._sub_position(one, held)
                | {
                    "closeAvgPx": f"{price:.12g}",
                    "closeTime": str(held.closed_ms),
                    "margin": f"{margin:.6f}",
                    "pnl": f"{held.pnl(price):.4f}",
                    "pnlRatio": f"{held.pnl(price) / margin:.10f}",
                }
            )
        return body(rows)

    @staticmethod
    def _sub_position(one: SimTrader, held: SimHolding) -> dict[str, str]:
        sign = "-" if held.is_net_mode and not held.is_long else ""
        return {
            "ccy": "USDT",
            "instId": held.instrument,
            "instType": "SWAP",
            "lever": str(held.lever),
            "mgnMode": "cross",
            "openAvgPx": f"{held.entry:.12g}",
            "openTime": str(held.opened_ms),
            "posSide": "net" if held.is_net_mode else "long" if held.is_long else "short",
            "subPos": f"{sign}{held.contracts:g}",
            "subPosId": str(held.position_id),
            "uniqueCode": one.code,
        }

    def _copied(self, params: Params) -> SimTrader:
        one = self.traders.by_code.get(params.get("uniqueCode", ""))
        if one is None or one.is_gone:
            raise ApiError(200, "60004", "Trader doesn't exist")
        return one

    @staticmethod
    def _days(params: Params) -> int:
        days = _DAYS_OF.get(params.get("lastDays", ""))
        if days is None:
            raise ApiError(400, "51000", "Parameter lastDays error")
        return days


def _after(held: list[SimHolding], params: Params, *, most: int) -> list[SimHolding]:
    older = int(params["after"]) if params.get("after", "").isdecimal() else None
    newer = int(params["before"]) if params.get("before", "").isdecimal() else None
    found = [
        one for one in held if (older is None or one.position_id < older) and (newer is None or one.position_id > newer)
    ]
    return found[: min(most, whole(params, "limit", most))]


def limited(requests: int, window_ms: int, tell: Answer) -> Answer:
    pool = RequestPool(requests, window_ms=window_ms)

    def answer(params: Params, now_ms: int) -> object:
        try:
            pool.charge(now_ms)
        except ApiError:
            raise ApiError(429, "50011", "Too Many Requests") from None
        return tell(params, now_ms)

    return answer


def whole(params: Params, name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or not int(text):
        raise ApiError(200, "51000", f"Parameter {name} error")
    return int(text)


def body(data: object) -> dict[str, object]:
    return {"code": "0", "msg": "", "data": data}
