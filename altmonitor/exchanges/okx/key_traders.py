"""Followed traders from OKX itself, for whoever has a key that may read: provider `okx_key`.

Source: the client of github.com/okx/agent-trade-kit, packages/core/src/tools/smartmoney.ts (2026-05): seven paths, all
signed, 5 requests a second each. Bad or missing parameters fall back there silently: all are sent, each time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, KeyRefused
from altmonitor.core.json_text import decimal_text
from altmonitor.core.types import Secret
from altmonitor.exchanges.okx import trader_rows as rows
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.client import ANSWER_WITHIN_S, VenueRest
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.traders import (
    LeaderboardRequest,
    NamedTraders,
    OverviewRequest,
    PositionsRequest,
    ProviderName,
    SignalTrendRequest,
    TraderAnswer,
    TraderHistoryRequest,
)
from altmonitor.positioning.trader_pool import PoolFilter
from altmonitor.positioning.traders import (
    ClosedPosition,
    CoinSignal,
    CoinSignalPoint,
    Trader,
    TraderName,
    TraderOrder,
    TraderPosition,
    TraderSource,
    TraderValue,
)

V = TypeVar("V", bound=TraderValue)

LEADERBOARD: Final = "/api/v5/orbit/public/leaderboard"
POSITIONS: Final = "/api/v5/orbit/public/position-current"
POSITIONS_HISTORY: Final = "/api/v5/orbit/public/position-history"
ORDERS_HISTORY: Final = "/api/v5/orbit/public/trade-records"
SEARCH: Final = "/api/v5/orbit/top-trader-search"
OVERVIEW: Final = "/api/v5/journal/smartmoney/overview"
SIGNAL_HISTORY: Final = "/api/v5/journal/smartmoney/signal-history"
SIGNED_PATHS: Final = (LEADERBOARD, POSITIONS, POSITIONS_HISTORY, ORDERS_HISTORY, SEARCH, OVERVIEW, SIGNAL_HISTORY)
TIME: Final = "/api/v5/public/time"
REFUSED_FOR_S: Final = 600.0
"""A key that was refused is not shown again for so long: it does not mend itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxCredentials:
    """Empty where none is set."""

    key: Secret
    secret: Secret
    passphrase: Secret

    def missing(self) -> tuple[str, ...]:
        given = {"OKX_API_KEY": self.key, "OKX_SECRET_KEY": self.secret, "OKX_PASSPHRASE": self.passphrase}
        return tuple(name for name, value in given.items() if not value)

    def headers(self, target: str, *, now_ms: int) -> Mapping[str, str]:
        """Of a GET. target: path and query. now_ms: the exchange's clock."""
        stamp = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = f"{stamp}GET{target}".encode()
        signature = hmac.new(self.secret.reveal().encode(), told, hashlib.sha256).digest()
        return {
            "OK-ACCESS-KEY": self.key.reveal(),
            "OK-ACCESS-SIGN": base64.b64encode(signature).decode(),
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-PASSPHRASE": self.passphrase.reveal(),
        }


