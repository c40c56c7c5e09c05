"""A role without what it needs: one line each, exit code 2, before anything is opened."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

TOKEN = f"123456:{'a' * 35}"
DATABASE = "postgresql://alt:very-secret-1@127.0.0.1:1/alt"


@pytest.mark.parametrize(
    ("package", "extra", "variable"), [("asyncpg", "postgres", "DATABASE_URL"), ("nats", "nats", "NATS_URL")]
)
def test_a_role_whose_package_is_not_installed_says_which_extra_has_it(
    tmp_path: Path, package: str, extra: str, variable: str
) -> None:
    (tmp_path / f"{package}.py").write_text(f"raise ImportError('No module named {package}')\n", "utf-8")
    python_path = os.pathsep.join((str(tmp_path), os.getcwd()))
    given = {"DATABASE_URL": DATABASE, "NATS_URL": "nats://127.0.0.1:1", "TG_BOT_TOKEN": TOKEN, "TG_CHAT_ID": "77"}
    code, lines = started("notify", **given, PYTHONPATH=python_path)
    assert code == 2
    assert lines == [f"{variable} is set, and the package for it is not installed: pip install 'altmonitor[{extra}]'"]


def started(role: str, **environ: str) -> tuple[int, list[str]]:
    """Exit code and what was said."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "altmonitor", "run", "--role", role, "--env-file", os.devnull],
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("role", ["feed", "notify", "web"])
def test_every_role_needs_a_database(role: str) -> None:
    code, lines = started(role, TG_BOT_TOKEN=TOKEN, TG_CHAT_ID="77")
    assert code == 2
    assert lines == [
        f"run --role {role} needs DATABASE_URL=postgresql://…: it is what the processes of a cluster share"
    ]


def test_what_speaks_to_chats_needs_a_bot_chats_and_the_history() -> None:
    code, lines = started("notify", DATABASE_URL=DATABASE, HISTORY_ENABLED="false")
    assert code == 2
    assert lines == [
        "run --role notify needs HISTORY_ENABLED=true: what is to be sent is kept there",
        "run --role notify needs TG_BOT_TOKEN and TG_CHAT_ID, the same on every machine",
    ]


@pytest.mark.parametrize("role", ["feed", "notify"])
def test_a_database_that_cannot_be_reached_ends_the_start_in_one_line_without_its_password(role: str) -> None:
    code, lines = started(role, DATABASE_URL=DATABASE, TG_BOT_TOKEN=TOKEN, TG_CHAT_ID="77", API_PORT="0")
    assert code == 2
    assert sum("CRITICAL" in line for line in lines) == 1
    assert 1 <= sum("127.0.0.1:1" in line and "cannot be reached" in line for line in lines) <= 2
    assert "very-secret" not in "".join(lines)


def test_pages_over_a_database_that_is_away_say_so_and_go_on() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH") if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-m", "altmonitor", "run", "--role", "web", "--env-file", os.devnull],
        env={**kept, "DATABASE_URL": DATABASE, "API_PORT": "0"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            port = next(found[1] for line in process.stderr if (found := re.search(r"127\.0\.0\.1 port (\d+)", line)))
            with pytest.raises(HTTPError) as refused:
                urlopen(f"http://127.0.0.1:{port}/health", timeout=30)
            health = json.load(refused.value)
            refused.value.close()
        finally:
            process.terminate()
            rest = process.stderr.read()
    assert (refused.value.code, health["status"]) == (503, "down")
    assert "cannot be reached (connection refused): start it, or correct DATABASE_URL" in str(health["trouble"])
    assert "very-secret" not in f"{health}{rest}"
