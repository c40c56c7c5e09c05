"""Cells and columns of the pages' tables: text, tone, meaning; sorted and filtered by what stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from altmonitor.render import format as n
from altmonitor.render.alert_parts import dashed
from altmonitor.render.texts.page_texts import say_page
from altmonitor.web.pages.rendering import choice

R = TypeVar("R")

OI_TONE_PCT: Final = 1.0
"""A change of open interest beyond this, in percent, is coloured; reached does not count."""

Cell = tuple[str, str]
"""Text and tone: `up`, `down` or ''. Not escaped."""


def sign_tone(shown: str) -> str:
    """By what is shown, so that `0.00 %` has none."""
    return "up" if shown.startswith("+") else "down" if shown.startswith(n.MINUS) else ""


def oi_tone(change_pct: float | None) -> str:
    if change_pct is None or abs(change_pct) <= OI_TONE_PCT:
        return ""
    return "up" if change_pct > 0 else "down"


@lru_cache(8_192)
def change_cell(value: float | None) -> Cell:
    shown = dashed(n.pct(value))
    return shown, sign_tone(shown)


@lru_cache(8_192)
def oi_change_cell(value: float | None) -> Cell:
    return dashed(n.pct(value)), oi_tone(value)


@lru_cache(8_192)
def price_cell(value: float | None) -> Cell:
    return dashed(n.price(value)), ""


@lru_cache(8_192)
def usd_cell(value: float | None) -> Cell:
    return dashed(n.usd(value)), ""


@lru_cache(8_192)
def multiple_cell(value: float | None) -> Cell:
    return dashed(n.multiple(value)), ""


@lru_cache(8_192)
def ratio_cell(value: float | None) -> Cell:
    return dashed(n.ratio(value)), ""


@lru_cache(8_192)
def rate_cell(value: float | None) -> Cell:
    """Already percent."""
    return dashed(n.pct(value, 4)), ""


@lru_cache(8_192)
def share_cell(value: float | None) -> Cell:
    """A fraction 0…1."""
    return dashed(n.share(value)), ""


@dataclass(frozen=True, kw_only=True)  # slots and generics do not go together
class Column(Generic[R]):
    """name, mean: keys of the texts. sort: its word in the address, '' for a column that cannot be sorted by.

    size: what is sorted by; None stands last, whichever way.
    """

    name: str
    mean: str
    cell: Callable[[R], Cell]
    sort: str = ""
    size: Callable[[R], float | str | None] = lambda row: None
    is_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """One column's head as the template shows it. aria: `ascending`, `descending` or ''."""

    name: str
    mean: str
    href: str
    aria: str
    is_text: bool


def heading(name: str, mean: str, lang: str) -> Heading:
    """Of a table that is not sorted. name, mean: keys of texts; the kind of alert stands as text."""
    return Heading(name=say_page(lang, name), mean=say_page(lang, mean), href="", aria="", is_text=name == "kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """sort: a column's word. is_up: smallest first."""

    sort: str
    is_up: bool


def order_of(query: Mapping[str, str], known: Iterable[str], default: str) -> Order:
    """A word that is not known is the default, as is no word: highest first, names from A."""
    sort = choice(query, "sort", known, default)
    return Order(sort=sort, is_up=choice(query, "dir", ("up", "down"), "up" if sort == "symbol" else "down") == "up")


def sorted_rows(
    rows: Iterable[R], size: Callable[[R], float | str | None], name: Callable[[R], str], *, is_up: bool
) -> list[R]:
    """By size; equal ones by name, unknown ones last."""
    known: list[tuple[float | str, R]] = []
    unknown: list[R] = []
    for row in sorted(rows, key=name):
        value = size(row)
        if value is None or value != value:
            unknown.append(row)
        else:
            known.append((value, row))
    known.sort(key=lambda pair: pair[0], reverse=not is_up)
    return [*(row for _, row in known), *unknown]


def headings(
    columns: Sequence[Column[R]], order: Order, query: Mapping[str, str], say: Callable[[str], str]
) -> list[Heading]:
    """A head is a link that sorts by it, or turns the order round; all other parameters stay as they are."""
    found = []
    for column in columns:
        is_current = bool(column.sort) and column.sort == order.sort
        is_up = not order.is_up if is_current else column.sort == "symbol"
        kept = {key: value for key, value in query.items() if key not in ("sort", "dir")}
        href = "?" + urlencode({**kept, "sort": column.sort, "dir": "up" if is_up else "down"}) if column.sort else ""
        aria = ("ascending" if order.is_up else "descending") if is_current else ""
        found.append(
            Heading(name=say(column.name), mean=say(column.mean), href=href, aria=aria, is_text=column.is_text)
        )
    return found
