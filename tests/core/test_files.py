from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from altmonitor.core.files import (
    close_database_to_others,
    close_to_others,
    make_private,
    open_private,
    read_regular,
    write_atomically,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture(autouse=True)
def _open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_made_is_readable_by_nobody_else_from_the_first_byte(tmp_path: Path) -> None:
    os.close(open_private(tmp_path / "lock", os.O_RDWR))
    make_private(tmp_path / "alerts.db")
    write_atomically(tmp_path / "block.json", b"{}")
    assert [(path.name, mode(path)) for path in sorted(tmp_path.iterdir())] == [
        ("alerts.db", 0o600),
        ("block.json", 0o600),
        ("lock", 0o600),
    ]


def test_no_link_in_the_place_of_a_small_file_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    (tmp_path / "symbolic").symlink_to(victim)
    (tmp_path / "nowhere").symlink_to(tmp_path / "made")
    os.link(victim, tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("symbolic", "nowhere", "hard", "pipe", "folder"):
        with pytest.raises(OSError, match=r"\w"):
            open_private(tmp_path / name, os.O_RDWR)
    assert victim.read_text("utf-8") == "precious"
    assert not (tmp_path / "made").exists()


def test_a_file_that_is_replaced_does_not_follow_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    (tmp_path / "block.json").symlink_to(victim)
    write_atomically(tmp_path / "block.json", b"{}")
    assert (victim.read_text("utf-8"), (tmp_path / "block.json").is_symlink()) == ("precious", False)


def test_a_database_is_made_through_no_link_and_opened_through_ones_own(tmp_path: Path) -> None:
    (tmp_path / "nowhere.db").symlink_to(tmp_path / "made.db")
    with pytest.raises(OSError, match="it is a link that leads nowhere"):
        make_private(tmp_path / "nowhere.db")
    assert not (tmp_path / "made.db").exists()
    (tmp_path / "real.db").write_bytes(b"x")
    (tmp_path / "own.db").symlink_to(tmp_path / "real.db")
    make_private(tmp_path / "own.db")
    assert (tmp_path / "real.db").read_bytes() == b"x"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a link away")
def test_a_link_of_another_user_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real.db").touch()
    (tmp_path / "alerts.db").symlink_to(tmp_path / "real.db")
    os.lchown(tmp_path / "alerts.db", 65534, 65534)
    with pytest.raises(OSError, match="belongs to another user"):
        make_private(tmp_path / "alerts.db")


def test_old_files_are_closed_to_others_and_links_beside_them_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    names = ("a.db", "a.db-wal", "a.db-shm", "a.db.lock", "a.db.seen", "a.db.before-v5-17", "a.db.corrupt-17", "b.db")
    for path in (victim, *(tmp_path / name for name in names)):
        path.touch(0o644)
    (tmp_path / "a.db.corrupt-18").symlink_to(victim)
    close_database_to_others(tmp_path / "a.db")
    assert {name: mode(tmp_path / name) for name in names} == {
        **dict.fromkeys(names, 0o600),
        "b.db": 0o644,
    }
    assert mode(victim) == 0o644


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another group")
def test_a_group_that_was_given_rights_on_purpose_keeps_them_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.touch(0o644)
    os.chown(path, -1, 65534)
    assert close_to_others(path, keep_group=True)
    assert mode(path) == 0o640
    assert not close_to_others(path, keep_group=True)
    assert close_to_others(path)
    assert mode(path) == 0o600
    assert not close_to_others(tmp_path / "none")


def test_a_pipe_or_a_folder_in_the_place_of_a_file_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match=r"it is no file|Is a directory"):
            read_regular(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"words")
    assert read_regular(tmp_path / "file") == b"words"
