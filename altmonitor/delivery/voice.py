"""How one destination is spoken to: in which words, with or without a bell, and when not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from altmonitor.interfaces.delivery import Renderer


def never(at_ms: int) -> int | None:
    """No quiet hours."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """is_silent: alerts and news ring no bell.

    quiet_until: unix ms → the end, unix ms, of the quiet hours that hold at that moment; None: none hold.
    """

    renderer: Renderer
    is_silent: bool = False
    quiet_until: Callable[[int], int | None] = never

    def is_quiet(self, at_ms: int) -> bool:
        return self.quiet_until(at_ms) is not None
