"""What stays of memory that was freed, in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

USED = """
import os, sys
from altmonitor.core.memory import give_back_large_blocks
if sys.argv[1] == "given back":
    assert give_back_large_blocks()

def resident_kb():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

for size in range(1, 9):
    bytearray(size << 20)
before = resident_kb()
canvas = bytearray(b"x") * (8 << 20)
above = [bytes(700) for _ in range(5_000)]
del canvas
print(resident_kb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_large_block_that_is_freed_goes_back_to_the_system() -> None:
    grown_kb = {}
    for way in ("left alone", "given back"):
        done = subprocess.run([sys.executable, "-c", USED, way], capture_output=True, text=True, check=True, timeout=60)
        grown_kb[way] = int(done.stdout)
    assert grown_kb["given back"] < 6_000 < 8_000 < grown_kb["left alone"]
