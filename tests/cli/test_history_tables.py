"""Stored alerts and their counts as tables for a terminal."""

from __future__ import annotations

from datetime import UTC, date, timedelta, timezone

import pytest
from rich.cells import cell_len

from altmonitor.cli.history import history_table, stats_table
from altmonitor.commands.replies import HistoryShown, StatsShown
from altmonitor.core.alert import AlertStats, StoredAlert
from altmonitor.render.format import Style
from tests.render.test_tables import drawn
from tests.storage.samples import NOW_MS, pump

NOW_S = NOW_MS / 1000


def history(**changes: object) -> HistoryShown:
    rows = [
        StoredAlert(alert=pump("SOLUSDT"), delivery="sent"),
        StoredAlert(alert=pump("币安人生USDT", kind="vol", metric=8.25, price=0.123), delivery="queued"),
        StoredAlert(
            alert=pump(
                "1000000MOGUSDT", kind="oi", direction="DOWN", metric=-6.04, note="5m", price=None, late=True,
                at_ms=NOW_MS - 86_400_000,
            ),
            delivery="queued",
        ),
    ]  # fmt: skip
    given: dict[str, object] = {"alerts": rows, "limit": 10, "symbol": None, "kind": None, "now_s": NOW_S, **changes}
    return HistoryShown(**given)  # type: ignore[arg-type]


def test_history_is_a_table_of_columns_in_the_readers_language() -> None:
    assert drawn(*history_table(history(), Style(lang="en", tz=UTC)), width=120) == [
        "🕘 Last 3 alerts, newest first",
        "time            alert               contract        size                                  price  delivery",
        "14:13:20 UTC    📈 PUMP             SOLUSDT         +3.50 % in 1 m                        103.5  sent",
        "14:13:20 UTC    📊 VOLUME           币安人生USDT    8.3× in 1 m                           0.123  waiting",
        "09-20 14:13:20  ⏳ LATE 🔽 OI DROP  1000000MOGUSDT  −6.0 % in 5 m (measured over 41.2 s)         waiting",
    ]
    russian = drawn(*history_table(history(), Style(lang="ru", tz=UTC)), width=120)
    assert russian[1].split() == ["время", "алерт", "контракт", "размер", "цена", "доставка"]
    chinese = drawn(*history_table(history(), Style(lang="zh", tz=timezone(timedelta(hours=8)))), width=120)
    assert chinese[1].split() == ["时间", "提醒", "合约", "幅度", "价格", "送达"]
    assert chinese[2].startswith("22:13:20 UTC+08  📈 拉升")


def test_rows_of_another_year_say_so_and_those_of_a_named_day_say_the_time_alone() -> None:
    alert = StoredAlert(alert=pump("SOLUSDT", at_ms=NOW_MS - 365 * 86_400_000), delivery="sent")
    (row,) = drawn(*history_table(history(alerts=[alert]), Style(lang="en", tz=UTC)), width=120)[-1:]
    assert row.startswith("2025-09-21 14:13:20  📈 PUMP")
    (row,) = drawn(*history_table(history(alerts=[alert], day=date(2025, 9, 21)), Style(lang="en", tz=UTC)))[-1:]
    assert row.startswith("14:13:20 UTC  📈 PUMP")


@pytest.mark.parametrize("lang", ["en", "ru", "zh"])
def test_at_eighty_columns_no_line_is_wider_and_no_word_is_lost(lang: str) -> None:
    style = Style(lang=lang, tz=UTC)  # type: ignore[arg-type]
    lines = drawn(*history_table(history(), style))
    assert [line for line in lines if cell_len(line) > 80] == []
    for whole in ("1000000MOGUSDT", "币安人生USDT", "09-20 14:13:20", "+3.50"):
        assert any(whole in line for line in lines), whole


def test_stats_are_two_tables_and_nothing_is_one_line() -> None:
    stats = AlertStats(
        total=1205, by_kind={"price": 1203, "vol": 2}, by_symbol=[("币安人生USDT", 1200), ("BTCUSDT", 5)]
    )
    assert drawn(*stats_table(StatsShown(hours=24, stats=stats), Style(lang="en", tz=UTC))) == [
        "📈 1205 alerts in 24 h",
        "kind    alerts",
        "price    1,203",
        "volume       2",
        "contract      alerts",
        "币安人生USDT   1,200",
        "BTCUSDT            5",
    ]
    nothing = stats_table(StatsShown(hours=24, stats=AlertStats()), Style(lang="en", tz=UTC))
    assert drawn(*nothing) == ["📈 No alerts in 24 h."]
    assert drawn(*history_table(history(alerts=[]), Style(lang="en", tz=UTC))) == ["🕘 No alerts stored yet."]
