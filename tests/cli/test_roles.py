"""A role without what it needs: one line each, exit code 2, before anything is opened."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TOKEN = f"123456:{'a' * 35}"
DATABASE = "postgresql://alt:very-secret-1@127.0.0.1:1/alt"


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
