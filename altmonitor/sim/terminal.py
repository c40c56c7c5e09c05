"""A chat in the terminal: what the bot writes as the reader would see it, and a line to write back.

Shown on a terminal with bold, italics and links, anywhere else as plain text.
"""

from __future__ import annotations

import asyncio
import os
import stat
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TextIO

from altmonitor.core.types import Destination
from altmonitor.sim.telegram.html import Entity, ParsedHtml
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimEdit, SimMessage, Upload

RULE_WIDTH = 72
QUOTE_WIDTH = 56
READER_ID = 1
_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_STYLES = {
    "bold": "\x1b[1m",
    "italic": "\x1b[3m",
    "underline": "\x1b[4m",
    "strikethrough": "\x1b[9m",
    "code": "\x1b[36m",
    "pre": "\x1b[36m",
    "text_link": "\x1b[34;4m",
    "blockquote": "\x1b[2m",
    "spoiler": "\x1b[2m",
}


_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")


class TerminalInbox:
    """Shows what `sim` receives for `destination`'s chat; typed lines become messages of its reader.

    Takes over `sim.on_message`.
    """

    def __init__(self, sim: SimTelegram, out: TextIO, *, destination: Destination, is_tty: bool) -> None:
        self._sim = sim
        self._out = out
        self._destination = destination
        self._is_tty = is_tty
        sim.on_message = self.show

    def show(self, message: SimMessage) -> None:
        """A new message in full; of an edited one the lines that changed."""
        if message.chat_id != self._destination.chat_id:
            return
        if message.edits:
            edit = message.edits[-1]
            lines = changed_lines(edit, styled(message.parsed, is_tty=self._is_tty))
            self._frame(f"#{message.message_id} edited", edit.at_ms, lines)
            return
        lines = styled(message.parsed, is_tty=self._is_tty).split("\n") if message.text else []
        if message.photo is not None:
            lines = _with_picture(message.photo, lines)
        self._frame(f"#{message.message_id}", message.date_ms, self._quote(message) + lines)

    async def run(self, stdin: TextIO) -> None:
        """Until cancelled. The end of the input only ends the typing."""
        typed = _TypedLines(self._type)
        descriptor = _watchable(stdin)
        if descriptor is None:
            typed.feed(b"" if stdin.closed else stdin.read().encode())
            typed.end()
            await asyncio.Event().wait()
            return
        loop = asyncio.get_running_loop()

        def read() -> None:
            # Only called when there is something, so this never blocks and the terminal's own flags stay as they are.
            try:
                chunk = os.read(descriptor, 65_536)
            except OSError:  # the terminal is gone
                chunk = b""
            typed.feed(chunk)
            if not chunk:
                loop.remove_reader(descriptor)
                typed.end()

        loop.add_reader(descriptor, read)
        try:
            await asyncio.Event().wait()
        finally:
            loop.remove_reader(descriptor)

    def _type(self, line: str) -> None:
        if line:
            chat_id = self._destination.chat_id
            user_id = chat_id if chat_id > 0 else READER_ID
            self._sim.inject_message(
                chat_id, line, user_id=user_id, user_name="you", thread_id=self._destination.topic_id
            )

    def _quote(self, message: SimMessage) -> list[str]:
        if message.reply_to is None:
            return []
        answered = next((m for m in self._sim.chats[message.chat_id] if m.message_id == message.reply_to), None)
        first = "" if answered is None else _printable(answered.text).split("\n")[0]
        if len(first) > QUOTE_WIDTH:
            first = first[: QUOTE_WIDTH - 1] + "…"
        return [self._dim(f"↪ #{message.reply_to}{': ' if first else ''}{first}")]

    def _frame(self, title: str, at_ms: int, lines: list[str]) -> None:
        moment = datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%H:%M:%S")
        head = f"┌─ {moment} UTC · {title} "
        body = [self._dim(head.ljust(RULE_WIDTH, "─"))]
        body += [f"{self._dim('│')} {line}" for line in lines]
        body.append(self._dim("└".ljust(RULE_WIDTH, "─")))
        self._out.write("\n".join(body) + "\n")
        self._out.flush()

    def _dim(self, text: str) -> str:
        return f"{_DIM}{text}{_RESET}" if self._is_tty else text