class OkxKeyTraders:
    """Satisfies `TraderProvider`. `start` before the first question, `stop` after the last."""

    name: ProviderName = "okx_key"

    def __init__(
        self,
        base_url: str,
        *,
        credentials: OkxCredentials,
        clock: Clock,
        guard: Guard,
        trust_env: bool = True,
        within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._exchange_clock = guard.exchange_clock
        self._refused: tuple[float, KeyRefused] | None = None
        self._rest = VenueRest(
            base_url,
            clock=clock,
            guard=guard,
            is_refusal=rows.is_refusal,
            trust_env=trust_env,
            within_s=within_s,
            sign=self._signed,
            meaning=rows.meaning,
        )

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._rest.start()

    async def stop(self) -> None:
        await self._rest.stop()

    def is_ready(self) -> bool:
        return not self._credentials.missing()

    def knows(self, author_id: str) -> bool:
        """Its ids are numbers as far as they were seen; a code with letters is one of copy trading."""
        return author_id.isascii() and author_id.isdecimal()

    async def leaderboard(self, request: LeaderboardRequest) -> TraderAnswer[Trader]:
        wanted: dict[str, str | int | None] = {
            "sortBy": request.sort_by,
            "period": request.period_days,
            "pnl": decimal_text(request.min_pnl),
            "winRate": decimal_text(request.min_win_rate),
            "maxDrawdown": decimal_text(request.max_drawdown),
            "asset": decimal_text(request.min_aum),
            "updateTime": request.update_time,
            "after": request.after,
            "before": request.before,
            "limit": request.limit,
        }
        found, update_time = await self._traders(wanted)
        last = found[-1].author_id if len(found) >= request.limit else None
        return self._answer(LEADERBOARD, found, next_after=last, update_time=update_time)

    async def performance(self, request: NamedTraders) -> TraderAnswer[Trader]:
        ids = ",".join(request.author_ids)
        found, update_time = await self._traders(
            {"authorIds": ids, "sortBy": request.sort_by, "period": request.period_days}
        )
        known = {one.author_id for one in found}
        notes = tuple(
            f"{author_id}: not among the traders okx ranks"
            for author_id in request.author_ids
            if author_id not in known
        )
        return self._answer(LEADERBOARD, found, notes=notes, update_time=update_time)

    async def _traders(self, wanted: Mapping[str, str | int | None]) -> tuple[tuple[Trader, ...], str | None]:
        """In the table's order, with the stamp of the table."""
        data = await self._data(LEADERBOARD, wanted)
        stamp = rows.word(data, "updateTime") if isinstance(data, dict) else None
        inner = data.get("data") if isinstance(data, dict) else data
        return rows.values_of(rows.rows_of(inner), rows.trader), stamp

    async def search(self, keyword: str) -> TraderAnswer[TraderName]:
        found = await self._values(SEARCH, {"keyword": keyword}, rows.trader_name)
        return self._answer(SEARCH, found[:10])

    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]:
        data = await self._data(POSITIONS, {"authorId": request.author_id, "instCcy": request.base})
        first = rows.rows_of(data)
        inner = first[0].get("posData", []) if first else []
        return self._answer(POSITIONS, rows.values_of(rows.rows_of(inner), rows.position))

    async def positions_history(self, request: TraderHistoryRequest) -> TraderAnswer[ClosedPosition]:
        found = await self._values(POSITIONS_HISTORY, _history(request), rows.closed_position)
        last = found[-1].pos_id if len(found) >= request.limit else None
        return self._answer(POSITIONS_HISTORY, found, next_after=last)

    async def orders_history(self, request: TraderHistoryRequest) -> TraderAnswer[TraderOrder]:
        found = await self._values(ORDERS_HISTORY, _history(request), rows.order)
        last = found[-1].ord_id if len(found) >= request.limit else None
        return self._answer(ORDERS_HISTORY, found, next_after=last)

    async def overview(self, request: OverviewRequest) -> TraderAnswer[CoinSignal]:
        chosen: dict[str, str | int | None] = (
            {"instCcyList": ",".join(request.bases)} if request.bases else {"topInstruments": request.top_instruments}
        )
        found = await self._values(OVERVIEW, chosen | _pool(request.pool), rows.signal)
        told = {one.ccy.partition("-")[0] for one in found}
        notes = tuple(f"{base}: okx tells nothing of it" for base in request.bases if base not in told)
        return self._answer(OVERVIEW, found, notes=notes)

    async def trend(self, request: SignalTrendRequest) -> TraderAnswer[CoinSignalPoint]:
        as_of = request.as_of or datetime.fromtimestamp(self._exchange_clock.now_ms() / 1000, UTC).strftime("%Y%m%d%H")
        wanted: dict[str, str | int | None] = {
            "instCcy": request.base,
            "granularity": request.granularity,
            "asOfTime": as_of,
            "limit": request.limit,
        }
        return self._answer(
            SIGNAL_HISTORY, await self._values(SIGNAL_HISTORY, wanted | _pool(request.pool), rows.signal_point)
        )

    async def _values(
        self, path: str, wanted: Mapping[str, str | int | None], read: Callable[[rows.Row], V | None]
    ) -> tuple[V, ...]:
        return rows.values_of(rows.rows_of(await self._data(path, wanted)), read)

    async def _data(self, path: str, wanted: Mapping[str, str | int | None]) -> object:
        """None is left out: it was not asked for. Raises: ExchangeError."""
        missing = self._credentials.missing()
        if missing:
            raise KeyRefused(f"okx_key needs a key of OKX that may read: {', '.join(missing)} not set")
        if self._refused is not None and self._clock.monotonic() - self._refused[0] < REFUSED_FOR_S:
            raise self._refused[1]
        target = f"{path}?{urlencode({name: value for name, value in wanted.items() if value is not None})}"
        try:
            return await self._ask(target, path)
        except KeyRefused as problem:
            if f"({rows.EXPIRED_CODE} " not in str(problem):
                self._refused = self._clock.monotonic(), problem
                raise
        await self._read_clock()
        return await self._ask(target, path)

    async def _ask(self, target: str, path: str) -> object:
        ask = Ask(target=target, priority=Priority.UNIVERSE, weight=0, pool=path)
        return rows.data_of(await self._rest.ask(ask))

    async def _read_clock(self) -> None:
        """This machine's clock is too far off for signatures."""
        before_s, before_ms = self._clock.monotonic(), self._clock.now_ms()
        body = await self._rest.ask(Ask(target=TIME, priority=Priority.UNIVERSE, weight=0, pool=TIME))
        told = rows.rows_of(rows.data_of(body))
        server_ms = rows.count(told[0], "ts") if told else None
        if server_ms is None:
            raise BadAnswer("an answer without the time")
        self._exchange_clock.answered(server_ms, before_s=before_s, before_ms=before_ms)

    def _signed(self, target: str) -> Mapping[str, str]:
        """Nothing that needs no key is shown one."""
        if target.partition("?")[0] not in SIGNED_PATHS:
            return {}
        return self._credentials.headers(target, now_ms=self._exchange_clock.now_ms())

    @staticmethod
    def _answer(
        path: str,
        found: Sequence[V],
        *,
        notes: tuple[str, ...] = (),
        next_after: str | None = None,
        update_time: str | None = None,
    ) -> TraderAnswer[V]:
        return TraderAnswer(
            rows=tuple(found),
            sources=(TraderSource(venue="okx", endpoint=path, age_s=0.0),),
            notes=notes,
            next_after=next_after,
            update_time=update_time,
        )


def _history(request: TraderHistoryRequest) -> dict[str, str | int | None]:
    return {
        "authorId": request.author_id,
        "instCcy": request.base,
        "after": request.after,
        "before": request.before,
        "limit": request.limit,
    }


def _pool(pool: PoolFilter | NamedTraders) -> dict[str, str | int | None]:
    if isinstance(pool, NamedTraders):
        return {"authorIds": ",".join(pool.author_ids), "sortBy": pool.sort_by, "period": pool.period_days}
    return {
        "sortBy": pool.sort_by,
        "period": pool.period_days,
        "pnlTier": pool.pnl_tier,
        "winRateTier": pool.win_rate_tier,
        "maxDrawdownTier": pool.max_drawdown_tier,
        "aumTier": pool.aum_tier,
        "lmtNum": pool.most,
    }
