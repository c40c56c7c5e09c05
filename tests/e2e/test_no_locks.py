"""A file system without locks, as a network share may be: the program itself, under a libc that refuses every lock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#define REFUSING(name) int name(int file, int command, ...) { \
    va_list given; va_start(given, command); void *value = va_arg(given, void *); va_end(given); \
    if (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) { errno = ENOLCK; return -1; } \
    static int (*real)(int, int, ...); if (!real) real = dlsym(RTLD_NEXT, #name); \
    return real(file, command, value); }
REFUSING(fcntl)
REFUSING(fcntl64)
int flock(int file, int command) { errno = ENOLCK; return -1; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler here, or no LD_PRELOAD")
    folder = tmp_path_factory.mktemp("nolocks")
    (folder / "no.c").write_text(LIBRARY)
    made = subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", "no.so", "no.c", "-ldl"], cwd=folder, capture_output=True
    )
    if made.returncode:
        pytest.skip(f"cannot be compiled here: {made.stderr.decode()[:200]}")
    return folder / "no.so"


def test_monitor_and_tracker_end_at_once_with_one_line_that_names_the_way_out(library: Path, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ},
        "LD_PRELOAD": str(library),
        "TG_BOT_TOKEN": "123456:" + "no-locks-Token_0123456789-abcdefghi",
        "TG_CHAT_ID": "1",
        "DB_FILE": "alerts.db",
        "SMART_MONEY_DB_PATH": "snapshots.db",
        "API_PORT": "0",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
        **dict.fromkeys(("BINANCE_REST_URL", "BINANCE_WEB_URL", "TELEGRAM_API_URL"), nowhere),
    }
    for arguments, file, variable in (
        (("run",), "alerts.db", "DB_FILE"),
        (("track", "--once"), "snapshots.db", "SMART_MONEY_DB_PATH"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "altmonitor", *arguments, "--env-file", os.devnull],
            env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 2, "not 1: whoever restarts it would try for ever"
        (line,) = [line for line in done.stderr.splitlines() if "CRITICAL" in line]
        assert f"{file} lies where files cannot be locked" in line
        assert f"set {variable} to a folder of a disk of this machine" in line
        assert "Traceback" not in done.stderr
