"""What one run saw last is where the next one begins to look back."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from altmonitor.app.gap_log import GapLog, SeenMark, SeenUntil, run_marks
from altmonitor.core.alert import Alert
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.market.candles import LONGEST_MINUTES, MINUTE_MS
from altmonitor.storage.run_log import MOST_RUNS, MonitorRun, record_run, runs_of
from tests.movable_clock import T0, MovableClock, at_work
from tests.storage.samples import pump


class Desk:
    """age_s: since the last frame; None: there was none. is_alone: not one of several feeds."""

    def __init__(self, folder: Path, kept: str | None = None, *, is_alone: bool = True) -> None:
        self.values = {} if kept is None else {"seen_until_ms": kept}
        self.age_s: float | None = 0.5
        self.is_blind = False
        self.unseen_ms: int | None = None
        self.unstored: list[Alert] = []
        self.skew_ms = 0.0
        self.clock = MovableClock(T0)
        self.gap_log = GapLog(
            self,
            mark=SeenMark(folder / "mark") if is_alone else None,
            clock=self.clock,
            frame_age_s=lambda: self.age_s,
            is_blind=lambda: self.is_blind,
            unseen_since_ms=lambda: self.unseen_ms,
            unstored=lambda: self.unstored,
            skew_ms=lambda: self.skew_ms,
        )

    async def meta_get(self, key: str) -> str | None:
        return self.values.get(key)

    async def meta_set(self, key: str, value: str) -> None:
        self.values[key] = value

    @property
    def kept(self) -> str | None:
        return self.values.get("seen_until_ms")

    def mark(self) -> None:
        write = self.gap_log.due_mark()
        if write is not None:
            write()

    async def run_for(self, seconds: float) -> None:
        async with at_work(self.gap_log.run(), on=self.clock):
            await self.clock.advance(seconds)


def at(seen_ms: int) -> SeenUntil:
    """Nothing was left to look through."""
    return SeenUntil(settled_ms=seen_ms, watched_ms=seen_ms)


def live(since_ms: int | None = None) -> FeedEvent:
    return FeedEvent(kind="live", at_ms=T0, blind_since_ms=since_ms)


async def test_the_last_frame_is_kept_while_the_market_is_seen(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.run_for(16.0)
    assert desk.kept == str(T0 + 14_500)


async def test_the_very_first_run_keeps_a_moment_as_soon_as_the_market_is_seen(tmp_path: Path) -> None:
    """A mark of a database that knows of no moment would be another one's, and a run can be killed within seconds."""
    desk = Desk(tmp_path)
    async with at_work(desk.gap_log.run(), on=desk.clock):
        await desk.clock.advance(1.0)
        assert desk.kept is None
        desk.gap_log.completed(live())
        await desk.clock.advance(0.1)
    assert desk.kept is not None
    assert T0 + 500 <= int(desk.kept) <= T0 + 600


async def test_of_several_feeds_one_that_leads_says_at_once_and_often_until_when_it_saw(tmp_path: Path) -> None:
    desk = Desk(tmp_path, is_alone=False)
    async with at_work(desk.gap_log.run(), on=desk.clock):
        await desk.clock.advance(0.1)
        first = desk.kept
        await desk.clock.advance(3.1)
    assert first is not None
    assert T0 - 500 <= int(first) <= T0 - 400
    assert int(desk.kept or 0) >= T0 + 2_500


async def test_of_several_feeds_none_believes_the_file_of_its_own_machine(tmp_path: Path) -> None:
    """It saw what it could not store, and what it has not stored nobody else knows."""
    desk = Desk(tmp_path, str(T0 - 30_000), is_alone=False)
    SeenMark(tmp_path / "mark").write(at(T0 - 2_000))
    assert await desk.gap_log.load() == T0 - 35_000
    desk.mark()
    assert SeenMark(tmp_path / "mark").read() == at(T0 - 2_000)


