"""The last of the log, beside the database."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from altmonitor.core import log
from altmonitor.core.log_file import LOG_BYTES, keep_log, kept_lines, log_beside


@pytest.fixture(autouse=True)
def _root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def begin(database: Path) -> logging.Logger:
    log.configure(secrets=("http-pass",))
    keep_log(database)
    return logging.getLogger("altmonitor.test")


def test_what_is_logged_is_kept_for_its_owner_alone_without_secrets(tmp_path: Path) -> None:
    begin(tmp_path / "alerts.db").warning("asked with %s", "http-pass")
    (line,) = kept_lines(tmp_path / "alerts.db")
    assert line.endswith("WARNING altmonitor.test: asked with ***")
    assert stat.S_IMODE((tmp_path / "alerts.db.log").stat().st_mode) == 0o600


def test_only_the_last_of_it_is_kept(tmp_path: Path) -> None:
    logger = begin(tmp_path / "alerts.db")
    for number in range(8_000):
        logger.info("line %d of many that are about as long as lines of a log are as a rule", number)
    lines = kept_lines(tmp_path / "alerts.db")
    assert lines[-1].split("line ")[1].startswith("7999 ")
    assert len(lines) > 1_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alerts.db.log", "alerts.db.log.1"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2 * LOG_BYTES


def test_no_link_is_followed_and_a_folder_that_is_missing_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "theirs").write_text("theirs")
    log_beside(tmp_path / "alerts.db").symlink_to(tmp_path / "theirs")
    begin(tmp_path / "alerts.db").warning("one")
    begin(tmp_path / "missing" / "alerts.db").warning("two")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert kept_lines(tmp_path / "missing" / "alerts.db") == []
    assert "Logging error" not in capsys.readouterr().err
