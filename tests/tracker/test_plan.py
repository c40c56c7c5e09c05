from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.tracker.plan import (
    PACING,
    Cadence,
    Part,
    after_sweep,
    cadences,
    is_resumable,
    pace_warnings,
    progress_line,
    remaining,
    watchlist,
)
from altmonitor.tracker.series import Answered, Liveness, Series

MONEY, TOP, OI = Series.SMART_MONEY, Series.TOP_TRADERS, Series.OPEN_INTEREST
POOL = st.lists(st.text(alphabet="ABC", min_size=1, max_size=4), max_size=40)

MIDNIGHT_MS = 1_789_948_800_000


def test_the_cap_comes_first_and_then_the_shard() -> None:
    pool = ["E", "D", "C", "B", "A", "A"]
    assert Part(pool_max=4, shard_total=2, shard_index=0).of(pool) == ("A", "C")
    assert Part(pool_max=4, shard_total=2, shard_index=1).of(pool) == ("B", "D")
    assert Part().of(pool) == ("A", "B", "C", "D", "E")


@given(POOL, st.integers(0, 30), st.integers(1, 5))
def test_shards_share_nothing_and_make_the_capped_pool(pool: list[str], most: int, total: int) -> None:
    shards = [Part(pool_max=most, shard_total=total, shard_index=at).of(pool) for at in range(total)]
    together = [symbol for shard in shards for symbol in shard]
    assert len(together) == len(set(together))
    assert tuple(sorted(together)) == Part(pool_max=most).of(pool)


@pytest.mark.parametrize("content", [b'["sol","BTCUSDT"]', b'{"symbols": ["SOLUSDT", "btc"], "note": 1}'])
def test_names_and_file_are_united_spelled_and_sorted(content: bytes) -> None:
    assert watchlist(["eth", " sol "], content) == (("BTCUSDT", "ETHUSDT", "SOLUSDT"), "")


@pytest.mark.parametrize("content", [b"", b"{", b"7", b'{"symbols": 3}', b"[1]", b"\xff", b"[" * 9000, b"{}"])
def test_a_bad_file_is_named_and_leaves_the_names(content: bytes) -> None:
    symbols, problem = watchlist(["eth"], content)
    assert symbols == ("ETHUSDT",)
    assert problem == 'is neither a JSON list of symbols nor {"symbols": [...]}'


def test_the_paces_are_twelve_seconds_and_one() -> None:
    assert (PACING[MONEY].drawn(0.0), PACING[MONEY].drawn(0.5), PACING[MONEY].drawn(1.0)) == (9.0, 12.0, 15.0)
    assert (PACING[TOP].drawn(0.0), PACING[OI].drawn(1.0)) == (0.8, 1.2)


def test_three_hundred_and_fifty_symbols_want_two_shards() -> None:
    (line,) = pace_warnings(350, series=MONEY, shard_total=1, interval_s=0)
    assert line == (
        "smart-money: 350 symbols take about 70 min; 2 shards would take an hour at most "
        "(SHARD_TOTAL=2, on as many addresses)"
    )
    assert pace_warnings(350, series=MONEY, shard_total=2, interval_s=0) == []
    assert pace_warnings(300, series=MONEY, shard_total=1, interval_s=0) == []


def test_an_interval_that_is_too_short_names_how_many_fit() -> None:
    (line,) = pace_warnings(80, series=MONEY, shard_total=1, interval_s=900)
    assert line.endswith("longer than the interval of 15 min; at most 75 fit (POOL_MAX=75)")
    assert pace_warnings(75, series=MONEY, shard_total=1, interval_s=900) == []


def test_an_unfinished_sweep_is_taken_up_for_an_hour_at_least_and_half_again_its_length_at_most() -> None:
    def at(age_s: float, count: int = 10, interval_s: float = 0.0) -> bool:
        return is_resumable(
            started_ms=1_000_000,
            now_ms=1_000_000 + round(age_s * 1000),
            count=count,
            series=MONEY,
            interval_s=interval_s,
        )

    assert at(3_599.0)
    assert not at(3_600.0)
    assert at(8_999.0, count=500)
    assert not at(9_000.0, count=500)
    assert at(7_199.0, interval_s=7_200.0)
    assert not at(-1.0)


