"""A chat in the terminal: what the bot writes as the reader would see it, and a line to write back.

Shown on a terminal with bold, italics and links, each line broken inside its frame; anywhere else as plain text with
whole lines, for whoever reads it with a program.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Final, TextIO

from rich.box import Box
from rich.console import Console
from rich.panel import Panel
from rich.style import Style
from rich.text import Text

from altmonitor.core.types import Destination
from altmonitor.sim.telegram.html import Entity, ParsedHtml
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimEdit, SimMessage, Upload

FRAME_WIDTH: Final = 72
WIDEST_FRAME: Final = 100
FRAME_COLUMNS: Final = 4
_UNBROKEN: Final = 1_000_000
QUOTE_WIDTH: Final = 56
READER_ID: Final = 1
NAMES_MOST: Final = 30
"""Of the lists in one message on a terminal: a crash names hundreds, which would push away everything else."""

_OPEN = Box("┌───\n│   \n├───\n│   \n├───\n├───\n│   \n└───\n")
"""Without a right edge: terminals do not agree how wide an emoji is."""
_STYLES: Final = {
    "bold": "bold",
    "italic": "italic",
    "underline": "underline",
    "strikethrough": "strike",
    "code": "cyan",
    "pre": "cyan",
    "text_link": "blue underline",
    "blockquote": "dim",
    "spoiler": "dim",
}
_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_SEPARATOR = re.compile(r", (?![^(]*\))|、(?![^（]*）)")  # not those in brackets behind an entry
_ENTRY = re.compile(r"[^\s,]+\u00a0[^ ,]+")  # a symbol and its value, alone on its line
_LATER_PART = re.compile(r" \((?:[2-9]|\d\d+)/\d+\)$")


def chat_console(out: TextIO) -> Console:
    """Where `out` is no terminal, lines may be as long as they are."""
    return Console(file=out, width=None if out.isatty() else _UNBROKEN, highlight=False, markup=False, emoji=False)


class TerminalInbox:
    """Shows what `sim` receives for `destination`'s chat; typed lines become messages of its reader.

    Takes over `sim.on_message`. console: of `chat_console`.
    """

    def __init__(self, sim: SimTelegram, console: Console, *, destination: Destination) -> None:
        self._sim = sim
        self._console = console
        self._destination = destination
        sim.on_message = self.show

    def show(self, message: SimMessage) -> None:
        """A new message in full; of an edited one the lines that changed."""
        if message.chat_id != self._destination.chat_id:
            return
        is_terminal = self._console.is_terminal
        lines = list(styled(message.parsed, is_terminal=is_terminal).split("\n")) if message.text else []
        if message.edits:
            edit = message.edits[-1]
            self._frame(f"#{message.message_id} edited", edit.at_ms, changed_lines(edit, lines))
            return
        if message.photo is not None:
            lines = _with_picture(message.photo, lines)
        if is_terminal:
            lines = shortened(lines)
        self._frame(f"#{message.message_id}", message.date_ms, self._quote(message) + lines)

    def note(self, title: str, text: str, *, at_ms: int) -> None:
        """Something that is no message of the chat, in a frame of its own."""
        self._frame(title, at_ms, [Text(_printable(line), style="dim") for line in text.split("\n")])

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

        try:
            loop.add_reader(descriptor, read)
        except NotImplementedError:  # Windows
            await self._read_in_a_thread(stdin, typed)
        try:
            await asyncio.Event().wait()
        finally:
            loop.remove_reader(descriptor)

    async def _read_in_a_thread(self, stdin: TextIO, typed: _TypedLines) -> None:
        """Until cancelled. One that waits for a line cannot be ended, so it must not keep the program alive."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            with suppress(OSError, ValueError, RuntimeError):  # the terminal is gone, or the loop
                for line in stdin:
                    loop.call_soon_threadsafe(typed.feed, line.encode())
                loop.call_soon_threadsafe(typed.end)

        threading.Thread(target=read, name="terminal-inbox", daemon=True).start()
        await asyncio.Event().wait()

    def _type(self, line: str) -> None:
        if line:
            chat_id = self._destination.chat_id
            user_id = chat_id if chat_id > 0 else READER_ID
            self._sim.inject_message(
                chat_id, line, user_id=user_id, user_name="you", thread_id=self._destination.topic_id
            )

    def _quote(self, message: SimMessage) -> list[Text]:
        if message.reply_to is None:
            return []
        answered = next((m for m in self._sim.chats[message.chat_id] if m.message_id == message.reply_to), None)
        first = "" if answered is None else _printable(answered.text).split("\n")[0]
        if len(first) > QUOTE_WIDTH:
            first = first[: QUOTE_WIDTH - 1] + "…"
        return [Text(f"↪ #{message.reply_to}{': ' if first else ''}{first}", style="dim")]

    def _frame(self, title: str, at_ms: int, lines: list[Text]) -> None:
        moment = datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%H:%M:%S")
        console = self._console
        width = min(console.width, WIDEST_FRAME) if console.is_terminal else _width_of(lines)
        if console.is_terminal:
            lines = [part for line in lines for part in packed(line, width - FRAME_COLUMNS)]
        panel = Panel(
            Text("\n").join(lines),
            box=_OPEN,
            title=Text(f"{moment} UTC · {title}"),
            title_align="left",
            border_style="dim",
            width=width,
        )
        with console.capture() as capture:
            console.print(panel, width=width, soft_wrap=False)
        shown = capture.get()
        if not console.is_terminal:  # no white space at the ends of lines
            shown = "\n".join(line.rstrip() for line in shown.split("\n"))
        console.file.write(shown)
        console.file.flush()


