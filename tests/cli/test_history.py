"""`altmonitor history` and `stats` on a database: names as people write them, each event once, every kind."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

import click
import pytest

from altmonitor import config as configuration
from altmonitor.cli.common import Session
from altmonitor.cli.history import history, stats
from altmonitor.cli.parameters import KindOfAlert
from altmonitor.core.alert import Kind
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ConfigError
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.storage.samples import GROUP, PRIVATE, pump


async def fill(path: Path) -> None:
    clock = SystemClock()
    ts = clock.now_ms() / 1000 - 60
    at_ms = int(ts * 1000)
    async with SqliteStore(path, clock=clock, options=StoreOptions(destinations=(PRIVATE, GROUP))) as store:
        store.put(pump("LINKUSDT", key="price:LINKUSDT:PUMP:1m:1", ts=ts, at_ms=at_ms), to=(PRIVATE,))
        store.put(pump("LINKUSDT", key=f"price:LINKUSDT:PUMP:1m:1@{GROUP}", ts=ts, at_ms=at_ms), to=(GROUP,))
        store.put(pump("1000PEPEUSDT", key="price:1000PEPEUSDT:PUMP:1m:1", ts=ts, at_ms=at_ms))
        store.put(pump("币安人生USDT", key="price:币安人生USDT:PUMP:1m:1", ts=ts, at_ms=at_ms))


@pytest.fixture
def opened(tmp_path: Path) -> Session:
    asyncio.run(fill(tmp_path / "alerts.db"))
    config, _ = configuration.load({"DB_FILE": str(tmp_path / "alerts.db")}, env_file=tmp_path / ".env")
    return Session(config=config, clock=SystemClock(), warnings=())


def rows(opened: Session, said: pytest.CaptureFixture[str], symbol: str | None = None) -> list[dict[str, object]]:
    assert history(opened, symbol=symbol, limit=20, kind=None, as_json=True) == 0
    found: list[dict[str, object]] = json.loads(said.readouterr().out)
    return found


def test_a_name_as_people_write_it_finds_the_contract_and_each_event_once(
    opened: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("LINK", "link", "LINKUSDT", "link/usdt", "$LINK", "LINKUSDT.P"):
        assert [row["symbol"] for row in rows(opened, capsys, word)] == ["LINKUSDT"], word
    assert len(rows(opened, capsys)) == 3


def test_a_row_says_window_and_price(opened: Session, capsys: pytest.CaptureFixture[str]) -> None:
    history(opened, symbol="币安人生", limit=20, kind="price", as_json=False)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split("PUMP")[1].split("  ") == ["", "币安人生USDT", "+3.50 % in 1 m", "103.5", "waiting"]


def test_a_name_without_alerts_is_said_with_those_it_may_mean(
    opened: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    history(opened, symbol="pepe", limit=20, kind=None, as_json=False)
    assert "Did you mean 1000PEPEUSDT?" in capsys.readouterr().out
    assert rows(opened, capsys, "pepe") == []


def test_every_kind_can_be_asked_for_and_no_other() -> None:
    choice = KindOfAlert()
    assert [choice.convert(kind, None, None) for kind in get_args(Kind)] == list(get_args(Kind))
    with pytest.raises(click.BadParameter, match="condition"):
        choice.convert("volume", None, None)


def test_a_day_is_one_of_the_zone_of_the_settings_and_all_of_it_is_shown(
    opened: Session, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config, _ = configuration.load(
        {"DB_FILE": str(tmp_path / "alerts.db"), "ALERT_TZ": "UTC+14"}, env_file=tmp_path / ".env"
    )
    there = Session(config=config, clock=opened.clock, warnings=())
    for session in (opened, there):
        now = datetime.fromtimestamp(session.clock.now_ms() / 1000 - 60, session.style.tz)
        for date in (f"{now:%Y-%m-%d}", f"{now:%d.%m.}", f"{now.day} {now:%B}"):
            assert history(session, symbol=None, limit=None, kind=None, as_json=True, date=date) == 0
            assert len(json.loads(capsys.readouterr().out)) == 3, date
        history(session, symbol=None, limit=2, kind=None, as_json=False, date=f"{now:%Y-%m-%d}")
        said = capsys.readouterr().out
        assert said.startswith(f"🕘 The last 2 alerts on {now:%Y-%m-%d} ")
        history(session, symbol="link", limit=None, kind=None, as_json=False, date=str(now.date() - timedelta(days=3)))
        assert f"No alerts on {now.date() - timedelta(days=3)} " in capsys.readouterr().out


def test_what_is_no_day_of_the_past_is_refused_with_the_forms_there_are(opened: Session) -> None:
    for date in ("tomorrow", "2999-01-01", "31.02", "5/6", "", "nan"):
        with pytest.raises(
            ConfigError, match=r"Write it as 2026-11-29, 29\.11, 29\.11\.2026, 29 Nov, today, yesterday"
        ):
            history(opened, symbol=None, limit=None, kind=None, as_json=True, date=date)


def test_totals_count_events(opened: Session, capsys: pytest.CaptureFixture[str]) -> None:
    stats(opened, hours=720, venue=None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["total"], found["by_kind"], found["by_venue"]) == (3, {"price": 3}, {"binance": 3})
    stats(opened, hours=720, venue="okx", as_json=True)
    assert json.loads(capsys.readouterr().out)["total"] == 0
    history(opened, symbol=None, limit=20, kind=None, as_json=True, venue="okx")
    assert json.loads(capsys.readouterr().out) == []
