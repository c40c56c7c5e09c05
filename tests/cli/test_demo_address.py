"""The address of the demo's dashboard, for whoever clicks at once."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest

from tests.ops.screen import CTRL_C, altmonitor_in_terminal

SHOWN_S = 100.0  # on a machine that does much else


@pytest.mark.timeout(200)
async def test_the_address_of_the_dashboard_is_printed_when_it_answers_there(tmp_path: Path) -> None:
    words = ("demo", "--symbols", "40", "--lang", "en")
    async with (
        altmonitor_in_terminal(*words, environ={}, folder=tmp_path, size=(40, 120)) as screen,
        aiohttp.ClientSession() as http,
    ):
        await screen.sees_anywhere("Dashboard: http://127.0.0.1:", within_s=SHOWN_S)
        found = re.search(r"Dashboard: (http://127\.0\.0\.1:\d+/)", screen.all)
        assert found is not None
        async with http.get(found[1]) as answer:  # at once, with no second try
            assert answer.status == 200
        assert "simulated exchange" in screen.all[: found.start()]
        assert "PUMP" not in screen.all[: found.start()].replace("PUMP +", ""), "among the first lines"
        screen.types(CTRL_C, enter=False)
        assert await screen.ended() == 0
