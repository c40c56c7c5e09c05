"""The stand-alone page of a replay: it needs nothing, says what is so, and the same input gives the same bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from altmonitor.core.outcome import OutcomeRow
from altmonitor.core.types import Destination
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import Source, candle_columns
from altmonitor.replay.outcome_statistics import outcome_table
from altmonitor.replay.outcome_text import sentence
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.replayed_outcomes import DeliveryDelay, replayed_outcomes
from altmonitor.replay.report import ReportInput, day_bars, hit_picture, report_html, tick_step
from altmonitor.replay.run import replay
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tune import Tuned, TunedKind
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.replay.history import FEB_2025, wild_candles

DAY_MS = 86_400_000
MAIN = Audience(destination=Destination(chat_id=1), settings=Settings())


def made(folder: Path, *, symbols: tuple[str, ...] = ("BTCUSDT", "SOLUSDT"), days: int = 2) -> ReportInput:
    store = HistoryStore(folder / "store")
    for seed, symbol in enumerate(symbols):
        candles = wild_candles(days * 1_440 + 300, seed=seed, holes=0.001)
        store.add(symbol, "klines", candle_columns(candles, Source.ARCHIVE))
    options = ReplayOptions(audiences=(MAIN,))
    result = replay(store, symbols, options, from_ms=FEB_2025, to_ms=FEB_2025 + days * DAY_MS)
    outcomes = replayed_outcomes(store, result, delay_ms=1_500)
    return ReportInput(
        result=result,
        options=options,
        outcomes=outcomes,
        rows=outcome_table(outcomes.table, fee_pct=0.05),
        delay=DeliveryDelay(ms=1_500, measured=40),
        fee_pct=0.05,
        changed=("pump=4",),
        tuned=Tuned(
            from_ms=FEB_2025,
            held_out_from_ms=FEB_2025 + DAY_MS,
            to_ms=FEB_2025 + 2 * DAY_MS,
            per_day=20,
            kinds=(
                TunedKind(
                    kind="price",
                    liquidity="",
                    curve=(),
                    thresholds={"pump_threshold": (3.0, 2.5)},
                    now_per_day=3.4,
                    fitted_per_day=6.3,
                    replayed_per_day=7.5,
                    held_out_per_day=6.9,
                    lost=(),
                ),
            ),
            fitted_by_day=(8,),
            by_day=(7,),
            classes={},
        ),
    )


def test_the_page_asks_nobody_for_anything_and_runs_no_script(tmp_path: Path) -> None:
    page = report_html(made(tmp_path))
    asking = r"(?:https?:)?//|<script|<link|<iframe|<img src=.(?!data:image/png;base64,)|@import|url\(|\son\w+="
    assert re.findall(asking, page) == []
    assert page.count("<svg") == 2


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert report_html(made(tmp_path / "a")) == report_html(made(tmp_path / "b"))


def test_everything_that_is_asked_of_a_report_is_on_it(tmp_path: Path) -> None:
    page = report_html(made(tmp_path))
    wanted = [
        *(
            "2025-02-01 00:00 … 2025-02-03 00:00 UTC",
            "BTCUSDT",
            "SOLUSDT",
            "warm-up",
            "1.5 s (the median of 40 deliveries)",
        ),
        *("Changed for this replay: pump=4.", "Thresholds for about 20 alerts a day", "<td>2.5</td>", "6.9"),
        *("not distinguishable from chance", "Candles do not show:", "the price 60 s earlier (ROLLING)"),
        *("minutes are missing in that time", "prefers-color-scheme: dark", "@media print", "width=device-width"),
        *("comparisons with BTC: it is BTC", "returns: the candles end before"),
    ]
    assert [text for text in wanted if text not in page] == []


def test_its_pictures_are_well_formed_and_every_bar_stands_in_its_frame(tmp_path: Path) -> None:
    given = made(tmp_path)
    for picture in re.findall(r"<svg.*?</svg>", report_html(given), re.DOTALL):
        ElementTree.fromstring(picture)  # noqa: S314
    bars = day_bars(given.result)
    assert len({bar.x for bar in bars.bars}) == 2
    assert all(bars.left <= bar.x and bar.x + bar.width <= bars.right for bar in bars.bars)
    assert all(bars.top <= bar.y and bar.y + bar.height <= bars.bottom + 0.01 for bar in bars.bars)
    total = sum(int(bar.title.split(": ")[1].split()[0]) for bar in bars.bars)
    assert total == len(given.result.alerts)


def test_names_from_outside_are_text_on_the_page_and_nothing_else(tmp_path: Path) -> None:
    name = "<b>&\"币安'"
    page = report_html(made(tmp_path, symbols=(name,), days=1))
    assert name not in page
    assert "&lt;b&gt;&amp;&#34;币安&#39;" in page


def test_long_ranges_are_drawn_by_week(tmp_path: Path) -> None:
    given = made(tmp_path, symbols=("SOLUSDT",), days=1)
    bars = day_bars(replace(given.result, to_ms=FEB_2025 + 100 * DAY_MS))
    assert bars.unit == "week"
    assert len({bar.x for bar in bars.bars}) == 1
    assert bars.x_ticks[1].text == "02-15"


def test_a_range_without_alerts_is_a_page_too(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "store")
    calm = [one for one in wild_candles(40) if one.open_ms < FEB_2025 + 3 * MINUTE_MS]
    store.add("SOLUSDT", "klines", candle_columns(calm, Source.ARCHIVE))
    options = ReplayOptions(audiences=(replace(MAIN, kinds=frozenset()),))
    result = replay(store, ["SOLUSDT"], options, from_ms=FEB_2025, to_ms=FEB_2025 + DAY_MS)
    outcomes = replayed_outcomes(store, result, delay_ms=0)
    rows = outcome_table(outcomes.table, fee_pct=0.05)
    given = ReportInput(
        result=result, options=options, outcomes=outcomes, rows=rows, delay=DeliveryDelay(ms=0), fee_pct=0.05
    )
    page = report_html(given)
    assert "Nothing would have been told." in page
    assert "No alert has an outcome" in page
    assert hit_picture(rows) is None


@pytest.mark.parametrize(
    ("most", "wanted"), [(0, (1, 1)), (1, (1, 1)), (5, (1, 5)), (6, (2, 6)), (170, (50, 200)), (999, (200, 1000))]
)
def test_axes_have_round_steps(most: int, wanted: tuple[int, int]) -> None:
    assert tick_step(most) == wanted


def row(**changes: object) -> OutcomeRow:
    usual = OutcomeRow(
        kind="vol", direction=None, quadrant=None, horizon_min=15, alerts=90, unknown=0, moments=60, blocks=20
    )
    return replace(usual, **{"p": 0.4, "p_holm": 0.8, "verdict": "like_chance", **changes})  # type: ignore[arg-type]


def test_the_sentence_says_nothing_where_it_is_nothing_and_names_what_is_something() -> None:
    found = row(kind="price", p=0.001, p_holm=0.002, verdict="more_than_chance", beyond_control_pct=0.31)
    assert sentence([row()]) == "What followed these alerts is not distinguishable from chance, at any horizon."
    assert sentence([row(p=None, verdict="too_few")]).startswith("Too few independent moments")
    assert sentence([found, row()]) == (
        "More than chance in this range: price after 15 min (+0.31 % beyond the usual). "
        "Everything else is not distinguishable from chance."
    )
    assert sentence([]) == "No alert has an outcome: there is nothing to be said."


def test_an_event_that_several_chats_are_told_of_has_one_outcome(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "store")
    store.add("SOLUSDT", "klines", candle_columns(wild_candles(1_500), Source.ARCHIVE))
    other = Audience(destination=Destination(chat_id=2), settings=Settings(pump_threshold=4.0))
    options = ReplayOptions(audiences=(MAIN, other))
    result = replay(store, ["SOLUSDT"], options, from_ms=FEB_2025, to_ms=FEB_2025 + DAY_MS)
    outcomes = replayed_outcomes(store, result, delay_ms=0)
    assert len(outcomes.alerts) == len(outcomes.table.outcomes) < len(result.alerts)
    moments = [one.alert.event_ms for one in outcomes.alerts]
    assert list(outcomes.table.outcomes.entry_ms) == [-(-at // MINUTE_MS) * MINUTE_MS for at in moments]
