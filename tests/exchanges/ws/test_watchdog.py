"""When silence means blindness, and when it is only a quiet market."""

from __future__ import annotations

import random

from altmonitor.exchanges.ws.watchdog import (
    DataProgress,
    FeedState,
    FeedWatch,
    Gap,
    PauseWatch,
    Share,
    SymbolWatch,
    silence_limit_s,
)


def share(*, since_s: float = 0.0, last_data_s: float | None = None) -> Share:
    return Share(since_s, last_data_s, 30.0)


def test_the_whole_feed_may_be_silent_for_30_s_and_a_small_share_for_two_minutes() -> None:
    assert silence_limit_s(1, is_only_connection=True) == 30
    assert silence_limit_s(450, is_only_connection=False) == 30
    assert silence_limit_s(49, is_only_connection=False) == 120


def test_the_first_data_makes_it_live_once() -> None:
    watch = FeedWatch()
    assert watch.look([share()], 5.0) is None
    assert watch.look([share(last_data_s=6.0)], 6.0) is FeedState.LIVE
    assert watch.look([share(last_data_s=7.0)], 7.0) is None


def test_no_data_in_the_first_30_s_is_blindness_told_once() -> None:
    watch = FeedWatch()
    assert watch.look([share()], 29.9) is None
    assert watch.look([share()], 30.0) is FeedState.BLIND
    assert watch.look([share()], 31.0) is None


def test_30_s_of_silence_end_a_live_feed_and_data_begins_it_anew() -> None:
    watch = FeedWatch()
    watch.look([share(last_data_s=1.0)], 1.0)
    assert watch.look([share(last_data_s=1.0)], 30.9) is None
    assert watch.look([share(last_data_s=1.0)], 31.0) is FeedState.BLIND
    assert watch.look([share(last_data_s=100.0)], 100.5) is FeedState.LIVE


def test_one_dark_share_makes_the_feed_blind_until_all_are_back() -> None:
    watch = FeedWatch()
    watch.look([share(last_data_s=1.0), share(last_data_s=1.0)], 1.0)
    assert watch.look([share(last_data_s=40.0), share(last_data_s=5.0)], 40.0) is FeedState.BLIND
    assert watch.look([share(last_data_s=50.0), share(last_data_s=5.0)], 50.0) is None
    assert watch.look([share(last_data_s=60.0), share(last_data_s=60.0)], 60.0) is FeedState.LIVE


def test_a_share_that_was_just_added_has_its_own_30_s() -> None:
    watch = FeedWatch()
    watch.look([share(last_data_s=100.0)], 100.0)
    assert watch.look([share(last_data_s=110.0), share(since_s=100.0)], 110.0) is None
    assert watch.look([share(last_data_s=130.0), share(since_s=100.0)], 130.0) is FeedState.BLIND


def test_nothing_to_watch_is_neither_live_nor_blind() -> None:
    watch = FeedWatch()
    assert watch.look([], 1_000.0) is None
    assert watch.sight is FeedState.STARTING


def test_data_that_flows_is_seen_at_once_and_not_only_with_the_next_look() -> None:
    watch = FeedWatch()
    assert watch.is_blind([], 0.0)
    assert watch.is_blind([share()], 1.0)
    assert not watch.is_blind([share(last_data_s=1.0)], 1.0)
    watch.look([share()], 30.0)
    assert watch.is_blind([share(last_data_s=31.0), share()], 31.0)
    assert not watch.is_blind([share(last_data_s=31.0)], 31.0)


