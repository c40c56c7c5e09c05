"""`altmonitor …` as a process of its own, forked from one that has the program loaded: 0.1 s of a processor, not 1.3 s.

Its settings, files, pipes, signals and exit code are its own, and so is everything that a start does once the modules
are there. What a start loads, and what Python or a library takes from the environment while it loads, is tested with
`python -m altmonitor`.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import multiprocessing
import os
import runpy
import signal
import sys
import termios
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

_FORKS = multiprocessing.get_context("forkserver")


class _Descriptor:
    """An open file that goes along: its number there is another one."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (DupFd(self._number),)


def _arrived(passed: Any) -> int:
    number: int = passed.detach()
    return number


def _become(words: tuple[str, ...], environ: dict[str, str], folder: str, files: tuple[int, int, int]) -> None:
    """In the new process: what a shell and the interpreter would have done. files: stdin, stdout, stderr."""
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(folder)
    for number, passed in enumerate(files):
        os.dup2(passed, number)
    for passed in set(files) - {0, 1, 2}:
        os.close(passed)
    if os.isatty(0):  # a session of its own whose terminal this is: so Ctrl-C becomes a signal, and there is a /dev/tty
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["altmonitor", *words]
    try:
        runpy.run_module("altmonitor", run_name="__main__", alter_sys=True)
    except Exception:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        raise SystemExit(1) from None
    finally:
        atexit._run_exitfuncs()


class Forked:
    """What tests use of `asyncio.subprocess.Process`."""

    def __init__(
        self,
        process: ForkServerProcess,
        *,
        stdout: asyncio.StreamReader | None = None,
        stderr: asyncio.StreamReader | None = None,
    ) -> None:
        self._process = process
        self._ended = asyncio.Event()
        self.pid = process.pid or 0
        self.returncode: int | None = None
        self.stdout = stdout
        self.stderr = stderr
        asyncio.get_running_loop().add_reader(process.sentinel, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self.returncode = self._process.exitcode
        self._process.close()
        self._ended.set()

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        assert self.stdout is not None
        assert self.stderr is not None
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err


async def altmonitor(*words: str, environ: Mapping[str, str], folder: Path | None = None, limit: int = 2**24) -> Forked:
    """On pipes, with nothing to read. limit: of a line, for `readline`."""
    (out, out_there), (err, err_there) = os.pipe(), os.pipe()
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        process = await _started(words, environ, folder, (null, out_there, err_there))
    finally:
        for number in (null, out_there, err_there):
            os.close(number)
    return Forked(process, stdout=await _reader(out, limit), stderr=await _reader(err, limit))


async def altmonitor_on(terminal: int, *words: str, environ: Mapping[str, str], folder: Path) -> Forked:
    """On that terminal, which becomes its own."""
    return Forked(await _started(words, environ, folder, (terminal, terminal, terminal)))


async def _started(
    words: tuple[str, ...], environ: Mapping[str, str], folder: Path | None, files: tuple[int, int, int]
) -> ForkServerProcess:
    # The first one starts what the others are forked from: with all of the program that this process has loaded.
    _FORKS.set_forkserver_preload([name for name in sorted(sys.modules) if name.startswith("altmonitor.")])
    passed = tuple(_Descriptor(number) for number in files)
    given = (words, dict(environ), str(folder or Path.cwd()), passed)
    process = _FORKS.Process(target=_become, args=given, daemon=True)  # daemon: ended with this process at the latest
    await asyncio.to_thread(process.start)
    return process


async def _reader(pipe: int, limit: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit, loop=loop)
    file = open(pipe, "rb", 0)  # noqa: ASYNC230, SIM115 — the transport closes it
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader, loop=loop), file)
    return reader
