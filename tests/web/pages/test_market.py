from __future__ import annotations

from datetime import UTC

import pytest

from altmonitor.operations.board import MarketRow, MarketTable
from altmonitor.render.format import Style
from altmonitor.web.pages.market import live_cells, market_view
from altmonitor.web.pages.tables import oi_change_cell

STYLE = Style(lang="en", tz=UTC)


def table(*rows: MarketRow) -> MarketTable:
    return MarketTable(as_of_ms=0, sweep=1, source="", listed=len(rows), covered=len(rows), coverage=1.0, rows=rows)


THREE = table(
    MarketRow(symbol="BTCUSDT", price=65_432.1, price_age_s=0.4, change_5m_pct=-0.5, oi_usd=5e9, volume_24h_usdt=9e9),
    MarketRow(symbol="DOGEUSDT", price=0.2, change_5m_pct=4.25, oi_usd=1e8, volume_24h_usdt=2e6),
    MarketRow(symbol="NEWUSDT"),
)


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ({}, ["BTCUSDT", "DOGEUSDT", "NEWUSDT"]),
        ({"sort": "oi", "dir": "up"}, ["DOGEUSDT", "BTCUSDT", "NEWUSDT"]),
        ({"sort": "change_5m"}, ["DOGEUSDT", "BTCUSDT", "NEWUSDT"]),
        ({"sort": "symbol"}, ["BTCUSDT", "DOGEUSDT", "NEWUSDT"]),
        ({"sort": "symbol", "dir": "down"}, ["NEWUSDT", "DOGEUSDT", "BTCUSDT"]),
        ({"sort": "nonsense", "dir": "sideways"}, ["BTCUSDT", "DOGEUSDT", "NEWUSDT"]),
        ({"q": "dog"}, ["DOGEUSDT"]),
        ({"q": "<b>"}, []),
        ({"floor": "1m"}, ["BTCUSDT", "DOGEUSDT"]),
        ({"floor": "100m"}, ["BTCUSDT"]),
        ({"floor": "7"}, ["BTCUSDT", "DOGEUSDT", "NEWUSDT"]),
    ],
)
def test_the_address_says_which_rows_are_shown_in_which_order(query: dict[str, str], symbols: list[str]) -> None:
    view = market_view(THREE, query, STYLE)
    assert [line.symbol for line in view.lines] == symbols
    assert (view.count, view.total) == (len(symbols), 3)


def test_a_head_sorts_by_its_column_or_turns_the_order_round_and_keeps_the_filters() -> None:
    heads = {head.name: head for head in market_view(THREE, {"q": "usd", "sort": "change_5m"}, STYLE).heads}
    assert (heads["5 m"].href, heads["5 m"].aria) == ("?q=usd&sort=change_5m&dir=up", "descending")
    assert (heads["OI"].href, heads["OI"].aria) == ("?q=usd&sort=oi&dir=down", "")
    assert heads["Symbol"].href == "?q=usd&sort=symbol&dir=up"


def test_unknown_numbers_are_dashes_and_ages_stand_with_the_row() -> None:
    btc, _, new = market_view(THREE, {"sort": "symbol"}, STYLE).lines
    assert [text for text, _ in new.cells] == ["–"] * 13
    assert btc.title == "Price 0 s old"
    assert btc.cells[0] == ("65,432.1", "")
    assert btc.cells[2] == ("−0.50 %", "down")


def test_open_interest_is_coloured_beyond_one_percent() -> None:
    assert [oi_change_cell(value)[1] for value in (1.01, 1.0, -1.0, -1.01, None)] == ["up", "", "", "down", ""]


def test_cells_are_told_for_the_rows_on_the_screen_only() -> None:
    found = live_cells(THREE, ["DOGEUSDT", "NOSUCHUSDT"], STYLE)
    assert list(found) == ["DOGEUSDT"]
    assert found["DOGEUSDT"][:5] == ["", "0.2", "–", ["+4.25 %", "up"], "–"]  # type: ignore[index]
