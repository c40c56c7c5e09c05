"""The tracker, built from the settings: for `altmonitor track`, and as a part of the monitor."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from altmonitor.config import Config
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import ChatUnreachable, ConfigError, DeliveryError, RetryLater, StorageError
from altmonitor.core.files import read_regular
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Channel
from altmonitor.interfaces.exchange import MarketRest
from altmonitor.interfaces.positioning import Positioning, SmartMoney
from altmonitor.render.format import Style, one_line
from altmonitor.render.notice_html import tracking_text
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.capture import Capture, CaptureDeps, ContractPool, MarkPrices
from altmonitor.tracker.plan import Cadence, Part, cadences, watchlist
from altmonitor.tracker.position_alerts import PositionWatch
from altmonitor.tracker.series import NewsOutbox, PositionMoved, Series, TrackerNotice, WaitingNews
from altmonitor.tracker.tracker import Progress, Tracked, Tracker, TrackerRunDeps

if TYPE_CHECKING:  # handed in by the composition root
    from altmonitor.app.market import MarketSide

# ---
# The tracker's news to its operator: into the log, and into the chat when there is a bot.


log = logging.getLogger(__name__)

SPACING_S: Final = 0.35
MOST_WAITING: Final = 200
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0
STORAGE_PAUSE_S: Final = 5.0
GIVEN_UP_AFTER_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerChat:
    """A chat of the tracker's own. outbox: where news are kept until the chat has accepted them."""

    channel: Channel
    destination: Destination
    outbox: NewsOutbox


class TrackerNotifier:
    """chat: None without a bot; then there is only the log.

    News are stored before they are sent: a process that is killed loses none, and repeats none but the one that was
    under way, which then says so.
    """

    def __init__(self, *, clock: Clock, style: Style, chat: TrackerChat | None = None) -> None:
        self._clock = clock
        self._style = style
        self._chat = chat
        self._fresh: deque[TrackerNotice] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()
        self._failures_in_row = 0
        self.has_chat = chat is not None

    def notify(self, news: TrackerNotice) -> None:
        text = tracking_text(news, self._style, now_ms=self._clock.now_ms())
        if isinstance(news, PositionMoved):
            if any(_is_same(news, other) for other in self._fresh):
                return
            log.info("%s", one_line(text))
        else:
            log.warning("%s", one_line(text))
        if self._chat is not None:
            self._fresh.append(news)
            self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                pause_s = None if self._chat is None else await self._one(self._chat)
            except StorageError as problem:
                log.warning("news wait for the file of snapshots: %s", problem)
                pause_s = STORAGE_PAUSE_S
            if pause_s is not None:
                await self._clock.sleep(pause_s)
            elif not self._fresh:
                self._news.clear()
                await self._news.wait()

    async def finish(self) -> None:
        """What still waits, one attempt each; for the end, after `run` was cancelled. Raises: StorageError."""
        chat, self._failures_in_row = self._chat, 0
        while chat is not None and not self._failures_in_row and await self._one(chat) is not None:
            pass

    async def _one(self, chat: TrackerChat) -> float | None:
        """Seconds until the next may leave; None when nothing waits. Raises: StorageError."""
        while self._fresh:
            news = self._fresh[0]
            moved = news if isinstance(news, PositionMoved) else None
            now_ms = self._clock.now_ms()
            await chat.outbox.put_news(tracking_text(news, self._style, now_ms=now_ms), now_ms=now_ms, moved=moved)
            self._fresh.popleft()
        waiting = await chat.outbox.next_news()
        if waiting is None:
            return None
        if self._clock.now_ms() - waiting.queued_ms > GIVEN_UP_AFTER_MS:
            await self._give_up(chat, waiting, "older than a day")
            return 0.0
        return await self._send(chat, waiting)

    async def _send(self, chat: TrackerChat, waiting: WaitingNews) -> float:
        html = waiting.html
        if waiting.maybe_sent:
            html += f"\n<i>{self._style.say('this_repeated')}</i>"
        await chat.outbox.begin_attempt(waiting.id)
        try:
            message_id = await chat.channel.send(chat.destination, html)
        except RetryLater as problem:
            pause_s = problem.retry_after_s
            await self._not_sent(chat, waiting)
        except ChatUnreachable as problem:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._failures_in_row)
            if not problem.outcome_unknown:
                await self._not_sent(chat, waiting)
        except DeliveryError as problem:
            await self._give_up(chat, waiting, str(problem))
            return SPACING_S
        else:
            self._failures_in_row = 0
            await chat.outbox.end_news(waiting.id, now_ms=self._clock.now_ms(), message_id=message_id)
            return SPACING_S
        self._failures_in_row = min(self._failures_in_row + 1, 16)
        return pause_s

    @staticmethod
    async def _not_sent(chat: TrackerChat, waiting: WaitingNews) -> None:
        """What may have arrived in an earlier attempt still may have."""
        if not waiting.maybe_sent:
            await chat.outbox.not_sent(waiting.id)

    async def _give_up(self, chat: TrackerChat, waiting: WaitingNews, reason: str) -> None:
        log.warning("not told in the chat: %s", reason)
        await chat.outbox.end_news(waiting.id, now_ms=self._clock.now_ms(), message_id=None, error=reason)


