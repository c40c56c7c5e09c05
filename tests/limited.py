"""`python -m tests.limited SECONDS COMMAND…`: a command and all it started end within that time.

When the time is over the whole process group gets SIGABRT, on which every pytest process prints the stacks of its
threads, and soon after SIGKILL. The exit code is then 124, otherwise that of the command.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys

TOO_LONG = 124  # as coreutils' timeout says it
LAST_WORDS_S = 5.0


def main(arguments: list[str]) -> int:
    limit_s, command = float(arguments[0]), arguments[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    child = subprocess.Popen(command, process_group=0)
    signal.signal(signal.SIGTERM, _stopped)
    try:
        return child.wait(limit_s)
    except subprocess.TimeoutExpired:
        print(f"\nnot finished after {limit_s:.0f} s; where it stands:", file=sys.stderr, flush=True)
        _signal_group(child, signal.SIGABRT)
        return TOO_LONG
    except KeyboardInterrupt:
        _signal_group(child, signal.SIGINT)
        return 128 + signal.SIGINT
    finally:
        _end(child)


def _stopped(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        child.wait(LAST_WORDS_S)
    _signal_group(child, signal.SIGKILL)
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
