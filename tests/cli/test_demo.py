"""The demo as somebody sees it who has just cloned: in a terminal of its own, from the first line to the last."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from altmonitor.cli.demo import next_step
from tests.ops.screen import CTRL_C, altmonitor_in_terminal

SHOWN_S = 100.0  # on a machine that does much else; alone it takes 15


@pytest.mark.timeout(300)
async def test_price_open_interest_and_volume_are_told_in_a_small_window(tmp_path: Path) -> None:
    words = ("demo", "--symbols", "120", "--lang", "en")
    async with altmonitor_in_terminal(*words, environ={}, folder=tmp_path, size=(24, 80)) as screen:
        for told in (" PUMP ", " OI SURGE ", " VOLUME "):
            await screen.sees_anywhere(told, within_s=SHOWN_S)
        screen.types("/status")
        await screen.sees("Detected in", within_s=SHOWN_S)
        screen.types(CTRL_C, enter=False)
        assert await screen.ended() == 0

        lines = [line for line in screen.all.split("\n") if not line.startswith(("/status", "^C"))]
        assert [line for line in lines if cell_len(line.rstrip()) > 80] == []
        assert [line for line in lines if re.match(r"\d{4}-\d\d-\d\dT|Traceback", line)] == []
        assert "python3 setup_wizard.py" in screen.all.split("alerts: ")[1]


@pytest.mark.timeout(200)
async def test_every_language_can_be_chosen_and_a_fast_clock_is_not_taken_for_a_wrong_one(tmp_path: Path) -> None:
    words = ("demo", "--symbols", "60", "--lang", "ru", "--speed", "80")
    async with altmonitor_in_terminal(*words, environ={}, folder=tmp_path, size=(40, 120)) as screen:
        await screen.sees_anywhere(" ПАМП ", within_s=SHOWN_S)
        await screen.sees_anywhere("✅ altmonitor ", within_s=SHOWN_S)
        screen.types(CTRL_C, enter=False)
        assert await screen.ended() == 0
        assert "Часы этой машины" not in screen.all


def test_the_next_step_is_what_works_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert next_step().endswith("python3 setup_wizard.py")
    monkeypatch.setattr("altmonitor.__file__", str(tmp_path / "site-packages" / "altmonitor" / "__init__.py"))
    assert next_step().endswith("altmonitor setup")