class OutboxTrackerNotifier(TrackerNotifier):
    """Inside the monitor: news go to every chat through the monitor's own delivery, which also tells of positions.

    say: (language and zone → text) to every chat that is told operator news.
    """

    def __init__(self, *, clock: Clock, style: Style, say: Callable[[Callable[[Style], str]], None]) -> None:
        super().__init__(clock=clock, style=style)
        self._say = say

    def notify(self, news: TrackerNotice) -> None:
        super().notify(news)
        if not isinstance(news, PositionMoved):
            now_ms = self._clock.now_ms()
            self._say(lambda style: tracking_text(news, style, now_ms=now_ms))


def _is_same(one: PositionMoved, other: TrackerNotice | None) -> bool:
    return isinstance(other, PositionMoved) and (one.alert.symbol, one.alert.fingerprint) == (
        other.alert.symbol,
        other.alert.fingerprint,
    )


# ---


SLOW_ANSWERS_S: Final = 2.0
SHORTEST_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerDeps:
    """rest, positioning, smart_money, store: started and open already. notifier: is told of changed positions."""

    rest: MarketRest
    positioning: Positioning
    smart_money: SmartMoney
    store: SnapshotsDb
    notifier: TrackerNotifier
    on_progress: Callable[[Progress], None]


def tracker_of(config: Config, tracked: Tracked, parts: TrackerDeps, *, clock: Clock) -> Tracker:
    captures = CaptureDeps(
        smart_money=parts.smart_money,
        positioning=parts.positioning,
        store=parts.store,
        clock=clock,
        prices=MarkPrices(parts.rest, clock=clock),
        period=config.top_trader_period,
        timeouts=max(1.0, speed_of(clock) * SLOW_ANSWERS_S / SHORTEST_PATIENCE_S),
    )
    positions = PositionWatch(
        parts.store,
        window_min=config.smart_money_alert_window_min,
        threshold_pct=config.smart_money_alert_qty_pct,
    )
    links = TrackerRunDeps(
        store=parts.store,
        captures=Capture(captures),
        pool=ContractPool(parts.rest, clock=clock, tradfi=config.tradfi_perpetuals),
        clock=clock,
        notify=parts.notifier.notify,
        on_progress=parts.on_progress,
        positions=positions if parts.notifier.has_chat else None,
    )
    return Tracker(tracked, links)


