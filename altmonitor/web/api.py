"""Query strings of the API → checked values. One clear line for everything that is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from altmonitor.core.alert import KINDS, Kind
from altmonitor.settings.symbols import spelled

ALERTS_DEFAULT, ALERTS_MAX = 100, 1000
STATS_DEFAULT_H, STATS_MAX_H = 24, 720
LAST_SECOND = 253_402_300_799

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)


class BadQuery(Exception):
    """`str()` is the line for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsQuery:
    limit: int = ALERTS_DEFAULT
    symbol: str | None = None
    kind: Kind | None = None
    since_s: float | None = None


def read_alerts_query(given: Mapping[str, list[str]]) -> AlertsQuery:
    """`limit`, `symbol` (any spelling), `kind`, `since` (unix seconds). Raises BadQuery."""
    words = _single(given, ("limit", "symbol", "kind", "since"))
    return AlertsQuery(
        limit=_whole("limit", words["limit"], ALERTS_MAX) if "limit" in words else ALERTS_DEFAULT,
        symbol=_symbol(words["symbol"]) if "symbol" in words else None,
        kind=_kind(words["kind"]) if "kind" in words else None,
        since_s=_since(words["since"]) if "since" in words else None,
    )


def read_stats_query(given: Mapping[str, list[str]]) -> int:
    """Hours. Raises BadQuery."""
    words = _single(given, ("hours",))
    return _whole("hours", words["hours"], STATS_MAX_H) if "hours" in words else STATS_DEFAULT_H


def _single(given: Mapping[str, list[str]], known: tuple[str, ...]) -> dict[str, str]:
    for name, values in given.items():
        if name not in known:
            raise BadQuery(f"unknown parameter {_shown(name)}; known: {', '.join(known)}")
        if len(values) > 1:
            raise BadQuery(f"{name} is given {len(values)} times")
    return {name: values[0] for name, values in given.items()}


def _whole(name: str, text: str, high: int) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= high:
        raise BadQuery(f"{name} must be a whole number from 1 to {high}, not {_shown(text)}")
    return int(text)


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if text == kind:
            return kind
    raise BadQuery(f"kind must be one of {', '.join(KINDS)}, not {_shown(text)}")


def _since(text: str) -> float:
    value = float(text) if _SECONDS.fullmatch(text) else math.inf
    if value > LAST_SECOND:
        raise BadQuery(f"since must be unix seconds such as 1790000000, not {_shown(text)}")
    return value


def _symbol(text: str) -> str:
    symbol = spelled(text)
    if not symbol or len(text) > 40:
        raise BadQuery(f"symbol must be a contract such as SOLUSDT, not {_shown(text)}")
    return symbol


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
