"""The running monitor finds out what became of its own alerts: entered at once, measured when it is time, kept."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from altmonitor.core.alert import Alert, Details
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.core.types import Destination
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.replay.outcome_recorder import OutcomeMarket, OutcomeRecorder, OutcomeRecorderDeps
from altmonitor.replay.outcome_summary import OutcomeBoard, OutcomeBoardDeps, WithOutcomes, read_summary
from altmonitor.replay.outcome_versions import SettingsVersions, code_of, outcome_version
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.storage.alert_queries import alert_reader
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.fakes import ListSink, ManualClock
from tests.storage.samples import PRIVATE, pump

BEGIN_MS = 1_789_948_800_000  # a midnight
EVENT_MS = BEGIN_MS + 12 * 3_600_000 + 20_000
DAY_MS = 86_400_000
MAIN = Audience(destination=PRIVATE, settings=Settings())


class DayClock(ManualClock):
    """Stands still until it is moved; the disk has the time of the machine."""

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(seconds)


class Exchange:
    """Minutes of every symbol that there have been by now; SOL rises by 0.01 a minute, BTC stands still."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.asked: list[tuple[str, int, int]] = []
        self.priorities: set[Priority] = set()
        self.problem: ExchangeError | None = None

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        self.asked.append((symbol, start_ms, limit))
        self.priorities.add(priority)
        if self.problem is not None:
            raise self.problem
        now_ms = self._clock.now_ms()
        opens = range(start_ms, min(end_ms, now_ms) + 1, MINUTE_MS)
        return [structs.replace(minute(symbol, at), is_closed=at + MINUTE_MS <= now_ms) for at in opens][:limit]


def minute(symbol: str, open_ms: int) -> Candle:
    number = (open_ms - BEGIN_MS) // MINUTE_MS
    price = 100 + 0.01 * number + 0.02 * math.sin(number) if symbol == "SOLUSDT" else 50_000.0
    return Candle(open_ms=open_ms, open=price, high=price + 0.1, low=price - 0.2, close=price, quote_usdt=1.0)


class Stage:
    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.exchange = Exchange(clock)
        self.book: Sequence[ClosedCandle] = ()
        self.versions = SettingsVersions((MAIN,), clock=clock, meta=store)
        self.board = OutcomeBoard(
            OutcomeBoardDeps(
                reader=store.outcomes, clock=clock, detectors=lambda: "d1", versions=self.versions, fee_pct=0.05
            )
        )
        self.recorder = self.begin()

    def begin(self) -> OutcomeRecorder:
        """As a start of the program."""
        market = OutcomeMarket(rest=cast(MarketRest, self.exchange), closed=lambda symbol: self.book)
        return OutcomeRecorder(
            OutcomeRecorderDeps(
                records=self.store.outcomes,
                meta=self.store,
                clock=self.clock,
                markets={"binance": market},
                detectors=lambda: "d1",
                settings_at=self.versions.at,
                on_measured=self.board.on_measured,
            )
        )

    async def tell(self, alert: Alert, *, delay_ms: int | None = 1_500) -> int:
        """delay_ms: None when nothing was sent. Returns its id."""
        self.store.put(alert, to=[PRIVATE])
        await self.store._writer.drained()
        alert_id = (await self.store.alerts_of([alert.key]))[alert.key].id or 0
        if delay_ms is not None:
            await self.store.begin_attempt(PRIVATE, [alert_id])
            await self.store.mark_sent(PRIVATE, [alert_id], message_id=5, sent_ms=alert.event_ms + delay_ms)
        return alert_id

    async def after(self, minutes: float) -> None:
        self.clock.ms = EVENT_MS + round(minutes * MINUTE_MS)
        await self.recorder.look()

    async def rows(self) -> dict[int, dict[str, Any]]:
        found = await self.store._database.fetch("SELECT * FROM outcome_returns ORDER BY horizon_min", ())
        names = [one[1] for one in await self.store._database.fetch("PRAGMA table_info(outcome_returns)", ())]
        return {row[1]: dict(zip(names, row, strict=True)) for row in found}

    async def outcome(self) -> dict[str, Any]:
        names = [one[1] for one in await self.store._database.fetch("PRAGMA table_info(outcomes)", ())]
        (row,) = await self.store._database.fetch("SELECT * FROM outcomes", ())
        return dict(zip(names, row, strict=True))


