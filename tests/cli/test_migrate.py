"""What `altmonitor migrate` refuses before it looks at anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from altmonitor.cli.main import cli
from tests.scale.servers import free_port


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["migrate", *arguments])
    return done.exit_code, done.output


def test_without_an_address_or_with_one_of_something_else_it_says_what_to_write() -> None:
    assert refused() == (
        2,
        "migrate needs --to with an address such as postgresql://host:5432/database, user:password@ before the host\n",
    )
    code, text = refused("--to", "mysql://ann:hunter2@db/alerts")
    assert (code, text) == (
        2,
        "--to needs an address such as postgresql://host:5432/database, user:password@ before the host\n",
    )


def test_without_a_file_there_is_nothing_to_copy_and_no_password_is_shown() -> None:
    code, text = refused("--to", f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/alerts")
    assert (code, text) == (1, "alerts.db is not there: set DB_FILE to the database that is to be copied\n")
