"""Why an operation gave no answer, typed once: HTTP makes problem details of it (RFC 9457), MCP error results.

OperationError
├── BadArgument        an argument is missing, unknown, of the wrong type or out of its range
├── NotFound           nothing is known by that name
│   └── UnknownContract    the exchange lists no such contract (any more)
├── Forbidden          whoever asks may read, and this writes
├── Unavailable        it cannot be had now or in this process; `detail` says what to do
│   ├── NoMonitor          only a running monitor knows it
│   └── DataStale          no venue answers; what was known last is in `data`
├── Blocked            the exchange refuses us until `until_ms`
└── Unreachable        the exchange gave no usable answer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from altmonitor.core.errors import (
    AltmonitorError,
    BudgetExhausted,
    ExchangeBlocked,
    ExchangeError,
    KeyRefused,
    NotOffered,
    StorageError,
    UnknownSymbol,
    UnknownTrader,
)

BUDGET_RETRY_S = 60
UNREACHABLE_RETRY_S = 10


class OperationError(Exception):
    """`str()` and `detail`: one line for whoever asked. code: the same word for programs. status: of an HTTP answer.

    until_ms: unix ms before which asking again is of no use; retry_after_s: seconds after which it may be. None: not
    known, or asking again does not help.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str, *, until_ms: int | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.until_ms = until_ms
        self.retry_after_s = retry_after_s


class BadArgument(OperationError):
    code, status, title = "bad_argument", 400, "An argument is wrong"


class NotFound(OperationError):
    code, status, title = "not_found", 404, "Nothing by that name"


class UnknownContract(NotFound):
    code, status, title = "unknown_contract", 404, "No such contract"


class Forbidden(OperationError):
    code, status, title = "forbidden", 403, "Not permitted"


class Unavailable(OperationError):
    code, status, title = "unavailable", 503, "Not to be had now"


class NoMonitor(Unavailable):
    """To other programs it is Unavailable; in ours whoever stands beside a monitor asks that one."""


class DataStale(Unavailable):
    """data: the answer as it was given last, None without any."""

    def __init__(self, detail: str, *, data: Mapping[str, Any] | None) -> None:
        super().__init__(detail, retry_after_s=UNREACHABLE_RETRY_S)
        self.data = data


class Blocked(OperationError):
    code, status, title = "blocked", 503, "The exchange refuses us"


class Unreachable(OperationError):
    code, status, title = "unreachable", 502, "The exchange gave no usable answer"


OPERATION_ERRORS: tuple[type[OperationError], ...] = (
    BadArgument,
    NotFound,
    UnknownContract,
    Forbidden,
    Unavailable,
    Blocked,
    Unreachable,
)


def translated(problem: AltmonitorError, *, now_ms: int) -> OperationError:
    """What the parts below raise → what is answered."""
    text = str(problem)
    match problem:
        case ExchangeBlocked():
            wait_s = max(1, -(-(problem.until_ms - now_ms) // 1000))
            return Blocked(text, until_ms=problem.until_ms, retry_after_s=wait_s)
        case UnknownSymbol():
            return UnknownContract(text)
        case BudgetExhausted():
            return Unavailable(text, retry_after_s=BUDGET_RETRY_S)
        case UnknownTrader():
            return NotFound(text)
        case KeyRefused():
            return Unavailable(text)
        case ExchangeError():
            return Unreachable(text, retry_after_s=UNREACHABLE_RETRY_S)
        case NotOffered():
            return BadArgument(text)
        case StorageError():
            return Unavailable(text)
        case _:
            return Unavailable(text)