class TrackingSide:
    """The tracker inside the monitor, on the monitor's own gates: one budget for all. `start` before `loops`.

    A file that another tracker holds, or that cannot be used, is told in the log, and the monitor goes on without.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        rest: MarketRest,
        positioning: Positioning,
        smart_money: SmartMoney,
        notifier: TrackerNotifier,
    ) -> None:
        self._config = config
        self._clock = clock
        self._rest = rest
        self._positioning = positioning
        self._smart_money = smart_money
        self._notifier = notifier
        self._store = SnapshotsDb(config.smart_money_db_path, clock=clock)
        self._tracker: Tracker | None = None

    @staticmethod
    def is_wanted(config: Config) -> bool:
        """Sweeps that come again and again belong to a program that stays."""
        return config.smart_money_interval_min > 0

    async def start(self) -> None:
        """Raises: ConfigError for a shard that does not exist."""
        tracked = tracked_of(self._config)
        try:
            await self._store.open()
        except StorageError as problem:
            log.warning("nothing is tracked here: %s", problem)
            return
        parts = TrackerDeps(
            rest=self._rest,
            positioning=self._positioning,
            smart_money=self._smart_money,
            store=self._store,
            notifier=self._notifier,
            on_progress=lambda progress: None,
        )
        self._tracker = tracker_of(self._config, tracked, parts, clock=self._clock)

    async def stop(self) -> None:
        await self._store.close()

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start; none when nothing is tracked."""
        return {} if self._tracker is None else {"tracking": self._track, "tracker news": self._notifier.run}

    async def _track(self) -> None:
        if self._tracker is not None:
            await self._tracker.run()


@asynccontextmanager
async def tracking_side(
    config: Config, *, clock: Clock, market: MarketSide, notifier: TrackerNotifier
) -> AsyncIterator[TrackingSide | None]:
    """None when nothing is to be tracked in this process. Raises ConfigError for a shard that does not exist."""
    if not TrackingSide.is_wanted(config):
        yield None
        return
    side = TrackingSide(
        config,
        clock=clock,
        rest=market.rest,
        positioning=market.venue.positioning,
        smart_money=market.enrichment.positions.smart_money,
        notifier=notifier,
    )
    await side.start()
    try:
        yield side
    finally:
        await side.stop()


def tracked_of(config: Config, *, series: Sequence[str] = (), is_once: bool = False) -> Tracked:
    """What the settings say. series: names, none for all three. Raises: ConfigError for a shard that does not exist."""
    parts = {
        Series.SMART_MONEY: ("SMART_MONEY", config.smart_money_pool_max, config.smart_money_shard_total),
        Series.TOP_TRADERS: ("TOP_TRADER", config.top_trader_pool_max, config.top_trader_shard_total),
        Series.OPEN_INTEREST: ("OI", config.oi_pool_max, config.oi_shard_total),
    }
    indexes = {
        Series.SMART_MONEY: config.smart_money_shard_index,
        Series.TOP_TRADERS: config.top_trader_shard_index,
        Series.OPEN_INTEREST: config.oi_shard_index,
    }
    wrong = [
        f"{name}_SHARD_INDEX={indexes[one]} is not allowed: a whole number below {name}_SHARD_TOTAL={total}"
        for one, (name, _, total) in parts.items()
        if indexes[one] >= total
    ]
    if wrong:
        raise ConfigError(wrong)
    return Tracked(
        series=tuple(Series(name) for name in dict.fromkeys(series)) or tuple(Series),
        parts={
            one: Part(pool_max=most, shard_total=total, shard_index=indexes[one])
            for one, (_, most, total) in parts.items()
        },
        watchlist=_watchlist(config),
        cadences={} if is_once or not config.smart_money_interval_min else _cadences(config),
        keep_days=config.smart_money_keep_days,
    )


def _cadences(config: Config) -> dict[Series, Cadence]:
    return cadences(
        smart_money_min=config.smart_money_interval_min,
        top_traders_min=config.top_trader_interval_min,
        open_interest_min=config.oi_interval_min,
        shard_total=config.smart_money_shard_total,
        shard_index=config.smart_money_shard_index,
    )


def _watchlist(config: Config) -> tuple[str, ...]:
    """A file that cannot be used is warned of: what is named beside it is tracked all the same."""
    path, content = config.smart_money_watchlist_file, None
    try:
        content = read_regular(path)
    except FileNotFoundError:
        if path != Path("watchlist.json"):
            log.warning("SMART_MONEY_WATCHLIST_FILE: %s does not exist", path)
    except OSError as problem:
        log.warning("SMART_MONEY_WATCHLIST_FILE: %s cannot be read (%s)", path, problem.strerror)
    symbols, problem_text = watchlist(config.smart_money_watchlist, content)
    if problem_text:
        log.warning("SMART_MONEY_WATCHLIST_FILE: %s %s", path, problem_text)
    return symbols
