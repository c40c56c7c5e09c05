"""Reading `.env`: names and values as python-dotenv reads them, and what is wrong with the file itself.

That library skips what it cannot read, and takes a name with an invisible sign in it for another name; either way a
setting is gone without a word. Here each such line is named with its cause and the way out.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from altmonitor.core.errors import ConfigError
from altmonitor.core.redaction import without_secrets

BOM = "\ufeff"
SAVE_AS_UTF8 = "save it as UTF-8 (Notepad: Save as, Encoding; PowerShell: Set-Content -Encoding utf8)"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NAME_AT_START = re.compile(r"\s*(?:export\s+|set\s+|\$env:)?['\"]?([A-Za-z_][A-Za-z0-9_]*)")
_NAME_IN_VALUE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)
_NAME_AT_END = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """values: the last of several lines with one name counts; empty ones are there. problems, remarks: a line each."""

    values: dict[str, str]
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_env_text(path: Path) -> str:
    """The file as it is, line ends and mark included; '' without a file. Raises: ConfigError, one line."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as problem:
        raise ConfigError([f"{path} cannot be read: {problem.strerror}"]) from problem
    if content.startswith(_UTF16_MARKS) or (b"\0" in content and _is_utf16(content)):
        raise ConfigError([f"{path} line 1: this is UTF-16, not UTF-8 text: {SAVE_AS_UTF8}"])
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise ConfigError([f"{path} line {line}: a NUL byte, so the file is damaged or no text: write that line anew"])
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        line, byte = content[: problem.start].count(b"\n") + 1, content[problem.start]
        raise ConfigError(
            [f"{path} line {line}: this is not UTF-8 text (byte 0x{byte:02x}): {SAVE_AS_UTF8}"]
        ) from problem


def _is_utf16(content: bytes) -> bool:
    """Without a mark: of plain letters every second byte is 0."""
    return max(content[::2].count(0), content[1::2].count(0)) * 4 >= len(content)


def read_env_file(path: Path, *, is_ours: Callable[[str], bool]) -> EnvFile:
    """No values without a file. is_ours: whether a name is one of our settings; only their lines are problems, since
    the file may be shared with other programs. Raises: ConfigError when it cannot be read at all."""
    text = read_env_text(path)
    values: dict[str, str] = {}
    problems: list[str] = []
    remarks: list[str] = []
    for line, what in _marks_within(text):
        problems.append(f"{path} line {line}: {what}")
    for binding in parse_stream(io.StringIO(text.removeprefix(BOM).replace(BOM, ""))):
        line = binding.original.line
        if binding.error:
            is_problem, what = _unread(binding, is_ours)
            (problems if is_problem else remarks).append(f"{path} line {line}: {what}")
            continue
        if binding.key is None or binding.value is None:
            continue
        problems += (f"{path} line {line}: {what}" for what in _odd(binding.key, binding.value, is_ours))
        values[binding.key] = binding.value
    return EnvFile(values=values, problems=tuple(problems), remarks=tuple(remarks))


def _marks_within(text: str) -> Iterator[tuple[int, str]]:
    for line, words in enumerate(text.removeprefix(BOM).split("\n"), start=1):
        if BOM in words:
            yield line, "a byte-order mark in the middle, as when two files were joined: type that line anew"


def _unread(binding: Binding, is_ours: Callable[[str], bool]) -> tuple[bool, str]:
    """(whether one of our settings is lost by it, why it cannot be read)."""
    words = binding.original.string
    started = _NAME_AT_START.match(words)
    name = started[1] if started else ""
    swallowed = [found for found in _NAME_IN_VALUE.findall(words) if is_ours(found) and found != name]
    if re.match(r"[^=\n]*=\s*(['\"])", words):
        lost = f", which takes {', '.join(swallowed)} with it" if swallowed else ""
        what = f"a quote is opened and not closed{lost}, or something stands behind the closing one: correct {name}"
    else:
        what = f"{without_secrets(words.strip())[:40]!r} is not NAME=value: write {name or 'NAME'}=…, or # before it"
    return bool(swallowed) or is_ours(name), what


def _odd(name: str, value: str, is_ours: Callable[[str], bool]) -> Iterator[str]:
    plain = _NAME_AT_END.search(name)
    if plain and plain[0] != name and is_ours(plain[0]):
        before = name[: plain.start()]
        signs = ", ".join(unicodedata.name(sign, f"U+{ord(sign):04X}") for sign in before[:3])
        yield f"what stands before {plain[0]} ({signs}) makes it another name: type that line anew"
    swallowed = [found for found in _NAME_IN_VALUE.findall(value) if is_ours(found)]
    if "\n" in value and swallowed:
        yield f"the quote opened at {name} is closed only behind {', '.join(swallowed)}, which are lost by it: close it"