@asynccontextmanager
async def stage_at(path: Path) -> AsyncIterator[Stage]:
    clock = DayClock(BEGIN_MS)
    async with SqliteStore(path, clock=clock, options=StoreOptions(destinations=(PRIVATE,))) as store:
        yield Stage(store, clock)


async def test_an_alert_is_entered_at_once_and_measured_as_time_passes(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        await stage.after(0.5)
        begun = await stage.outcome()
        assert (begun["detectors"], begun["settings"], begun["entry_ms"]) == ("d1", stage.versions.now, None)
        await stage.after(17)
        assert stage.exchange.asked == []
        for minutes, known in ((19, [5, 15]), (64, [5, 15, 60]), (244, [5, 15, 60, 240])):
            await stage.after(minutes)
            assert list(await stage.rows()) == known
        rows = await stage.rows()
        entry = minute("SOLUSDT", EVENT_MS + 40_000).open
        later = minute("SOLUSDT", EVENT_MS + 40_000 + 15 * MINUTE_MS).open
        assert rows[15]["raw_pct"] == pytest.approx((later / entry - 1) * 100)
        assert (rows[15]["btc_pct"], rows[15]["control_pct"], rows[15]["unknown_control"]) == (0.0, None, 6)
        assert rows[15]["best_pct"] > rows[15]["raw_pct"]
        await stage.after(24 * 60 + 4)
        rows, outcome = await stage.rows(), await stage.outcome()
        assert (list(rows), outcome["due_ms"]) == ([5, 15, 60, 240, 1440], None)
        assert outcome["entry_ms"] == EVENT_MS + 40_000
        assert (outcome["delay_ms"], outcome["is_delay_measured"]) == (1_500, 1)
        assert rows[15]["control_count"] > 50
        assert rows[15]["control_pct"] == pytest.approx(0.15, abs=0.05)
        assert stage.exchange.priorities == {Priority.TRACKING}


async def test_what_is_asked_for_is_a_page_of_four_hours_each_once(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        await stage.tell(pump(at_ms=EVENT_MS + 300_000))
        await stage.after(24 * 60 + 30)
        await stage.after(24 * 60 + 40)
        closed = [one for one in stage.exchange.asked if one[1] + 240 * MINUTE_MS < stage.clock.now_ms()]
        assert len(closed) == len(set(closed))
        assert {one[2] for one in stage.exchange.asked} == {240}
        assert len([one for one in stage.exchange.asked if one[0] == "SOLUSDT"]) <= 8 * 6 + 4


async def test_the_book_is_asked_before_the_exchange(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump("BTCUSDT", at_ms=EVENT_MS))
        opens = range(EVENT_MS - EVENT_MS % MINUTE_MS - 30 * MINUTE_MS, EVENT_MS + 30 * MINUTE_MS, MINUTE_MS)
        stage.book = [ClosedCandle.of(minute("BTCUSDT", at)) for at in opens]
        await stage.after(19)
        assert stage.exchange.asked == []
        assert (await stage.rows())[15]["raw_pct"] == 0.0
        assert (await stage.rows())[15]["unknown_btc"] == 5  # it is BTC


async def test_what_was_due_while_the_program_was_away_is_made_up_for(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        await stage.after(1)
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.after(3 * 24 * 60)
        assert list(await stage.rows()) == [5, 15, 60, 240, 1440]
        assert (await stage.outcome())["due_ms"] is None


async def test_settings_of_an_alerts_moment_stay_in_its_record(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        stage.clock.ms = EVENT_MS - 60_000
        stage.versions.changed((replace(MAIN, settings=Settings(pump_threshold=5.0)),))
        five = stage.versions.now
        await stage.tell(pump(at_ms=EVENT_MS))
        stage.clock.ms = EVENT_MS + 10_000
        stage.versions.changed((replace(MAIN, settings=Settings(pump_threshold=6.0)),))
        await stage.after(0.5)
        assert (await stage.outcome())["settings"] == five != stage.versions.now
        await stage.versions.save()
        assert '"pump_threshold":5.0' in (await stage.store.meta_get(f"settings:{five}") or "")


async def test_settings_from_before_this_run_are_not_known(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        stage.clock.ms = EVENT_MS + 60_000
        stage.versions = SettingsVersions((MAIN,), clock=stage.clock, meta=stage.store)
        stage.recorder = stage.begin()
        stage.recorder._since_ms = BEGIN_MS  # as the run before has stored it
        await stage.after(2)
        assert (await stage.outcome())["settings"] is None


async def test_alerts_from_before_it_was_recorded_samples_late_and_merged_ones_are_left_out(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=BEGIN_MS - 5_000))
        stage.clock.ms = BEGIN_MS + 30_000  # the loop begins later than the run
        stage.recorder._since_ms = await stage.recorder._first_start_ms()
        await stage.tell(pump("ADAUSDT", at_ms=EVENT_MS, late=True))
        await stage.tell(pump("TESTUSDT", at_ms=EVENT_MS, key="test:1"))
        await stage.tell(pump("XRPUSDT", at_ms=EVENT_MS, kind="condition"))
        await stage.tell(pump("LTCUSDT", at_ms=EVENT_MS, details=Details(merged_into="price:x")))
        kept = await stage.tell(pump(at_ms=EVENT_MS))
        await stage.after(1)
        assert await stage.store._database.fetch("SELECT alert_id FROM outcomes", ()) == [(kept,)]
        assert await stage.store.meta_get("outcomes_since_ms") == str(BEGIN_MS)


class BusyMeta:
    """Answers from the second question on."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.failures = store, 1

    async def meta_get(self, key: str) -> str | None:
        if self.failures:
            self.failures -= 1
            raise StorageError("scores.db did not answer within 5 s")
        return await self.store.meta_get(key)

    async def meta_set(self, key: str, value: str) -> None:
        await self.store.meta_set(key, value)


async def test_a_disk_that_does_not_answer_the_first_question_is_asked_again_and_is_no_crash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        stage.recorder._at = replace(stage.recorder._at, meta=BusyMeta(stage.store))
        running = asyncio.create_task(stage.recorder.run())
        async with asyncio.timeout(60):
            while not await stage.store._database.fetch("SELECT alert_id FROM outcomes", ()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        running.cancel()
        said = [record.levelname for record in caplog.records if "did not answer" in record.message]
        assert said == ["WARNING"]
        assert await stage.store.meta_get("outcomes_since_ms") == str(BEGIN_MS)


async def test_a_refusing_exchange_is_asked_again_later_and_not_for_ever(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        stage.exchange.problem = ExchangeError("no such symbol")
        await stage.after(19)
        await stage.after(20)
        assert len(stage.exchange.asked) == 1
        await stage.after(30)
        assert len(stage.exchange.asked) == 2
        assert await stage.rows() == {}
        await stage.after(4 * 24 * 60)
        assert {row["unknown"] for row in (await stage.rows()).values()} == {1}
        assert (await stage.outcome())["due_ms"] is None


async def test_a_message_that_never_left_counts_with_the_usual_delay(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS), delay_ms=None)
        await stage.after(19)
        assert ((await stage.outcome())["delay_ms"], (await stage.outcome())["is_delay_measured"]) == (2_000, 0)
        await stage.store.mark_sent(PRIVATE, [1], message_id=5, sent_ms=EVENT_MS + 40 * MINUTE_MS)
        await stage.after(64)  # what was reckoned with stays
        assert ((await stage.outcome())["delay_ms"], (await stage.outcome())["is_delay_measured"]) == (2_000, 0)


async def test_a_message_that_left_late_is_entered_late(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS), delay_ms=10 * MINUTE_MS)
        await stage.after(19)
        assert await stage.rows() == {}
        await stage.after(29)
        assert (await stage.outcome())["entry_ms"] == EVENT_MS + 40_000 + 10 * MINUTE_MS


async def test_outcomes_go_when_their_alerts_go(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        await stage.after(24 * 60 + 10)
        await stage.store.prune(before_s=(EVENT_MS + DAY_MS) / 1000)
        assert await stage.rows() == {}
        assert await stage.store._database.fetch("SELECT count(*) FROM outcomes", ()) == [(0,)]


async def test_the_line_comes_from_twenty_independent_moments_on_and_stands_on_new_alerts(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        for number in range(20):
            await stage.tell(pump(at_ms=EVENT_MS + number * 2 * 3_600_000))
        await stage.tell(pump("ADAUSDT", at_ms=EVENT_MS + 1_000))  # of the first moment
        await stage.after(19)
        stage.board.summary = await stage.board.read()
        assert stage.board.line_of(pump()) is None
        assert stage.board.summary.pending > 0
        await stage.after(5 * 24 * 60)
        stage.board.summary = await stage.board.read()
        line = stage.board.line_of(pump())
        assert line is not None
        assert (line.moments, line.went_on, line.minutes, line.is_chance) == (20, 20, 15, True)
        assert line.median_pct == pytest.approx(0.13, abs=0.05)
        assert stage.board.line_of(pump(direction="DUMP")) is None
        assert stage.board.line_of(pump(late=True)) is None
        sink = ListSink()
        WithOutcomes(sink, stage.board.line_of).put(pump(), to=[Destination(chat_id=1)])
        assert sink.told[0][0].details.outcomes == line


async def test_a_summary_tells_versions_apart_and_counts_an_event_once(tmp_path: Path) -> None:
    async with stage_at(tmp_path / "alerts.db") as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
        await stage.tell(pump(at_ms=EVENT_MS, key=f"price:SOLUSDT:PUMP:1m:{EVENT_MS}@77"))
        await stage.after(19)
        stage.versions.changed((replace(MAIN, settings=Settings(pump_threshold=9.0)),))
        summary = await stage.board.read()
        assert (summary.alerts, summary.earlier, summary.since_ms) == (1, 0, None)
        assert [row.alerts for row in summary.whole if row.horizon_min == 15] == [1]
        assert [row for row in summary.forward if row.alerts] == []
    async with alert_reader(tmp_path / "alerts.db") as reader:
        newer = await read_summary(reader.outcomes, detectors=lambda: "d2", settings=None, fee_pct=0.05)
    assert (newer.alerts, newer.earlier) == (0, 1)


async def test_a_database_from_before_starts_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with stage_at(path) as stage:
        await stage.tell(pump(at_ms=EVENT_MS))
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE outcome_returns; DROP TABLE outcomes; PRAGMA user_version = 3;")
    async with stage_at(path) as stage:
        assert [row.alert.event_ms for row in await stage.store.recent(limit=9)] == [EVENT_MS]
        assert await stage.store._database.fetch("SELECT count(*) FROM outcomes", ()) == [(0,)]


def test_a_comment_or_docstring_begins_no_new_record_and_a_number_does() -> None:
    before = 'def f(x):\n    """Says."""\n    return x + 1  # why\n'
    assert code_of(before) == code_of("def f( x ):\n    return x + 1\n")
    assert code_of(before) != code_of(before.replace("1", "2"))
    assert len(outcome_version()) == 16