def styled(parsed: ParsedHtml, *, is_tty: bool) -> str:
    """ANSI on a terminal; else the bare text with each link's address behind it in brackets.

    Styles end with each line, so a frame around the lines keeps its own look.
    """
    if not is_tty:
        return _with_addresses(parsed)
    out: list[str] = []
    for start, end in _minute_ranges(parsed):
        covering = [entity for entity in parsed.entities if entity.start <= start and end <= entity.end]
        look = "".join(_STYLES.get(entity.type, "") for entity in covering)
        address = next((_printable(e.argument) for e in covering if e.type == "text_link"), "")
        for number, line in enumerate(_printable(parsed.text[start:end]).split("\n")):
            if number:
                out.append("\n")
            if line:
                shown = f"\x1b]8;;{address}\x1b\\{line}\x1b]8;;\x1b\\" if address else line
                out.append(f"{look}{shown}{_RESET}" if look else shown)
    return "".join(out)


def _with_picture(photo: bytes, caption: list[str]) -> list[str]:
    """`[chart SOLUSDT · +3.21 % · 9.8 KB]`: what stands for the picture is named after its file and its caption."""
    name = _printable(photo.name.partition(".")[0]) if isinstance(photo, Upload) else "picture"
    first = f"{name} {caption[0]}" if caption else name
    return [f"[{first} · {len(photo) / 1000:.1f} KB]", *caption[1:]]


def changed_lines(edit: SimEdit, shown: str) -> list[str]:
    """`+` new, `-` gone; a changed line is shown as its new form alone. shown: the new text, styled, same lines."""
    before, after, styled_after = edit.before_text.split("\n"), edit.text.split("\n"), shown.split("\n")
    lines: list[str] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag in ("replace", "insert"):
            lines += [f"+ {line}" for line in styled_after[new_from:new_to]]
        if tag == "delete":
            lines += [f"- {_printable(line)}" for line in before[old_from:old_to]]
    return lines or ["only the formatting changed"]


def _minute_ranges(parsed: ParsedHtml) -> list[tuple[int, int]]:
    """Runs of characters with the same look, in order."""
    edges = {0, len(parsed.text)}
    for entity in parsed.entities:
        edges |= {entity.start, entity.end}
    ordered = sorted(edges)
    return list(pairwise(ordered))


def _with_addresses(parsed: ParsedHtml) -> str:
    links: list[Entity] = sorted(
        (entity for entity in parsed.entities if entity.type == "text_link"), key=lambda link: link.end
    )
    out, at = [], 0
    for link in links:
        out.append(f"{parsed.text[at : link.end]} ({link.argument})")
        at = link.end
    return _printable("".join(out) + parsed.text[at:])


def _printable(text: str) -> str:
    """Control characters, direction marks and the like in a message must not reach the terminal."""
    kept = "\n\u200d"  # the joiner inside emoji
    return "".join(sign if sign in kept or unicodedata.category(sign) not in _UNSHOWN else "�" for sign in text)


def _watchable(stdin: TextIO) -> int | None:
    """Its descriptor when the event loop can wait on it. None: read it at once (files, /dev/null, text in memory)."""
    try:
        descriptor = stdin.fileno()
    except (OSError, ValueError):
        return None
    mode = os.fstat(descriptor).st_mode
    can_wait = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
    return descriptor if can_wait else None


class _TypedLines:
    """Bytes as they come → whole lines, without outer white space."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(line.decode("utf-8", "replace").strip())

    def end(self) -> None:
        self.feed(b"\n")