def test_those_left_are_asked_longest_unanswered_first() -> None:
    answers = {
        "A": Answered(sweep_ms=2, answered_ms=50, outcome="stored"),
        "B": Answered(sweep_ms=1, answered_ms=40, outcome="stored"),
        "C": Answered(sweep_ms=1, answered_ms=30, outcome="no data"),
    }
    assert remaining(["A", "B", "C", "D"], answers, sweep_ms=2) == ["D", "C", "B"]


def told(captured: list[int], planned: int = 100) -> list[str | None]:
    liveness, said = Liveness(), list[str | None]()
    for count in captured:
        liveness, news = after_sweep(liveness, captured=count, in_sweep=count, planned=planned)
        said.append(news)
    return said


def test_three_sweeps_without_a_row_are_told_once_and_the_first_good_one_after_them() -> None:
    assert told([0, 0, 0, 0, 0, 90, 90]) == [None, None, "stuck", None, None, "recovered", None]


def test_three_sweeps_below_a_quarter_are_degraded() -> None:
    assert told([24, 24, 24, 24, 25]) == [None, None, "degraded", None, "recovered"]
    assert told([25, 24, 24, 25, 24]) == [None, None, None, None, None]
    assert told([0, 0, 24, 0, 0]) == [None, None, "degraded", None, None]


def test_what_an_interrupted_sweep_had_captured_before_counts() -> None:
    liveness, news = Liveness(thin_in_row=2), None
    liveness, news = after_sweep(liveness, captured=10, in_sweep=80, planned=100)
    assert (liveness.thin_in_row, news) == (0, None)


def test_a_sweep_that_is_taken_up_in_vain_counts_however_much_came_before() -> None:
    liveness, news = after_sweep(Liveness(empty_in_row=2), captured=0, in_sweep=80, planned=100)
    assert (liveness.is_stuck, news) == (True, "stuck")


def test_the_line_says_how_much_is_done_and_left() -> None:
    assert progress_line(MONEY, done=50, total=200, left_s=1_800) == "smart-money     50/200  25 %  about 30 min left"
    assert progress_line(OI, done=2, total=2, left_s=0).endswith("2/2 100 %  done")
    assert progress_line(OI, done=0, total=0, left_s=0).endswith("0/0 100 %  done")


def clock_minutes(series: Series, *, hours: int = 4, **given: float) -> list[str]:
    """When sweeps begin that end at once, from midnight on."""
    wanted = {"smart_money_min": 60.0, "top_traders_min": 30.0, "open_interest_min": 30.0} | given
    shards = {"shard_total": int(wanted.pop("shard_total", 1)), "shard_index": int(wanted.pop("shard_index", 0))}
    cadence, now_ms, seen = cadences(**wanted, **shards)[series], MIDNIGHT_MS, []
    while True:
        now_ms += round(cadence.wait_s(began_ms=now_ms, now_ms=now_ms) * 1000)
        if now_ms >= MIDNIGHT_MS + hours * 3_600_000:
            return seen
        seen.append(f"{now_ms // 3_600_000 % 24}:{now_ms // 60_000 % 60:02d}")


def test_the_three_series_keep_the_cadences_of_the_table_and_never_begin_together() -> None:
    assert clock_minutes(Series.SMART_MONEY) == ["0:07", "1:07", "2:07", "3:07"]
    assert clock_minutes(Series.SMART_MONEY, smart_money_min=120.0, hours=5) == ["2:00", "4:00"]
    assert clock_minutes(Series.SMART_MONEY, shard_total=2, shard_index=1) == ["0:37", "1:37", "2:37", "3:37"]
    assert clock_minutes(Series.SMART_MONEY, smart_money_min=15.0, hours=1) == ["0:07", "0:22", "0:37", "0:52"]
    assert clock_minutes(Series.TOP_TRADERS, hours=2) == ["0:30", "1:00", "1:30"]
    assert clock_minutes(Series.OPEN_INTEREST, hours=2) == ["0:15", "0:45", "1:15", "1:45"]


def test_a_sweep_that_took_longer_than_its_interval_is_followed_at_once() -> None:
    cadence = Cadence(interval_s=1_800.0, offset_s=0.0)
    assert cadence.wait_s(began_ms=MIDNIGHT_MS, now_ms=MIDNIGHT_MS + 2_000_000) == -200.0
    assert Cadence(interval_s=60.0).wait_s(began_ms=MIDNIGHT_MS, now_ms=MIDNIGHT_MS + 45_000) == 15.0
