"""The demo of history: from the simulated archive to thresholds and a replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.cli import demo_replay as demo


def test_it_fetches_tunes_and_replays_and_says_each_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SYMBOLS", ("BTCUSDT",))
    assert demo.demo_replay(seed=1, keep=tmp_path) == 0
    shown = capsys.readouterr().out
    assert [line[2:].split()[1] for line in shown.splitlines() if line.startswith("$ ")] == [
        "archive",
        "tune",
        "replay",
    ]
    assert "31 files read; 51840 rows are new" in shown
    assert "each day held back: " in shown
    assert "2026-09-01 00:00 … 2026-10-01 00:00 UTC, 1 symbol, 43200 candles" in shown
    assert "not distinguishable from chance" in shown
    report = tmp_path / "demo-replay.html"
    assert f"The report, with pictures, for a browser: {report.resolve()}" in shown
    assert "Thresholds for about 20 alerts a day" in report.read_text("utf-8")
