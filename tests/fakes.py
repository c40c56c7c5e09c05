"""Small stand-ins that behave; nothing here checks anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.types import Destination, Venue
from altmonitor.engine.context import EngineDeps, anybody
from altmonitor.engine.engine import Engine
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.market.candles import Candle, CandleUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.funding import VenueFunding
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings

MINUTE = 60_000
T0 = 1_790_000_040_000  # a full minute


def cause(text: str, code: CauseCode = CauseCode.OTHER, **values: int) -> Cause:
    return Cause(code, text, values)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = T0) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)

    def timeout(self, seconds: float | None):  # type: ignore[no-untyped-def]
        raise NotImplementedError("a clock that stands still cannot time out")


class ListSink:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.to: dict[str, tuple[Destination, ...]] = {}

    @property
    def told(self) -> list[tuple[Alert, tuple[Destination, ...]]]:
        """Each alert with its destinations."""
        return [(alert, self.to[alert.key]) for alert in self.alerts]

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        self.alerts.append(alert)
        self.to[alert.key] = tuple(to)


class KnownContext:
    """Day tickers and fundings from dictionaries."""

    def __init__(self) -> None:
        self.days: dict[str, DayTicker] = {}
        self.fundings: dict[str, Funding] = {}

    def day(self, symbol: str) -> DayTicker | None:
        return self.days.get(symbol)

    def funding(self, symbol: str) -> Funding | None:
        return self.fundings.get(symbol)

    def funding_hours(self, symbol: str) -> float:
        return 8.0


class Market:
    """An engine with its surroundings, and a short way to push candles into it. is_loud: every frame beyond a bound is
    judged, also where nothing can be news."""

    def __init__(
        self,
        *symbols: str,
        settings: Settings | None = None,
        audiences: Sequence[Audience] = (),
        oi_period_s: float = 60.0,
        is_loud: bool = False,
        episodes: EpisodeOptions | None = None,
        venue: Venue = "binance",
        fundings_of: Callable[[str], Sequence[VenueFunding]] = lambda symbol: (),
        is_replay: bool = False,
    ) -> None:
        self.is_loud = is_loud
        self.clock = ManualClock()
        self.sink = ListSink()
        self.context = KnownContext()
        self.refills: list[tuple[str, int, int]] = []
        self.ends: list[Alert] = []
        self.completed: list[Alert] = []
        self.remembered: list[str] = []
        links = EngineDeps(
            clock=self.clock,
            sink=self.sink,
            context=self.context,
            oi_ring=OpenInterestRing(period_s=oi_period_s),
            request_refill=lambda symbol, from_ms, to_ms: self.refills.append((symbol, from_ms, to_ms)),
            on_episode_end=self.ends.append,
            on_completed=self.completed.append,
            on_conditions=self.remembered.append,
            episodes=episodes or EpisodeOptions(),
            venue=venue,
            fundings_of=fundings_of,
            is_replay=is_replay,
        )
        self.engine = Engine(links, audiences=audiences or anybody(settings or Settings()))
        self.engine.set_symbols(symbols or ("SOLUSDT",))

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """(kind, direction, note) of every alert so far."""
        return [(alert.kind, alert.direction, alert.note) for alert in self.sink.alerts]

    def push(
        self,
        close: float,
        *,
        at_s: float = 1.0,
        open: float = 100.0,
        high: float | None = None,
        low: float | None = None,
        quote: float = 1000.0,
        taker: float = 0.0,
        closed: bool = False,
        candle_s: float | None = None,
        symbol: str = "SOLUSDT",
    ) -> None:
        """One frame at `at_s` seconds after T0, in the candle of that moment (or of `candle_s`)."""
        book = self.engine.book(symbol)
        if self.is_loud and book is not None:
            book.quiet_until_ms = 0
        event_ms = T0 + round(at_s * 1000)
        candle_ms = event_ms if candle_s is None else T0 + round(candle_s * 1000)
        self.engine.on_kline(
            CandleUpdate(
                event_ms=event_ms,
                symbol=symbol,
                kline=Candle(
                    open_ms=candle_ms - candle_ms % MINUTE,
                    open=open,
                    high=max(open, close) if high is None else high,
                    low=min(open, close) if low is None else low,
                    close=close,
                    quote_usdt=quote,
                    taker_quote_usdt=taker,
                    trades=1,
                    is_closed=closed,
                ),
            )
        )

    def close(
        self, minute: int, quote: float, *, close: float = 100.0, open: float = 100.0, taker: float = 0.0
    ) -> None:
        """The closing frame of minute `minute` (0 opens at T0)."""
        self.push(
            close,
            open=open,
            at_s=minute * 60 + 60.3,
            candle_s=minute * 60,
            quote=quote,
            taker=taker,
            closed=True,
        )
