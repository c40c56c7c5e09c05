"""Telegram: sending (bot), listening (poller), and every way it can say no (errors).

python-telegram-bot hands out waiting times as whole seconds with a deprecation warning unless this variable is set
before its first error is made; with it they are timedeltas.

It is loaded here, without what it takes along wherever that happens to be installed: its HTTP client's command line
(`rich`, 3 MB) and the decryption of Telegram Passport (`cryptography`, 7 MB). None stands for a module that cannot be
imported, which both expect; afterwards it can be imported again.
"""

import os
import sys

os.environ.setdefault("PTB_TIMEDELTA", "true")
_LEFT_OUT = tuple(name for name in ("httpx._main", "cryptography") if name not in sys.modules)
sys.modules.update(dict.fromkeys(_LEFT_OUT))  # type: ignore[arg-type]
import telegram.request  # noqa: E402, F401

for _name in _LEFT_OUT:
    del sys.modules[_name]
