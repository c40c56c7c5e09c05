"""`altmonitor …` as a process of its own, forked from one that has the program loaded: 0.1 s of a processor, not 1.3 s.

Its settings, files, pipes, signals and exit code are its own, and so is everything that a start does once the modules
are there. What a start loads, and what Python or a library takes from the environment while it loads, is tested with
`python -m altmonitor`.
"""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")


def _become(words: tuple[str, ...], environ: dict[str, str], folder: str, out: Connection, err: Connection) -> None:
    """In the new process: what a shell and the interpreter would have done."""
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(folder)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, taken in ((0, null), (1, out.fileno()), (2, err.fileno())):
        os.dup2(taken, number)
    os.close(null)
    out.close()
    err.close()
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

    def __init__(self, process: ForkServerProcess, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
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
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err


async def altmonitor(*words: str, environ: Mapping[str, str], folder: Path | None = None, limit: int = 2**24) -> Forked:
    """Started with nothing to read. limit: of a line, for `readline`."""
    # The first one starts what the others are forked from: with all of the program that this process has loaded.
    _FORKS.set_forkserver_preload([name for name in sorted(sys.modules) if name.startswith("altmonitor.")])
    (out, out_there), (err, err_there) = _FORKS.Pipe(duplex=False), _FORKS.Pipe(duplex=False)
    there = (words, dict(environ), str(folder or Path.cwd()), out_there, err_there)
    process = _FORKS.Process(target=_become, args=there)
    try:
        await asyncio.to_thread(process.start)
    finally:
        out_there.close()
        err_there.close()
    return Forked(process, await _read(out, limit), await _read(err, limit))


async def _read(pipe: Connection, limit: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit, loop=loop)
    file = open(os.dup(pipe.fileno()), "rb", 0)  # noqa: ASYNC230, SIM115 — a pipe; the transport closes it
    pipe.close()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader, loop=loop), file)
    return reader
