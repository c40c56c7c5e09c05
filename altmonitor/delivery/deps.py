"""What every chat queue of the dispatcher is given."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from altmonitor.core.alert import Alert
from altmonitor.core.backoff import Backoff
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError, TokenRefused
from altmonitor.core.types import Destination
from altmonitor.delivery.digest_decision import DestinationStyle
from altmonitor.delivery.pacing import Latency
from altmonitor.delivery.turns import BotTurns
from altmonitor.interfaces.delivery import Channel, Outbox, Renderer

if TYPE_CHECKING:  # handed in by the composition root
    from altmonitor.delivery.presses import PressMemory

# ---
# How one destination is spoken to: in which words, with or without a bell, and when not at all.


# ---


log = logging.getLogger(__name__)

LONGEST_STORAGE_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """A message got through to a destination again, or alerts for it were given up.

    since_ms: when it stopped, unix ms; None: it did not stop in this run, an earlier one left alerts that are too old.
    is_closed: the destination itself had refused the bot; else the chat service could not be reached, or asked to wait.
    late: alerts that waited for it and come now. given_up: alerts that had become older than a day.
    """

    since_ms: int | None
    at_ms: int
    reason: Cause | None = None
    is_closed: bool = False
    late: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEvents:
    """What the program wants to know. All are synchronous, must not raise and must not block.

    closed: the bot may not write to a destination (and why), once; its alerts wait until it may.
    resumed: a message got through after a while without one; see `Resumption`.
    refused: so many alerts were refused for what they say and are given up (and why).
    moved: a group became a supergroup: old → new destination; the outbox has remembered it already.
    fatal: the token of a bot is refused, once each; nothing is sent by it any more, everything stays queued.
    topic_lost: a forum topic is deleted or closed, once; what belongs there is said in the chat's general topic.
    topic_found: it can be written to again; so many messages of its went to the general topic.
    sent: an alert went out as a message of its own (where, alert, message id), and nothing else waits there.
    """

    closed: Callable[[Destination, Cause], None] = lambda destination, reason: None
    resumed: Callable[[Destination, Resumption], None] = lambda destination, resumption: None
    refused: Callable[[Destination, int, Cause], None] = lambda destination, count, reason: None
    moved: Callable[[Destination, Destination], None] = lambda old, new: None
    fatal: Callable[[TokenRefused], None] = lambda problem: None
    topic_lost: Callable[[Destination, Cause], None] = lambda destination, reason: None
    topic_found: Callable[[Destination, int], None] = lambda destination, count: None
    sent: Callable[[Destination, Alert, int], None] = lambda destination, alert, message_id: None


def of_one_bot() -> Callable[[int], BotTurns]:
    """Every chat is spoken to by the same one."""
    turns = BotTurns()
    return lambda chat_id: turns


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDeps:
    """min_interval_s: seconds between two messages to one chat; None = 3.2 for groups, 1.05 for private chats.

    destination_styles: how a destination is spoken to now, asked anew for every message; None: all alike, in the
    words of `renderer`.
    presses: what readers pressed; None: nobody can press.
    turns_of: of the bot that speaks to this chat: when each of its chats may.
    """

    outbox: Outbox
    channel: Channel
    renderer: Renderer
    clock: Clock
    destination_styles: Callable[[Destination], DestinationStyle] | None = None
    presses: PressMemory | None = None
    min_interval_s: float | None = None
    events: DeliveryEvents = field(default_factory=DeliveryEvents)
    turns_of: Callable[[int], BotTurns] = field(default_factory=of_one_bot)
    latency: Latency = field(default_factory=Latency)

    def style_of(self, destination: Destination) -> DestinationStyle:
        return (
            DestinationStyle(renderer=self.renderer)
            if self.destination_styles is None
            else self.destination_styles(destination)
        )

    async def insist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Until the outbox has written it: a message that is out but not recorded would be sent again."""
        backoff = Backoff(first_s=0.1, longest_s=LONGEST_STORAGE_PAUSE_S)
        while True:
            try:
                await action()
            except StorageError as problem:
                log.warning("the outbox refuses, trying again: %s", problem)
                await self.clock.sleep(backoff.next_s())
            else:
                return