async def test_of_several_feeds_each_allows_for_the_clock_of_the_machine_that_led(tmp_path: Path) -> None:
    """They are five seconds apart at most: what the leader saw may lie before or after what it says, even ahead of the
    time here."""
    for seen_ms, settled_ms, said_ms in (
        (T0 - 30_000, T0 - 35_000, T0 - 30_000),
        (T0 + 4_000, T0 - 1_000, T0),
    ):
        desk = Desk(tmp_path, str(seen_ms), is_alone=False)
        assert await desk.gap_log.load() == settled_ms
        event = desk.gap_log.completed(live())
        assert (event.unsettled_since_ms, event.blind_since_ms, event.is_since_known) == (settled_ms, said_ms, True)
    wrong = Desk(tmp_path, str(T0 + 5_001), is_alone=False)
    assert await wrong.gap_log.load(told_ms=T0 - 60_000) == T0 - 60_000
    assert not wrong.gap_log.completed(live()).is_since_known


async def test_two_feeds_whose_clocks_are_minutes_apart_mean_the_same_moment_of_the_exchange(tmp_path: Path) -> None:
    """The leader saw until half a second ago; whoever comes after it looks from there on, by a clock of its own."""
    for leads_s, follows_s in ((40, 0), (-40, 0), (0, 40), (0, -40), (90, -90)):
        leader = Desk(tmp_path, is_alone=False)
        leader.clock.jump(leads_s)
        leader.skew_ms = leads_s * 1000
        async with at_work(leader.gap_log.run(), on=leader.clock):
            await leader.clock.advance(0.1)
        assert leader.kept is not None
        assert abs(int(leader.kept) - (T0 - 450)) <= 50
        follower = Desk(tmp_path, leader.kept, is_alone=False)
        follower.clock.jump(follows_s)
        await follower.clock.advance(10.0)
        follower.skew_ms = follows_s * 1000
        await follower.gap_log.load()
        event = follower.gap_log.completed(live())
        assert event.is_since_known
        assert event.blind_since_ms == int(leader.kept) + follows_s * 1000
        assert event.unsettled_since_ms == int(leader.kept) + follows_s * 1000 - 5_000


async def test_a_feed_that_learns_the_exchanges_time_after_its_start_looks_back_as_far_as_if_it_had_known_it(
    tmp_path: Path,
) -> None:
    """Its clock is eight seconds behind, and the one before it saw until half a minute ago."""
    desk = Desk(tmp_path, str(T0 - 30_000), is_alone=False)
    desk.clock.jump(-8)
    assert await desk.gap_log.load() == T0 - 35_000
    desk.skew_ms = -8_000.0
    event = desk.gap_log.completed(live())
    assert (event.blind_since_ms, event.unsettled_since_ms) == (T0 - 38_000, T0 - 43_000)


async def test_one_that_is_alone_goes_by_its_own_clock(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.skew_ms = 40_000.0
    await desk.run_for(16.0)
    assert desk.kept == str(T0 + 14_500)


async def test_before_the_first_live_nothing_is_said_because_what_was_before_is_not_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, str(T0 - 30_000), is_alone=False)
    await desk.gap_log.load()
    async with at_work(desk.gap_log.run(), on=desk.clock):
        await desk.clock.advance(30)
        assert desk.kept == str(T0 - 30_000)
        desk.unseen_ms = T0 - 30_000
        desk.gap_log.completed(live())
        await desk.clock.advance(0.1)
        assert desk.kept == str(T0 - 30_000)
        desk.unseen_ms = None
        await desk.clock.advance(3.1)
    assert int(desk.kept or 0) > T0


async def test_what_a_feed_has_seen_since_its_last_blind_time_is_known(tmp_path: Path) -> None:
    gap_log = Desk(tmp_path, is_alone=False).gap_log
    assert not gap_log.has_seen_since(T0 + 5_000)
    gap_log.completed(live())
    assert [gap_log.has_seen_since(ms) for ms in (T0 - 1, T0)] == [False, True]
    gap_log.completed(FeedEvent(kind="blind", at_ms=T0 + 60_000, blind_since_ms=T0 + 50_000))
    assert not gap_log.has_seen_since(T0 + 60_000)


