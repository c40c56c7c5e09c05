"""Which answers mean "do not ask again", and for how long. Pure: bytes and headers in, a value out.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info (2026-08): 429 over the
limit, 418 banned after ignoring it (2 minutes to 3 days), 403 web application firewall. 451 is seen in practice where
the law or the terms exclude the caller's address.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import IntEnum

from altmonitor.core.causes import Cause, CauseCode

LONGEST_BELIEVED_S = 30 * 86_400.0
"""Ten times the longest ban that is documented; beyond it a number is a typing error, and 30 days are obeyed."""

_BANNED_UNTIL = re.compile(r"banned until (\d{12,14})")
_CODE = re.compile(r'"code"\s*:\s*(-?\d+)')
_GEOGRAPHY = re.compile(
    r"restricted location|not available in your (?:country|region)|block access from your country|'b\. eligibility'",
    re.IGNORECASE,
)


class Severity(IntEnum):
    """A higher one is not softened by a lower one."""

    SOFT = 1
    HARD = 2
    REGION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`retry_after_s`: what the exchange asked for, > 0; None when it named no time."""

    severity: Severity
    status: int
    reason: Cause
    retry_after_s: float | None = None


def read_refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, exchange_ms: int, too_many_codes: Collection[int] = ()
) -> Refusal | None:
    """None when the answer is no block (which does not make it a good answer).

    headers: case-insensitive. exchange_ms: the exchange's clock now; dates in the answer are measured against it.
    too_many_codes: with which this exchange says "too many requests" in the body of any error.
    """
    text = body[:2_000].decode("utf-8", "replace") if status != 200 else ""
    if status == 451 or (status != 200 and _GEOGRAPHY.search(text)):
        severity, code, said = Severity.REGION, CauseCode.REGION, "the exchange does not serve this location"
    elif status == 403:
        severity, code, said = Severity.HARD, CauseCode.FIREWALL, "blocked by the exchange's firewall"
    elif status == 418:
        severity, code, said = Severity.SOFT, CauseCode.BANNED, "banned for too many requests"
    elif status == 429 or (status >= 400 and _code_of(text) in too_many_codes):
        severity, code, said = Severity.SOFT, CauseCode.TOO_MANY, "too many requests"
    else:
        return None
    waits = [
        wait_s
        for wait_s in (retry_after_s(headers, exchange_ms=exchange_ms), _banned_for_s(text, exchange_ms=exchange_ms))
        if wait_s is not None
    ]
    reason = Cause(code, f"HTTP {status}: {said}")
    return Refusal(severity=severity, status=status, reason=reason, retry_after_s=max(waits, default=None))


def retry_after_s(headers: Mapping[str, str], *, exchange_ms: int) -> float | None:
    """`Retry-After` as seconds or as an HTTP date; None when absent, unreadable, zero or in the past."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        wait_s = float(text)
    except ValueError:
        try:
            wait_s = parsedate_to_datetime(text).timestamp() - exchange_ms / 1000
        except (ValueError, OverflowError, OSError):
            return None
    return _believed(wait_s)


def _banned_for_s(text: str, *, exchange_ms: int) -> float | None:
    match = _BANNED_UNTIL.search(text)
    return None if match is None else _believed((int(match[1]) - exchange_ms) / 1000)


def _believed(wait_s: float) -> float | None:
    if math.isnan(wait_s) or wait_s <= 0:
        return None
    return min(wait_s, LONGEST_BELIEVED_S)


def _code_of(text: str) -> int | None:
    match = _CODE.search(text)
    return None if match is None else int(match[1])
