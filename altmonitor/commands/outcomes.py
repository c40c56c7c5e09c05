"""/outcomes: what became of the alerts that were told."""

from __future__ import annotations

from altmonitor.commands.arguments import NoWords
from altmonitor.commands.outcome import CommandContext, Queries
from altmonitor.commands.replies import HistoryOff, PlainReply
from altmonitor.core.outcome import OutcomeSummary


class OutcomesShown(PlainReply, frozen=True, kw_only=True):
    summary: OutcomeSummary
    now_s: float


async def outcomes(request: NoWords, now: CommandContext, queries: Queries) -> PlainReply:
    """Of all chats together: what follows an alert does not depend on who was told."""
    if queries.outcomes is None:
        return HistoryOff(command="outcomes")
    return OutcomesShown(summary=await queries.outcomes(), now_s=now.now_s)
