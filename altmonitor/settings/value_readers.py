"""What the text of an environment variable means: one function per shape, each raises ValueError for what is not it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from altmonitor.core.proxies import ascii_host
from altmonitor.core.types import TOKEN_SHAPE, VENUE_NAMES, Destination, Secret, Venue
from altmonitor.settings.zones import find_zone

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)


def number(low: float, high: float, *, or_zero: bool = False) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if or_zero and value == 0:
            return 0.0
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,16}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return read


def flag(text: str) -> bool:
    word = text.lower()
    if word not in ("true", "1", "yes", "on", "false", "0", "no", "off"):
        raise ValueError(text)
    return word in ("true", "1", "yes", "on")


def one_of(*choices: str) -> Callable[[str], str]:
    by_lower = {choice.lower(): choice for choice in choices}

    def read(text: str) -> str:
        if text.lower() not in by_lower:
            raise ValueError(text)
        return by_lower[text.lower()]

    return read


def ids(text: str) -> frozenset[int]:
    read = whole(-(10**16), 10**16)
    return frozenset(read(part.strip()) for part in text.split(",") if part.strip())


def zone(text: str) -> str:
    zone = find_zone(text)
    if zone is None:
        raise ValueError(text)
    return zone


def url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        parts = urlsplit(text)
        is_one = parts.scheme in schemes and parts.port != 0 and not (parts.query or parts.fragment)
        is_plain = (
            text.isascii() and text.isprintable() and not re.search(r"[\s\\\"<>^`{|}]|:(/|$)", text.partition("://")[2])
        )
        has_login = parts.username is not None or parts.password is not None
        if not (is_one and is_plain and ascii_host(parts.hostname or "")) or (has_login and not parts.password):
            raise ValueError(text)
        return text.rstrip("/")

    return read


def server_url(*schemes: str) -> Callable[[str], str]:
    """Of a server with a protocol of its own: a login and options may stand in it, secrets of the operator's."""

    def read(text: str) -> str:
        if text:
            parts = urlsplit(text)
            is_plain = text.isascii() and text.isprintable() and not re.search(r"[\s\\\"<>^`{|}]", text)
            if parts.scheme not in schemes or parts.port == 0 or parts.fragment or not is_plain:
                raise ValueError(text)
        return text

    return read


def is_postgres_address(text: str) -> bool:
    """As DATABASE_URL may be."""
    try:
        return bool(server_url("postgresql", "postgres")(text))
    except ValueError:
        return False


def tokens(text: str) -> tuple[Secret, ...]:
    found = tuple(dict.fromkeys(names(text)))
    bots = [token.partition(":")[0] for token in found]
    if not all(TOKEN_SHAPE.fullmatch(token) for token in found) or len(set(bots)) < len(bots):
        raise ValueError("shape")
    return tuple(map(Secret, found))


def cluster(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", text):
        raise ValueError(text)
    return text


def urls(text: str) -> tuple[str, ...]:
    """Each once. They may carry a query, as addresses of receivers do, but no login."""
    found = tuple(dict.fromkeys(names(text)))
    for url in found:
        parts = urlsplit(url)
        is_plain = url.isascii() and url.isprintable() and not re.search(r"[\s\\\"<>^`{|}]", url)
        has_login = parts.username is not None or parts.password is not None
        if parts.scheme not in ("http", "https") or parts.port == 0 or not is_plain or has_login or parts.fragment:
            raise ValueError(url)
        if not ascii_host(parts.hostname or ""):
            raise ValueError(url)
    return found


def host(text: str) -> str:
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    name = ascii_host(host)
    if not name:
        raise ValueError(text)
    return name


def origin(text: str) -> str:
    if text and not _ORIGIN.fullmatch(text):
        raise ValueError(text)
    return text.lower()


def header_secret(text: str) -> Secret:
    """Goes into a header of HTTP as it is."""
    if not text.isascii() or not text.isprintable():
        raise ValueError("signs")
    return Secret(text)


def token(text: str) -> Secret:
    if text and not TOKEN_SHAPE.fullmatch(text):
        raise ValueError("shape")
    return Secret(text)


def destinations(text: str) -> tuple[Destination, ...]:
    """In the order given, each once."""
    return tuple(dict.fromkeys(Destination.parse(part) for part in text.split(",") if part.strip()))


def preset_channels(text: str) -> Mapping[Destination, str]:
    """Chat → name of its preset, in the order given. A chat has one."""
    found: dict[Destination, str] = {}
    wanted = names(text)
    if wanted:
        from altmonitor.settings.presets import PRESETS  # with the kinds of alerts, which a refused setting needs not
    for part in wanted:
        name, _, chat = (piece.strip() for piece in part.partition("="))
        destination = Destination.parse(chat)
        if name.lower() not in PRESETS or destination in found:
            raise ValueError(text)
        found[destination] = name.lower()
    return MappingProxyType(found)


def interval(text: str) -> float | None:
    """Seconds; None for an empty text. Raises ValueError for anything else."""
    return number(0.05, 60)(text) if text else None


def count_or_empty(text: str) -> int | None:
    """None for an empty text. Raises ValueError for anything else."""
    return whole(0, 13_600)(text) if text else None


def names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def venues(text: str) -> tuple[Venue, ...]:
    """In the order given, each once; the first is the one that questions without a venue are about."""
    by_name: dict[str, Venue] = {name: name for name in VENUE_NAMES}
    found = tuple(dict.fromkeys(by_name.get(part.lower()) for part in names(text)))
    if not found or None in found:
        raise ValueError(text)
    return tuple(venue for venue in found if venue is not None)


def path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as problem:  # `~nobody` has no home
        raise ValueError(text) from problem