def _width_of(lines: Iterable[Text]) -> int:
    """Of a frame in which none of them is broken."""
    return max(FRAME_WIDTH, *(line.cell_len + 4 for line in lines), 0)


def styled(parsed: ParsedHtml, *, is_terminal: bool) -> Text:
    """With its looks and links on a terminal; else the bare text with each link's address behind it in brackets."""
    if not is_terminal:
        return Text(_with_addresses(parsed))
    text = Text(_printable(parsed.text))
    for entity in parsed.entities:
        text.stylize(_STYLES.get(entity.type, ""), entity.start, entity.end)
        if entity.type == "text_link":
            text.stylize(Style(link=_printable(entity.argument)), entity.start, entity.end)
    return text


def shortened(lines: list[Text]) -> list[Text]:
    """The first `NAMES_MOST` entries of lists; what is left out is counted below each list."""
    left = 0 if lines and _LATER_PART.search(lines[0].plain) else NAMES_MOST
    kept: list[Text] = []
    hidden = 0
    for line in lines:
        entries = _entries(line)
        if not entries:
            kept += _left_out(hidden)
            hidden = 0
            kept.append(line)
            continue
        shown, left = entries[:left], max(0, left - len(entries))
        hidden += len(entries) - len(shown)
        if shown:
            kept.append(_without_separator(Text().join(shown)))
    return kept + _left_out(hidden)


def packed(line: Text, width: int) -> list[Text]:
    """A list as lines that are broken between its entries and never inside one; any other line as it is."""
    lines = [Text()]
    for entry in _entries(line):
        if lines[-1].plain and (lines[-1] + _without_separator(entry)).cell_len > width:
            lines.append(Text())
        lines[-1] += entry
    return lines if lines[0].plain else [line]


def _entries(line: Text) -> list[Text]:
    """Each with the separator behind it; none of what is no list of symbols and values."""
    pieces = list(line.divide([found.end() for found in _SEPARATOR.finditer(line.plain)]))
    bare = [_without_separator(piece).plain for piece in pieces]
    if any(" " in text.replace(", ", "") or not text for text in bare):
        return []
    if "、" in line.plain and any("\u00a0" not in text for text in bare):  # Chinese prose has no spaces either
        return []
    return pieces if len(pieces) > 1 or _ENTRY.fullmatch(line.plain) else []


def _without_separator(text: Text) -> Text:
    return text[: len(text.plain.rstrip(", 、"))]


def _left_out(count: int) -> list[Text]:
    return [Text(f"… +{count}", style="dim")] if count else []


def _with_picture(photo: bytes, caption: list[Text]) -> list[Text]:
    """`[chart SOLUSDT · +3.21 % · 9.8 KB]`: what stands for the picture is named after its file and its caption."""
    name = _printable(photo.name.partition(".")[0]) if isinstance(photo, Upload) else "picture"
    first = f"{name} {caption[0].plain}" if caption else name
    return [Text(f"[{first} · {len(photo) / 1000:.1f} KB]"), *caption[1:]]


def changed_lines(edit: SimEdit, shown: list[Text]) -> list[Text]:
    """`+` new, `-` gone; a changed line is shown as its new form alone. shown: the new text, styled, same lines."""
    before, after = edit.before_text.split("\n"), edit.text.split("\n")
    lines: list[Text] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag in ("replace", "insert"):
            lines += [Text("+ ") + line for line in shown[new_from:new_to]]
        if tag == "delete":
            lines += [Text(f"- {_printable(line)}") for line in before[old_from:old_to]]
    return lines or [Text("only the formatting changed")]


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
