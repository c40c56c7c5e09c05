"""Telegram: sending (bot), listening (poller), and every way it can say no (errors).

Of python-telegram-bot what reads an answer is used: its errors, and the request that raises them. It is loaded here
without the rest, which costs a monitor 12 MB and 0.2 s of CPU at each start: 170 modules with the types of the Bot API
(answers are taken as they came, see `bot`), the HTTP client with httpx, httpcore, anyio and h11 (`request` has the one
that REST uses), and with the types the decryption of Telegram Passport. Whoever imports `telegram` later has all of it.
A version of it that is arranged in another way is loaded whole.

The library hands out waiting times as whole seconds with a deprecation warning unless PTB_TIMEDELTA is set before its
first error is made; with it they are timedeltas.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["BaseRequest"]

if TYPE_CHECKING:
    from telegram.request import BaseRequest


class _Nothing:
    """In the place of `RequestData`, which is named in annotations only."""


def _base_request() -> "type[BaseRequest]":
    try:
        return _without_the_types()
    except ImportError:
        from telegram.request import BaseRequest

        return BaseRequest


def _without_the_types() -> "type[BaseRequest]":
    """Raises ImportError when the library has other modules than those of today, or is loaded already."""
    found = find_spec("telegram")
    if "telegram" in sys.modules or found is None or found.origin is None:
        raise ImportError("there is nothing to leave out")
    folder = Path(found.origin).parent
    # Two packages whose own code does not run, and the module that would load the types.
    package, request, data = (
        ModuleType(name) for name in ("telegram", "telegram.request", "telegram.request._requestdata")
    )
    package.__path__, request.__path__ = [str(folder)], [str(folder / "request")]
    data.RequestData = _Nothing  # type: ignore[attr-defined]
    stand_ins = {module.__name__: module for module in (package, request, data)}
    sys.modules.update(stand_ins)
    try:
        from telegram.request._baserequest import BaseRequest
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return BaseRequest


os.environ.setdefault("PTB_TIMEDELTA", "true")
if not TYPE_CHECKING:
    BaseRequest = _base_request()
