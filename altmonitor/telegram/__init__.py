"""Telegram: sending (bot), listening (poller), and every way it can say no (errors).

python-telegram-bot hands out waiting times as whole seconds with a deprecation warning unless this variable is set
before its first error is made; with it they are timedeltas.

Its HTTP client loads its own command line wherever `rich` is installed, 3 MB that no monitor needs. None stands for a
module that cannot be imported, which the client expects.
"""

import os
import sys

os.environ.setdefault("PTB_TIMEDELTA", "true")
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
