"""Telegram's HTML parse mode, as strict as the Bot API server: what it refuses is refused here with the same words.

Source: https://core.telegram.org/bots/api#html-style (read 2026-11-21); the texts of errors follow the open-source
server (https://github.com/tdlib/td, MessageEntity.cpp).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENTITY_TYPES = {
    "a": "text_link",
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "u": "underline",
    "ins": "underline",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
    "span": "spoiler",
    "pre": "pre",
    "code": "code",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_CHARACTER = re.compile(r"&(?:#x([0-9a-fA-F]{1,8})|#([0-9]{1,9})|(lt|gt|amp|quot));?")
_END_OF_NAME = re.compile(r"[\s>]")
_ATTRIBUTE = re.compile(r"\s*([^\s=>]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9.\-]+(?=[\s>])))?")


class EntityError(ValueError):
    """`str()` is what Telegram says after "Bad Request: can't parse entities: "."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A styled stretch of `ParsedHtml.text`. start, end: indices of Python characters, not UTF-16 units.

    argument: the address of a link, the language of a code block; '' elsewhere.
    """

    type: str
    start: int
    end: int
    argument: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedHtml:
    """text: as the reader sees it, outer white space removed. entities: by start, outer before inner."""

    text: str
    entities: tuple[Entity, ...]

    @property
    def utf16_length(self) -> int:
        return utf16_units(self.text)


def utf16_units(text: str) -> int:
    """Telegram counts these, so one emoji is usually 2."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain(text: str) -> ParsedHtml:
    """A text sent without a parse mode."""
    return _trimmed(text, [])


def parse_html(html: str) -> ParsedHtml:
    """Raises EntityError where Telegram answers 400."""
    return _Parser(html).parse()


@dataclass(frozen=True, slots=True)
class _Open:
    tag: str
    argument: str
    start: int


class _Parser:
    def __init__(self, html: str) -> None:
        self._html = html
        self._at = 0
        self._out: list[str] = []
        self._length = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def parse(self) -> ParsedHtml:
        while self._at < len(self._html):
            if self._html[self._at] != "<":
                self._read_text()
            elif self._html.startswith("</", self._at):
                self._read_end_tag()
            else:
                self._read_start_tag()
        if self._open:
            raise EntityError(f'Can\'t find end tag corresponding to start tag "{self._open[-1].tag}"')
        return _trimmed("".join(self._out), self._entities)

    def _read_text(self) -> None:
        end = self._html.find("<", self._at)
        end = len(self._html) if end < 0 else end
        text = _decoded(self._html[self._at : end])
        self._out.append(text)
        self._length += len(text)
        self._at = end

    def _read_start_tag(self) -> None:
        begin = self._at
        name_end = _END_OF_NAME.search(self._html, begin)
        if name_end is None:
            raise EntityError(f"Unclosed start tag at byte offset {self._byte(begin)}")
        tag = self._html[begin + 1 : name_end.start()].lower()
        if tag not in _ENTITY_TYPES:
            raise EntityError(f'Unsupported start tag "{tag}" at byte offset {self._byte(begin)}')
        self._at = name_end.start()
        attributes = self._read_attributes(tag, begin)
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise EntityError(f'Tag "span" must have class "tg-spoiler" at byte offset {self._byte(begin)}')
        self._open.append(_Open(tag, _argument(tag, attributes), self._length))

    def _read_attributes(self, tag: str, begin: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        while True:
            while self._html[self._at : self._at + 1].isspace():
                self._at += 1
            if self._html.startswith(">", self._at):
                self._at += 1
                return attributes
            found = _ATTRIBUTE.match(self._html, self._at)
            if found is None or self._at >= len(self._html):
                problem = "Unclosed start tag" if self._at >= len(self._html) else "Empty attribute name in the tag"
                raise EntityError(f'{problem} "{tag}" at byte offset {self._byte(begin)}')
            name, value = found[1].lower(), found[2]
            if value is None and not (tag == "blockquote" and name == "expandable"):
                raise EntityError(
                    f'Expected equal sign in declaration of an attribute of the tag "{tag}" '
                    f"at byte offset {self._byte(begin)}"
                )
            attributes[name] = "" if value is None else _decoded(value.strip("\"'"))
            self._at = found.end()

    def _read_end_tag(self) -> None:
        begin = self._at
        if not self._open:
            raise EntityError(f"Unexpected end tag at byte offset {self._byte(begin)}")
        close = self._html.find(">", begin)
        if close < 0:
            raise EntityError(f"Unclosed end tag at byte offset {self._byte(begin)}")
        found, opened = self._html[begin + 2 : close].strip().lower(), self._open.pop()
        if found not in ("", opened.tag):
            raise EntityError(
                f'Unmatched end tag at byte offset {self._byte(begin)}, expected "</{opened.tag}>", found "</{found}>"'
            )
        if self._length > opened.start and (opened.tag != "a" or opened.argument):
            self._entities.append(
                Entity(type=_ENTITY_TYPES[opened.tag], start=opened.start, end=self._length, argument=opened.argument)
            )
        self._at = close + 1

    def _byte(self, index: int) -> int:
        return len(self._html[:index].encode("utf-8", "surrogatepass"))


def _argument(tag: str, attributes: dict[str, str]) -> str:
    if tag == "a":
        return attributes.get("href", "")
    if tag == "code":
        return attributes.get("class", "").removeprefix("language-")
    return {"tg-emoji": attributes.get("emoji-id", ""), "tg-time": attributes.get("unix", "")}.get(tag, "")


def _decoded(text: str) -> str:
    """Only four names are known; `&nbsp;` and a lone ampersand stay as they are."""

    def character(match: re.Match[str]) -> str:
        if match[3]:
            return _NAMED[match[3]]
        code = int(match[1], 16) if match[1] else int(match[2])
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else match[0]

    return _CHARACTER.sub(character, text)


def _trimmed(text: str, entities: list[Entity]) -> ParsedHtml:
    lead = len(text) - len(text.lstrip())
    kept = text.strip()
    moved = []
    for entity in entities:
        start, end = max(entity.start - lead, 0), min(entity.end - lead, len(kept))
        if start < end:
            moved.append(Entity(type=entity.type, start=start, end=end, argument=entity.argument))
    moved.sort(key=lambda entity: (entity.start, -entity.end))
    return ParsedHtml(text=kept, entities=tuple(moved))
