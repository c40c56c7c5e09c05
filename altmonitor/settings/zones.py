"""What people type for a time zone → its IANA name, or the nearest ones."""

from __future__ import annotations

import difflib
import re
from functools import cache
from zoneinfo import available_timezones

SUGGESTIONS_MAX = 3
WORD_CHARS_MAX = 40

_OFFSET = re.compile(r"(?:utc|gmt)?([+-])0?(\d{1,2})(?::?00)?", re.ASCII | re.IGNORECASE)
_MINUS = dict.fromkeys(map(ord, "−‐‑‒–—﹣－"), "-")
_WEST_MAX, _EAST_MAX = 12, 14


def find_zone(word: str) -> str | None:
    """`Europe/Berlin`, `europe/berlin`, `berlin`, `new_york`, `UTC+3`, `+8`; None when there is none of that name.

    Only names from the list are ever returned, so that nothing typed becomes a path.
    """
    text = word.translate(_MINUS)
    if len(text) > WORD_CHARS_MAX:
        return None
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        return _fixed(offset[1], int(offset[2]))
    return _names().get(text.lower())


def nearest_zones(word: str) -> tuple[str, ...]:
    names = _names()
    near = difflib.get_close_matches(word[:WORD_CHARS_MAX].lower(), names, n=2 * SUGGESTIONS_MAX, cutoff=0.6)
    return tuple(dict.fromkeys(names[name] for name in near))[:SUGGESTIONS_MAX]


def _fixed(sign: str, hours: int) -> str | None:
    if hours == 0:
        return "UTC"
    if hours > (_EAST_MAX if sign == "+" else _WEST_MAX):
        return None
    # POSIX signs: what everybody calls UTC+3 is Etc/GMT-3. Source: https://data.iana.org/time-zones/tzdb/etcetera
    return f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"


@cache
def _names() -> dict[str, str]:
    """Small letters → name; cities also without their continent where only one is called so."""
    zones = sorted(available_timezones() - {"localtime"})
    cities: dict[str, list[str]] = {}
    for zone in zones:
        if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "posix/", "right/")):
            cities.setdefault(zone.rpartition("/")[2].lower(), []).append(zone)
    names = {city: found[0] for city, found in cities.items() if len(found) == 1}
    return {**names, **{zone.lower(): zone for zone in zones}}
