"""What the allocator of the C library keeps for itself."""

from __future__ import annotations

import ctypes
from typing import Final

LARGE_BYTES: Final = 256 * 1024
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def give_back_large_blocks() -> bool:
    """Blocks from `LARGE_BYTES` on go back to the system when they are freed, and all threads share one arena.

    Left alone, glibc raises that size with the first large block freed (the canvas of a chart), takes the next ones
    from its heap, and keeps them there; each thread that allocates gets a heap of its own besides. Both cost a monitor
    that has drawn a picture 7 MB. Python allocates in one thread at a time, so that one arena is not waited for.

    False where the C library is another one and nothing was changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES) and mallopt(_M_ARENA_MAX, 1))
