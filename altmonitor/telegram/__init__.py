"""Telegram: sending (bot), listening (poller), and every way it can say no (errors).

python-telegram-bot hands out waiting times as whole seconds with a deprecation warning unless this variable is set
before its first error is made; with it they are timedeltas.
"""

import os

os.environ.setdefault("PTB_TIMEDELTA", "true")
