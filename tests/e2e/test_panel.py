"""`altmonitor panel` as a person meets it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from altmonitor.exchanges.binance.smart_money import PATH
from altmonitor.sim.control import RestFault
from altmonitor.sim.market import SeededMarket
from tests.tracker.processes import Town, town


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path, kind=SeededMarket) as there:
        yield there


async def test_a_page_and_a_picture_are_written_where_they_were_asked_for(here: Town) -> None:
    said = await here.says("panel", "eth", "--out", "eth.png")
    assert (said.code, said.out, said.err) == (0, "eth.png\n", "")
    with Image.open(here.folder / "eth.png") as image:
        assert image.size == (900, 1280)
    said = await here.says("panel", "ETH", "--lang", "ru")
    assert (said.code, said.out) == (0, "ETHUSDT-panel.html\n")
    page = (here.folder / "ETHUSDT-panel.html").read_text("utf-8")
    assert "Кто в позиции" in page
    assert "http" not in page


async def test_the_language_is_the_options_then_the_panels_then_that_of_alerts(here: Town) -> None:
    for options, environ, word in (
        (("--lang", "en"), {"SMART_MONEY_CARD_LANG": "zh"}, "Who is positioned"),
        ((), {"SMART_MONEY_CARD_LANG": "zh", "ALERT_LANG": "ru"}, "谁在持仓"),
        ((), {"ALERT_LANG": "ru"}, "Кто в позиции"),
    ):
        await here.says("panel", "BTC", "--out", "b.html", *options, **environ)
        assert word in (here.folder / "b.html").read_text("utf-8")


async def test_what_stands_in_the_way_is_one_line_and_no_file(here: Town) -> None:
    said = await here.says("panel", "NOSUCH")
    assert (said.code, said.out) == (1, "")
    assert said.err == "NOSUCHUSDT: followed traders: no data for this symbol\n"
    said = await here.says("panel", "ETH", "--out", "eth.gif")
    assert (said.code, said.err) == (2, "--out eth.gif must end in .html, .htm, .png\n")
    said = await here.says("panel", "ETH", "--out", "nowhere/eth.png")
    assert (said.code, said.err) == (1, "nowhere/eth.png cannot be written: No such file or directory\n")
    here.exchange.faults.rest[PATH] = RestFault(status=418, retry_after="3600")
    said = await here.says("panel", "ETH")
    assert said.code == 1
    assert said.err.startswith("ETHUSDT: followed traders: refused until ")
    assert not list(here.folder.glob("*.html"))