async def test_a_blind_time_and_one_without_any_data_move_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "17")
    desk.is_blind = True
    await desk.run_for(40.0)
    desk.is_blind, desk.age_s = False, None
    await desk.run_for(40.0)
    assert desk.kept == "17"


async def test_what_was_not_looked_through_yet_counts_as_unseen(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.unseen_ms = T0 - 600_000
    await desk.run_for(16.0)
    assert desk.kept == str(T0 - 600_000)


async def test_the_first_live_of_a_run_learns_when_the_run_before_it_saw_last(tmp_path: Path) -> None:
    desk = Desk(tmp_path, str(T0 - 90_000))
    assert await desk.gap_log.load() == T0 - 90_000
    assert desk.gap_log.completed(live()).blind_since_ms == T0 - 90_000
    assert desk.gap_log.completed(live(T0 - 5_000)).blind_since_ms == T0 - 5_000


async def test_a_very_first_run_has_missed_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert await desk.gap_log.load() is None
    assert desk.gap_log.completed(live()).blind_since_ms is None


async def test_a_first_run_that_was_told_to_be_blind_is_told_to_be_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.gap_log.completed(FeedEvent(kind="blind", at_ms=T0 - 60_000))
    assert desk.gap_log.completed(live()).blind_since_ms == T0 - 60_000
    other = Desk(tmp_path)
    other.gap_log.record_blind(T0 - 30_000)
    assert other.gap_log.completed(live()).blind_since_ms == T0 - 30_000


async def test_what_is_no_number_is_not_believed(tmp_path: Path) -> None:
    for kept in ("yesterday", "-5"):
        assert await Desk(tmp_path, kept).gap_log.load() is None


async def test_after_a_run_whose_clock_was_ahead_all_that_history_can_bring_counts_as_unseen(tmp_path: Path) -> None:
    earliest_ms = T0 - LONGEST_MINUTES * MINUTE_MS
    for told_ms, since_ms in (
        (None, earliest_ms),
        (earliest_ms - 1, earliest_ms),
        (T0 - 240_000, T0 - 240_000),  # so far that run has seen in any case
        (T0 + 240_000, T0),  # the exchange's time is ahead of ours: ours is the one that is wrong
    ):
        desk = Desk(tmp_path, str(T0 + 1))
        assert await desk.gap_log.load(told_ms=told_ms) == since_ms
        event = desk.gap_log.completed(live())
        assert (event.blind_since_ms, event.is_since_known) == (since_ms, False)
        later = desk.gap_log.completed(live(T0 - 5_000))
        assert (later.blind_since_ms, later.is_since_known) == (T0 - 5_000, True)


async def test_with_one_moment_still_to_come_the_other_of_the_same_clock_is_no_better(tmp_path: Path) -> None:
    desk = Desk(tmp_path, str(T0 - 3_000))  # the database's is some seconds older than the file's
    SeenMark(tmp_path / "mark").write(at(T0 + 9_000))
    assert await desk.gap_log.load(told_ms=T0 - 600_000) == T0 - 600_000
    assert not desk.gap_log.completed(live()).is_since_known


async def test_a_right_clock_overwrites_the_moment_that_was_still_to_come(tmp_path: Path) -> None:
    desk = Desk(tmp_path, str(T0 + 3_600_000))
    await desk.gap_log.load()
    await desk.run_for(16.0)
    desk.mark()
    assert desk.kept == str(T0 + 14_500)
    assert SeenMark(tmp_path / "mark").read() == at(T0 + 15_500)


async def test_a_report_that_did_not_arrive_is_known_to_the_next_run(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    arrived = desk.gap_log.untold(T0 - 300_000, T0 - 60_000)
    desk.gap_log.untold(T0 - 30_000, T0 - 5_000)
    await desk.run_for(0.1)
    arrived(17)
    await desk.run_for(0.1)
    after = Desk(tmp_path)
    after.values = dict(desk.values)
    await after.gap_log.load()
    assert after.gap_log.untold_before == ((T0 - 30_000, T0 - 5_000),)
    await after.run_for(16.0)
    again = Desk(tmp_path)
    again.values = dict(after.values)
    await again.gap_log.load()
    assert again.gap_log.untold_before == ()


async def test_damaged_reports_are_no_reports(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.values["blind_times_untold"] = "[[1, 2"
    await desk.gap_log.load()
    assert desk.gap_log.untold_before == ()


async def test_the_blind_time_of_a_run_is_summed_up_to_now(tmp_path: Path) -> None:
    desk = Desk(tmp_path, str(T0 - 90_000))
    await desk.gap_log.load()
    desk.gap_log.completed(live())  # before the first frame of the run nothing was missed by it
    assert desk.gap_log.blind_s() == 0.0
    desk.gap_log.completed(live(T0 - 5_000))
    desk.gap_log.completed(live(T0 - 2_500))
    assert desk.gap_log.blind_s() == 7.5
    desk.is_blind, desk.age_s = True, 31.0
    assert desk.gap_log.blind_s() == 38.5


async def test_a_killed_run_is_known_to_have_seen_until_its_last_second(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.run_for(16.0)
    await desk.clock.advance(12.0)
    desk.mark()
    assert desk.kept == str(T0 + 14_500)
    after = Desk(tmp_path, desk.kept)
    await after.clock.advance(40.0)
    assert await after.gap_log.load() == T0 + 27_500


async def test_the_mark_waits_for_what_is_being_stored_and_goes_back_to_what_cannot_be(tmp_path: Path) -> None:
    """A database that is locked for minutes, and a kill: what was found meanwhile the next run must find again."""
    desk = Desk(tmp_path)

    async def marked_s() -> float:
        await desk.clock.advance(1.0)
        desk.mark()
        return (int((tmp_path / "mark").read_bytes().split()[0]) - T0) / 1000

    minute_ms = T0 // MINUTE_MS * MINUTE_MS
    found = pump("SOLUSDT", key="sol", candle_ms=minute_ms - MINUTE_MS, event_ms=T0 + 1_200)
    other = pump("SOLUSDT", key="okx:sol", venue="okx", candle_ms=minute_ms - 9 * MINUTE_MS)
    assert await marked_s() == 0.5
    desk.unstored = [found]
    assert await marked_s() == 0.5
    desk.unstored = [other, pump("BTCUSDT", key="btc")]
    assert await marked_s() == 0.5
    desk.unstored = [other]
    assert await marked_s() == 3.5
    desk.unstored = [found, pump("BTCUSDT", key="btc")]
    assert [await marked_s(), await marked_s()] == [3.5, (minute_ms - MINUTE_MS - T0) / 1000]
    desk.unstored = []
    assert await marked_s() == 6.5


async def test_what_the_killed_run_watched_is_not_said_to_be_unseen_because_it_must_be_looked_through_again(
    tmp_path: Path,
) -> None:
    """A run that was blind until 20 s ago asks for the candles of two minutes, and is killed before they come."""
    desk = Desk(tmp_path, str(T0 - 300_000))
    desk.unseen_ms = T0 - 120_000
    await desk.clock.advance(16.0)
    desk.mark()
    after = Desk(tmp_path, desk.kept)
    await after.clock.advance(40.0)
    assert await after.gap_log.load() == T0 - 120_000
    event = after.gap_log.completed(live())
    assert (event.blind_since_ms, event.unsettled_since_ms) == (T0 + 15_500, T0 - 120_000)


async def test_a_blind_time_whose_report_could_be_lost_is_part_of_what_the_next_run_says(tmp_path: Path) -> None:
    desk = Desk(tmp_path, str(T0 - 300_000))
    desk.unseen_ms = T0 - 120_000
    desk.gap_log.untold(T0 - 90_000, T0 - 2_000)
    desk.mark()
    assert SeenMark(tmp_path / "mark").read() == SeenUntil(settled_ms=T0 - 120_000, watched_ms=T0 - 90_000)
    await desk.run_for(0.1)
    desk.mark()
    assert SeenMark(tmp_path / "mark").read() == SeenUntil(settled_ms=T0 - 120_000, watched_ms=T0 - 400)


async def test_nothing_is_marked_while_nothing_is_seen(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.mark()
    desk.is_blind = True
    await desk.clock.advance(12.0)
    desk.mark()
    assert (tmp_path / "mark").read_bytes() == b"%d\n%d\n" % (T0 - 500, T0 - 500)


async def test_a_mark_that_is_damaged_or_of_another_database_is_not_believed(tmp_path: Path) -> None:
    kept_ms = T0 - 90_000
    two_and_more = b"%d\n%d\n%d\n" % (T0 - 9_000, T0 - 9_000, T0 - 9_000)
    for content in (b"", b"soon\n", b"\x00" * 13, str(T0 - 95_000).encode(), b"9" * 40, two_and_more):
        (tmp_path / "mark").write_bytes(content)
        assert await Desk(tmp_path, str(kept_ms)).gap_log.load() == kept_ms
        assert await Desk(tmp_path).gap_log.load() is None
    (tmp_path / "mark").write_bytes(b"%d" % (T0 - 80_000))
    assert await Desk(tmp_path, str(kept_ms)).gap_log.load() == T0 - 80_000


async def test_a_mark_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mark").mkdir()
    desk = Desk(tmp_path)
    for _ in range(3):
        desk.mark()
    assert caplog.text.count("cannot be written") == 1


async def test_every_second_all_venues_that_are_seen_are_marked_in_one_thread(tmp_path: Path) -> None:
    clock, folders = MovableClock(T0), [tmp_path / name for name in ("binance", "bybit", "okx")]
    desks = []
    for folder in folders:
        folder.mkdir()
        desks.append(Desk(folder))
        desks[-1].gap_log._clock = clock
    desks[1].is_blind = True
    written: list[str] = []
    has_both = threading.Event()

    class Watched(SeenMark):
        def write(self, seen: SeenUntil) -> None:
            written.append(threading.current_thread().name)
            super().write(seen)
            if len(written) == 2:
                has_both.set()

    for desk, folder in zip(desks, folders, strict=True):
        desk.gap_log._mark = Watched(folder / "mark")
    async with at_work(run_marks([desk.gap_log for desk in desks], clock=clock), on=clock):
        await clock.advance(1.0)
        assert await asyncio.to_thread(has_both.wait, 10.0)
    assert [SeenMark(folder / "mark").read() for folder in folders] == [at(T0 + 500), None, at(T0 + 500)]
    assert written[0] == written[1] != threading.main_thread().name


async def test_every_start_is_kept_with_what_the_run_before_it_had_seen(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    await first.gap_log.load()
    await first.run_for(16.0)
    second = Desk(tmp_path)
    second.values = first.values
    second.clock = MovableClock(T0 + 90_000)
    second.gap_log = GapLog(
        second,
        mark=SeenMark(tmp_path / "mark"),
        clock=second.clock,
        frame_age_s=lambda: None,
        is_blind=lambda: False,
        unseen_since_ms=lambda: None,
        unstored=list,
    )
    await second.gap_log.load()
    assert len(runs_of(first.values["runs"])) == 1  # a start waits for no disk
    await second.run_for(1.0)
    assert runs_of(first.values["runs"]) == [
        MonitorRun(began_ms=T0, seen_before_ms=None),
        MonitorRun(began_ms=T0 + 90_000, seen_before_ms=T0 + 14_500),
    ]


async def test_runs_are_kept_per_venue_and_not_without_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for number in range(MOST_RUNS + 5):
        await record_run(desk, MonitorRun(began_ms=number, seen_before_ms=None), venue="okx")
    kept = runs_of(desk.values["okx:runs"])
    assert (len(kept), kept[0].began_ms, kept[-1].began_ms) == (MOST_RUNS, 5, MOST_RUNS + 4)
    assert [runs_of(text) for text in (None, "", "[1]", "{}")] == [[], [], [], []]
