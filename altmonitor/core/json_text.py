"""How names and exact numbers are written in JSON."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST: Final = 60
LARGEST: Final = Decimal("1e18")
"""Nothing on an exchange is larger."""


def camel(name: str) -> str:
    """`oi_chg_1h` → `oiChg1h`: how answers about positions name their fields. msgspec's own makes 1H of 1h."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def decimal_of(value: object) -> Decimal | None:
    """Of a number, or of text that is one. None for what is missing, empty, no number, or larger than anything."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    text = str(value).strip()
    if len(text) > _LONGEST or _NUMBER.fullmatch(text) is None:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if abs(found) <= LARGEST else None


def decimal_text(value: Decimal | None, *, places: int | None = None) -> str | None:
    """Digits without an exponent and without closing zeros: `1E+3` → `1000`. places: rounded to so many decimals."""
    if value is None:
        return None
    text = format(value if places is None else round(value, places), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
