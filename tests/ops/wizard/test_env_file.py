"""`.env` is changed line by line, and the monitor reads back what was written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from altmonitor.core.errors import ConfigError
from altmonitor.ops.wizard import env_file

COMMENTED = """\
# my bot, do not touch

export TG_BOT_TOKEN='old'   # from BotFather
TG_CHAT_ID=1 # me
MY_TG_CHAT_ID=keep
TG_CHAT_ID_OLD=keep
#TG_CHAT_ID=commented out
  PUMP_THRESHOLD = 3.0
this line is broken
NOTE="two
TG_CHAT_ID=not a setting
lines"
LAST=1"""


def test_only_the_named_values_change_and_every_other_byte_stays() -> None:
    changed = env_file.edited(COMMENTED, {"TG_BOT_TOKEN": "1:new", "TG_CHAT_ID": "-100/42", "COOLDOWN_SEC": "60"})
    assert (
        changed
        == """\
# my bot, do not touch

export TG_BOT_TOKEN=1:new   # from BotFather
TG_CHAT_ID=-100/42 # me
MY_TG_CHAT_ID=keep
TG_CHAT_ID_OLD=keep
#TG_CHAT_ID=commented out
  PUMP_THRESHOLD = 3.0
this line is broken
NOTE="two
TG_CHAT_ID=not a setting
lines"
LAST=1
COOLDOWN_SEC=60
"""
    )


def test_writing_the_same_values_again_changes_nothing() -> None:
    once = env_file.edited(COMMENTED, {"TG_CHAT_ID": "5", "NEW": "a b"})
    assert env_file.edited(once, {"TG_CHAT_ID": "5", "NEW": "a b"}) == once


def test_windows_line_ends_and_a_byte_order_mark_stay() -> None:
    changed = env_file.edited("\ufeffA=1 # one\r\nB='2'#two\r\n", {"A": "9", "B": "8", "C": "7"})
    assert changed == "\ufeffA=9 # one\r\nB=8 #two\r\nC=7\r\n"


def test_of_two_lines_with_one_name_the_one_that_counts_is_changed() -> None:
    assert env_file.edited("A=1\nA=2\n", {"A": "3"}) == "A=1\nA=3\n"


def test_a_name_without_a_value_gets_one() -> None:
    assert env_file.edited("A\nB=\n", {"A": "1", "B": "2"}) == "A=1\nB=2\n"


def test_a_bare_name_behind_its_value_takes_it_away_as_the_monitor_reads_it() -> None:
    assert env_file.values("A=1\nB=2\nB\n") == {"A": "1"}


def test_a_value_or_a_name_of_several_lines_is_read_alike_with_every_kind_of_line_end() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert env_file.values(f"A='one{end}two'{end}B=2{end}'C{end}D'=3{end}") == {
            "A": "one\ntwo",
            "B": "2",
            "C\nD": "3",
        }


def test_behind_a_quote_left_open_nothing_is_written_but_before_it() -> None:
    assert env_file.edited("' oops\n", {"A": "it's"}) == "A='it\\'s'\n' oops\n"


@pytest.mark.parametrize("value", ["two\nlines", "carriage\rreturn", "nul\0"])
def test_a_value_that_no_reader_reads_alike_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="A must stand on one line"):
        env_file.edited("", {"A": value})


LINES = st.one_of(
    st.sampled_from(
        ["# note", "", "A=1", "export A=2 # c", "A='q # q'", 'A="x" # y', "A= # z", "B=5#5", "A", "oops here", " A = 7"]
    ),
    st.text(alphabet="AB=#'\" x\\", max_size=12),
)


@given(
    lines=st.lists(LINES, max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    value=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\x85"), max_size=20),
)
@example(lines=["A='x'#c"], end="\n", value="a'b\\")
@example(lines=["A=\"it's"], end="\n", value="")
@example(lines=["B=", "B"], end="\n", value="")
@example(lines=["A#"], end="\n", value="")
@example(lines=["A # later", "B=5"], end="\n", value="7")
@example(lines=["B='", "'"], end="\r\n", value="")
def test_whatever_stands_in_the_file_the_monitor_reads_what_was_written(
    lines: list[str], end: str, value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = end.join(lines)
    others = {name: given for name, given in env_file.values(before).items() if name != "A"}
    try:
        after = env_file.edited(before, {"A": value})
    except ValueError as refused:
        assert str(refused) == "a quote is opened and not closed"
        assert "'" in before or '"' in before
        return
    path = tmp_path_factory.getbasetemp() / "property.env"
    path.write_bytes(after.encode())
    read = {name: given for name, given in dotenv_values(path, interpolate=False).items() if given is not None}
    assert read == {**others, "A": value}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_and_its_backup_are_private_and_the_backup_is_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(COMMENTED)
    path.chmod(0o644)
    (tmp_path / ".env.bak").write_text("of another time")
    (tmp_path / ".env.bak").chmod(0o644)
    written = env_file.write(path, {"TG_CHAT_ID": "7"})
    assert written == env_file.Written(is_changed=True, backup=tmp_path / ".env.bak")
    assert (mode(path), mode(tmp_path / ".env.bak")) == (0o600, 0o600)
    assert (tmp_path / ".env.bak").read_text() == COMMENTED
    assert sorted(os.listdir(tmp_path)) == [".env", ".env.bak"]


def test_a_new_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        written = env_file.write(tmp_path / ".env", {"TG_CHAT_ID": "7"})
    finally:
        os.umask(before)
    assert written == env_file.Written(is_changed=True, backup=None)
    assert mode(tmp_path / ".env") == 0o600
    assert (tmp_path / ".env").read_text() == "TG_CHAT_ID=7\n"


def test_nothing_to_change_still_takes_the_file_away_from_others(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)
    assert env_file.write(path, {"A": "1"}) == env_file.Written(is_changed=False)
    assert mode(path) == 0o600
    assert not (tmp_path / ".env.bak").exists()


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "env").write_text("A=1\n")
    (tmp_path / ".env").symlink_to("real/env")
    env_file.write(tmp_path / ".env", {"A": "2"})
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "real" / "env").read_text() == "A=2\n"


def test_a_folder_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        env_file.write(tmp_path / "nowhere" / ".env", {"A": "2"})
    (line,) = caught.value.problems
    assert line.endswith(".env cannot be written (No such file or directory): its folder does not exist; create it")


def test_a_file_that_is_not_text_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        env_file.write(path, {"A": "2"})
    assert path.read_bytes() == b"A=\xff\n"


def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    limited = f"""
import resource, signal, sys
from pathlib import Path
from altmonitor.core.errors import ConfigError
from altmonitor.ops.wizard import env_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2, 2))
try:
    env_file.write(Path({str(path)!r}), {{"A": "a longer value"}})
except ConfigError as problem:
    print(problem)
"""
    ran = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(f"{path} cannot be written (File too large)")
    assert path.read_text() == "A=1\n"
    assert os.listdir(tmp_path) == [".env"]
