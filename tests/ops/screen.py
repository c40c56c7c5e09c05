"""A program in a terminal of its own: what stands on the screen, and a keyboard."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.forked import Forked, altmonitor_on

PATIENCE_S = 60.0
NOTICED_S = 10.0
ATTEMPTS = 3
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
CTRL_C, CTRL_D = "\x03", "\x04"


class Screen:
    """all: everything shown since the start, without colours. `sees` goes on behind what it saw last."""

    def __init__(self, process: asyncio.subprocess.Process | Forked, keyboard: int) -> None:
        self._process = process
        self._keyboard = keyboard
        self._news = asyncio.Event()
        self._is_over = False
        self._raw = b""
        self._seen = 0
        asyncio.get_running_loop().add_reader(keyboard, self._read)

    @property
    def all(self) -> str:
        return _ESCAPES.sub("", self._raw.decode("utf-8", "replace")).replace("\r\n", "\n")

    @property
    def pid(self) -> int:
        return self._process.pid

    async def sees_anywhere(self, text: str, *, within_s: float = PATIENCE_S) -> None:
        """As `sees`, from the start on."""
        self._seen = 0
        await self.sees(text, within_s=within_s)

    async def sees(self, text: str, *, within_s: float = PATIENCE_S) -> None:
        """Raises AssertionError with the screen when it does not come."""
        try:
            async with asyncio.timeout(within_s):
                while (at := self.all.find(text, self._seen)) < 0:
                    assert not self._is_over, f"ended without {text!r}:\n{self.all}"
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {text!r} within {within_s} s:\n{self.all}") from None
        self._seen = at + len(text)

    def types(self, keys: str, *, enter: bool = True) -> None:
        os.write(self._keyboard, (keys + ("\r" if enter else "")).encode())

    async def answers(self, question: str, keys: str = "") -> None:
        await self.sees(question)
        self.types(keys)

    async def interrupted(self) -> int:
        """The exit code after Ctrl-C. A question that is shown is not yet a program that waits for keys: a signal just
        in between is noticed with the next one only, so it is pressed again."""
        for _ in range(ATTEMPTS):
            self.types(CTRL_C, enter=False)
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTICED_S):
                    await self._process.wait()
                    break
        return await self.ended()

    async def ended(self, *, within_s: float = PATIENCE_S) -> int:
        """The exit code."""
        try:
            async with asyncio.timeout(within_s):
                code = await self._process.wait()
                while not self._is_over:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"still running:\n{self.all}") from None
        return code

    def _read(self) -> None:
        try:
            chunk = os.read(self._keyboard, 65_536)
        except OSError:  # the program's end of the terminal is closed
            chunk = b""
        self._raw += chunk
        self._news.set()
        if not chunk:
            self._is_over = True
            asyncio.get_running_loop().remove_reader(self._keyboard)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._keyboard)
        os.close(self._keyboard)


@asynccontextmanager
async def terminal(
    command: Sequence[str], *, environ: Mapping[str, str], folder: Path, size: tuple[int, int] = (50, 130)
) -> AsyncIterator[Screen]:
    """Killed at the end with everything it started, if it still runs. size: lines and columns."""
    ours, theirs = _opened(size)
    # A session of its own whose terminal this is: so Ctrl-C becomes a signal, and getpass finds its /dev/tty. A run of
    # the tests in the background of a shell ignores that signal, which children inherit.
    takes_terminal = (
        "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        takes_terminal,
        *command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=_environment(environ, folder),
        cwd=folder,
    )
    os.close(theirs)
    async with _shown(process, ours) as screen:
        yield screen


@asynccontextmanager
async def altmonitor_in_terminal(
    *words: str, environ: Mapping[str, str], folder: Path, size: tuple[int, int] = (50, 130)
) -> AsyncIterator[Screen]:
    """As `terminal`, a command of the program without loading it anew."""
    ours, theirs = _opened(size)
    process = await altmonitor_on(theirs, *words, environ=_environment(environ, folder), folder=folder)
    os.close(theirs)
    async with _shown(process, ours) as screen:
        yield screen


def _opened(size: tuple[int, int]) -> tuple[int, int]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    return ours, theirs


def _environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8", **environ}


@asynccontextmanager
async def _shown(process: asyncio.subprocess.Process | Forked, keyboard: int) -> AsyncIterator[Screen]:
    screen = Screen(process, keyboard)
    try:
        yield screen
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        screen.close()
