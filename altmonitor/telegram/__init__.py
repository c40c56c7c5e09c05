"""Telegram: sending (bot), listening (poller), and every way it can say no (errors).

python-telegram-bot hands out waiting times as whole seconds with a deprecation warning unless this variable is set
before its first error is made; with it they are timedeltas.

It is loaded here, without its own HTTP client (`request` has the one that REST uses anyway; the other brings httpx,
httpcore, anyio, h11 and, where it is installed, trio) and without the decryption of Telegram Passport (`cryptography`,
7 MB). None stands for a module that cannot be imported, which the library expects; afterwards it can be imported again.
"""

import os
import sys
from types import ModuleType


class _NoClient:
    """In the place of `HTTPXRequest`, of which nothing is ever made."""


def _load() -> None:
    client = ModuleType("telegram.request._httpxrequest")
    client.HTTPXRequest = _NoClient  # type: ignore[attr-defined]
    stand_ins = {client.__name__: client, "cryptography": None}
    left_out = {name: stand_in for name, stand_in in stand_ins.items() if name not in sys.modules}
    sys.modules.update(left_out)  # type: ignore[arg-type]
    import telegram.request  # noqa: F401

    for name in left_out:
        del sys.modules[name]


os.environ.setdefault("PTB_TIMEDELTA", "true")
_load()
