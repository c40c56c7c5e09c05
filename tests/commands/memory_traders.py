"""What a chat asks about followed traders, answered from two fixed values."""

from __future__ import annotations

from dataclasses import dataclass, field

from altmonitor.interfaces.traders import CoinOfPool, TraderPicture
from tests.render.trader_replies import PERSON, POOL


@dataclass
class MemoryTraders:
    """Satisfies `TraderQueries`: tells of BTC and of one person."""

    asked: list[str] = field(default_factory=list)
    problem: Exception | None = None

    async def whales(self, base: str) -> CoinOfPool | None:
        self.asked.append(base)
        if self.problem is not None:
            raise self.problem
        return POOL if base == "BTC" else None

    async def trader(self, author_id: str) -> TraderPicture | None:
        self.asked.append(author_id)
        return PERSON if author_id == PERSON.author_id else None
