"""What is wrong with a file of settings: file, line, cause, way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.config import load
from altmonitor.core.env_file import SAVE_AS_UTF8, read_env_file, read_env_text
from altmonitor.core.errors import ConfigError


def is_ours(name: str) -> bool:
    return name in ("TG_BOT_TOKEN", "TG_CHAT_ID", "DB_FILE")


def refusal(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / ".env"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_env_text(path)
    return str(caught.value).replace(str(path), ".env")


def read(tmp_path: Path, text: str) -> tuple[dict[str, str], list[str], list[str]]:
    path = tmp_path / ".env"
    path.write_text(text, "utf-8")
    found = read_env_file(path, is_ours=is_ours)
    problems, remarks = (
        [line.replace(str(path), ".env") for line in lines] for lines in (found.problems, found.remarks)
    )
    return found.values, problems, remarks


def test_other_encodings_are_named(tmp_path: Path) -> None:
    words = "TG_CHAT_ID=5\nDB_FILE=a.db\n"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        said = refusal(tmp_path, words.encode(encoding))
        assert said == f".env line 1: this is UTF-16, not UTF-8 text: {SAVE_AS_UTF8}"
    assert refusal(tmp_path, "A=1\nB=2\n# Порог\n".encode("cp1251")) == (
        f".env line 3: this is not UTF-8 text (byte 0xcf): {SAVE_AS_UTF8}"
    )
    damaged = words.encode() + "ab".encode("utf-16-le") + b"x" * 40
    assert refusal(tmp_path, damaged).startswith(".env line 3: a NUL byte, so the file is damaged or no text")
    assert refusal(tmp_path, words.encode() * 3 + words.encode("utf-16")).startswith(".env line 7: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigError, match=r"\.env cannot be read: Is a directory"):
        read_env_text(tmp_path / ".env")
    assert read_env_text(tmp_path / "none") == ""


def test_a_quote_that_is_not_closed_is_named_with_what_it_takes_along(tmp_path: Path) -> None:
    not_closed = "a quote is opened and not closed"
    behind = "or something stands behind the closing one: correct"
    assert read(tmp_path, 'A=1\nTG_CHAT_ID="5\nB=2\n')[1] == [f".env line 2: {not_closed}, {behind} TG_CHAT_ID"]
    assert read(tmp_path, 'A="x\nTG_CHAT_ID=5\nDB_FILE="b"\n')[1] == [
        f".env line 1: {not_closed}, which takes TG_CHAT_ID, DB_FILE with it, {behind} A"
    ]
    assert read(tmp_path, 'A="x\nTG_CHAT_ID=5\nB=7"\n')[1] == [
        ".env line 1: the quote opened at A is closed only behind TG_CHAT_ID, which are lost by it: close it"
    ]
    assert read(tmp_path, "TG_CHAT_ID='5' 6\n")[1] == [f".env line 1: {not_closed}, {behind} TG_CHAT_ID"]


def test_what_another_program_cannot_mean_for_us_is_a_remark(tmp_path: Path) -> None:
    values, problems, remarks = read(tmp_path, "some words\nTHEIRS=\"x\nDB_FILE=a.db\nKEY='---\nabc=\n---'\n")
    assert values == {"DB_FILE": "a.db", "KEY": "---\nabc=\n---"}
    assert problems == []
    assert remarks == [
        ".env line 1: 'some words' is not NAME=value: write some=…, or # before it",
        ".env line 2: a quote is opened and not closed, or something stands behind the closing one: correct THEIRS",
    ]


def test_a_line_of_ours_without_an_equals_sign_is_a_problem_and_its_secret_stays_hidden(tmp_path: Path) -> None:
    token = "123456789:AAHkQ0123456789abcdefghijklmnopqrst"
    assert read(tmp_path, f"TG_BOT_TOKEN: {token}\n")[1] == [
        ".env line 1: 'TG_BOT_TOKEN: ***' is not NAME=value: write TG_BOT_TOKEN=…, or # before it"
    ]
    assert read(tmp_path, f": {token}\n")[2] == [".env line 1: ': ***' is not NAME=value: write NAME=…, or # before it"]


def test_signs_nobody_sees_make_no_other_name(tmp_path: Path) -> None:
    mark = "a byte-order mark in the middle, as when two files were joined: type that line anew"
    assert read(tmp_path, "\ufeffDB_FILE=a\n\ufeffTG_CHAT_ID=5\n")[1] == [f".env line 2: {mark}"]
    assert read(tmp_path, "DB_FILE=a\ufeffTG_CHAT_ID=5\n")[1] == [f".env line 1: {mark}"]
    for sign, name in (("\u200b", "ZERO WIDTH SPACE"), ("\u00ad", "SOFT HYPHEN"), ("-", "HYPHEN-MINUS")):
        assert read(tmp_path, f"A=1\n{sign}TG_CHAT_ID=5\n")[1] == [
            f".env line 2: what stands before TG_CHAT_ID ({name}) makes it another name: type that line anew"
        ]


def test_a_start_names_the_file_the_line_and_what_else_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text('TELEGRAM_CHAT_ID=5\nDB_FILE="a.db\n', "utf-8")
    with pytest.raises(ConfigError) as caught:
        load({}, env_file=path)
    first, second = caught.value.problems
    assert first.startswith(f"{path} line 2: a quote is opened and not closed")
    assert second == "TELEGRAM_CHAT_ID is not a setting of altmonitor: did you mean TG_CHAT_ID?"
