"""What the sub-commands share. Nothing heavy is imported here: `--help` answers at once."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click

ENV_FILE = click.Path(path_type=Path, dir_okay=False)


def end_by_signals() -> None:
    """While it loads: as process 1 a signal without a handler is ignored, and Ctrl-C deserves no stack trace."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: os._exit(128 + received))


def leave(code: int) -> NoReturn:
    sys.exit(code)