def hear_regularly(watch: SymbolWatch, gaps_s: dict[str, float], until_s: float) -> None:
    """Each symbol is updated at its own pace; the watch is told every 5 s, as the feed does."""
    for tick in range(1, int(until_s / 5) + 1):
        now_s = tick * 5.0
        watch.hear([s for s, gap_s in gaps_s.items() if now_s // gap_s > (now_s - 5) // gap_s], now_s)


def test_a_busy_symbol_is_missed_after_two_minutes_and_told_once() -> None:
    watch = SymbolWatch()
    watch.follow(["BUSY"], 0.0)
    hear_regularly(watch, {"BUSY": 1.0}, 1_000)
    assert watch.newly_silent(1_119.0) == ()
    assert watch.newly_silent(1_121.0) == ("BUSY",)
    assert watch.newly_silent(1_200.0) == ()
    assert watch.silent() == {"BUSY"}


def test_a_silent_symbol_comes_back_with_its_next_update() -> None:
    watch = SymbolWatch()
    watch.follow(["BUSY"], 0.0)
    hear_regularly(watch, {"BUSY": 1.0}, 1_000)
    watch.newly_silent(2_000.0)
    assert watch.hear(["BUSY", "STRANGER"], 2_005.0) == ("BUSY",)
    assert watch.silent() == set()


def test_a_quiet_contract_is_given_forty_times_its_own_gap() -> None:
    watch = SymbolWatch()
    watch.follow(["QUIET"], 0.0)
    hear_regularly(watch, {"QUIET": 100.0}, 10_000)
    assert watch.newly_silent(10_000 + 3_700) == ()
    assert watch.newly_silent(10_000 + 3_900) == ("QUIET",)


def test_contracts_trading_at_random_are_not_taken_for_lost_in_a_week() -> None:
    dice = random.Random(11)
    mean_gap_s = {"A": 2.0, "B": 20.0, "C": 60.0}
    watch = SymbolWatch()
    watch.follow(mean_gap_s, 0.0)
    next_s = dict.fromkeys(mean_gap_s, 0.0)
    lost: list[str] = []
    for tick in range(1, 7 * 86_400 // 5):
        now_s = tick * 5.0
        # Nights are five times as quiet.
        pace = 5.0 if (now_s // 3600) % 24 < 8 else 1.0
        heard = []
        for symbol, due_s in next_s.items():
            if due_s <= now_s:
                heard.append(symbol)
                next_s[symbol] = now_s + dice.expovariate(1 / (mean_gap_s[symbol] * pace))
        watch.hear(heard, now_s)
        if tick % 6 == 0:
            lost += watch.newly_silent(now_s)
    assert lost == []


def test_a_symbol_never_heard_is_told_after_half_an_hour() -> None:
    watch = SymbolWatch()
    watch.follow(["MUTE"], 0.0)
    assert watch.newly_silent(1_799.0) == ()
    assert watch.newly_silent(1_801.0) == ("MUTE",)


def test_a_symbol_that_came_back_is_given_twice_the_time() -> None:
    watch = SymbolWatch()
    watch.follow(["BUSY"], 0.0)
    hear_regularly(watch, {"BUSY": 1.0}, 1_000)
    assert watch.newly_silent(1_121.0) == ("BUSY",)
    watch.hear(["BUSY"], 2_000.0)
    assert watch.newly_silent(2_239.0) == ()
    assert watch.newly_silent(2_241.0) == ("BUSY",)


def test_while_its_connection_was_away_a_symbol_was_not_silent() -> None:
    watch = SymbolWatch()
    watch.follow(["BUSY"], 0.0)
    hear_regularly(watch, {"BUSY": 1.0}, 1_000)
    watch.forgive(["BUSY", "STRANGER"], 2_000.0)
    assert watch.newly_silent(2_100.0) == ()
    assert watch.newly_silent(2_121.0) == ("BUSY",)


def test_symbols_that_left_are_forgotten_and_those_that_stay_keep_their_rhythm() -> None:
    watch = SymbolWatch()
    watch.follow(["BUSY", "GONE"], 0.0)
    hear_regularly(watch, {"BUSY": 1.0}, 1_000)
    watch.follow(["BUSY", "NEW"], 1_000.0)
    assert watch.newly_silent(1_121.0) == ("BUSY",)
    assert watch.newly_silent(1_900.0) == ()
    watch.follow(["NEW"], 1_900.0)
    assert watch.silent() == set()


def progressed(*records: tuple[float, float]) -> DataProgress:
    """Records of (event seconds, our seconds); both clocks of ours agree."""
    progress = DataProgress(30_000)
    for event_s, now_s in records:
        progress.record(round(event_s * 1000), now_s=now_s, wall_ms=round(now_s * 1000))
    return progress


def test_a_leap_in_the_data_is_a_gap_when_a_clock_agrees_or_the_next_data() -> None:
    told = {
        "our clocks agree": progressed((0, 0), (300, 300)).gap,
        "our clocks agree, the last data was late": progressed((0, 25), (300, 301)).gap,
        "nothing agrees yet": progressed((0, 0), (300, 1)).gap,
        "the next data agrees": progressed((0, 0), (300, 1), (301, 2)).gap,
        "the next data does not": progressed((0, 0), (300, 1), (2, 2), (3, 3)).gap,
        "a strange time in the past": progressed((100, 0), (1, 1), (102, 2), (103, 3)).gap,
        "less than a gap": progressed((0, 0), (29.9, 29.9)).gap,
        "two gaps are one": progressed((0, 0), (300, 300), (400, 400)).gap,
    }
    assert told == {
        "our clocks agree": Gap(0, 300_000),
        "our clocks agree, the last data was late": Gap(0, 300_000),
        "nothing agrees yet": None,
        "the next data agrees": Gap(0, 300_000),
        "the next data does not": None,
        "a strange time in the past": None,
        "less than a gap": None,
        "two gaps are one": Gap(0, 400_000),
    }


def test_a_gap_is_handed_out_once() -> None:
    progress = progressed((0, 0), (300, 300))
    assert progress.take_gap() == Gap(0, 300_000)
    assert progress.take_gap() is None
    assert progress.last_event_ms == 300_000


def test_a_late_look_is_noticed_but_not_twice_in_a_row() -> None:
    pause = PauseWatch(1.0)
    assert [pause.was_long(at_s) for at_s in (0, 1, 2.5, 60, 120, 121, 180)] == [
        False,
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_what_only_the_wall_clock_saw_counts_as_silence() -> None:
    assert Share(0.0, 100.0, 30.0, asleep_s=25.0).silence_s(106.0) == 31.0
    assert Share(0.0, 100.0, 30.0, asleep_s=25.0).is_dark(106.0)
    assert not Share(0.0, 100.0, 30.0).is_dark(106.0)
