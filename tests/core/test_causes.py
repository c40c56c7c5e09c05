"""What the system and an exchange answer becomes a code."""

from __future__ import annotations

import errno

from altmonitor.core.causes import Cause, CauseCode, file_cause_code, http_cause
from altmonitor.core.errors import (
    BadAnswer,
    BudgetExhausted,
    ExchangeBlocked,
    ExchangeUnreachable,
    HandshakeRefused,
    RegionBlocked,
    RetryLater,
    StorageError,
    UnknownSymbol,
)


def test_a_status_of_an_exchange_says_what_it_means() -> None:
    found = {status: http_cause(status, f"HTTP {status}") for status in (403, 418, 429, 451, 503)}
    assert {status: (cause.code, cause.values) for status, cause in found.items()} == {
        403: (CauseCode.FIREWALL, {}),
        418: (CauseCode.BANNED, {}),
        429: (CauseCode.TOO_MANY, {}),
        451: (CauseCode.REGION, {}),
        503: (CauseCode.HTTP, {"status": 503}),
    }


def test_what_the_disk_refuses_has_a_code() -> None:
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EIO, errno.ELOOP)
    assert [file_cause_code(OSError(number, "x")) for number in numbers] == [
        CauseCode.DISK_FULL,
        CauseCode.DISK_FULL,
        CauseCode.READ_ONLY,
        CauseCode.NOT_PERMITTED,
        CauseCode.NOT_THERE,
        CauseCode.DISK_ERROR,
        CauseCode.OTHER,
    ]


def test_an_error_carries_its_line_and_the_code_of_its_kind_unless_told_otherwise() -> None:
    errors = (
        ExchangeUnreachable("none"),
        HandshakeRefused("shut", status=502),
        ExchangeBlocked("blocked", until_ms=1),
        RegionBlocked("blocked", until_ms=1),
        BudgetExhausted("empty"),
        UnknownSymbol("none"),
        BadAnswer("odd"),
        BadAnswer("HTTP 400", code=CauseCode.HTTP, status=400),
        RetryLater("Telegram asks to wait", retry_after_s=64.6),
        StorageError("odd"),
    )
    assert [error.cause for error in errors] == [
        Cause(CauseCode.NO_ANSWER, "none"),
        Cause(CauseCode.HTTP, "shut", {"status": 502}),
        Cause(CauseCode.TOO_MANY, "blocked"),
        Cause(CauseCode.REGION, "blocked"),
        Cause(CauseCode.BUDGET, "empty"),
        Cause(CauseCode.UNKNOWN_SYMBOL, "none"),
        Cause(CauseCode.UNREADABLE, "odd"),
        Cause(CauseCode.HTTP, "HTTP 400", {"status": 400}),
        Cause(CauseCode.FLOOD, "Telegram asks to wait", {"seconds": 65}),
        Cause(CauseCode.OTHER, "odd"),
    ]
    assert str(ExchangeUnreachable("none")) == "none"


def test_where_it_was_stands_before_the_line_and_the_code_stays() -> None:
    cause = ExchangeUnreachable("no answer within 10 s").cause.within("BTCUSDT")
    assert (cause.code, str(cause)) == (CauseCode.NO_ANSWER, "BTCUSDT: no answer within 10 s")
