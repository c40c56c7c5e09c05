"""A chat service in memory that keeps Telegram's limits, and a renderer whose texts are easy to read in a test."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import DeliveryError, RetryLater
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import DigestPart, InlineButton, Keyboard, Press


@dataclass(kw_only=True)
class Said:
    at_s: float
    destination: Destination
    html: str
    message_id: int
    reply_to: int | None = None
    is_edit: bool = False
    silent: bool = False
    buttons: Keyboard = ()
    png: bytes | None = None  # a picture; html is its caption


@dataclass
class FakeChannel:
    """refuse: errors for the next calls to a chat, in order. hang: calls to these chats never come back. closed: what
    every new message to a destination is refused with, until it is taken out.

    violations: each time one second per chat, 20 a minute per group or 30 a second overall was broken; such a call is
    refused with RetryLater as Telegram would.
    """

    clock: Clock
    delay_s: float = 0.0
    refuse: dict[int, deque[DeliveryError]] = field(default_factory=dict)
    hang: set[int] = field(default_factory=set)
    closed: dict[Destination, DeliveryError] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    calls: list[tuple[float, Destination]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def will_refuse(self, destination: Destination, *problems: DeliveryError) -> None:
        self.refuse.setdefault(destination.chat_id, deque()).extend(problems)

    async def send(
        self,
        destination: Destination,
        html: str,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        buttons: Keyboard = (),
    ) -> int:
        at_s = await self._arrive(destination)
        if destination in self.closed:
            raise self.closed[destination]
        said = Said(
            at_s=at_s,
            destination=destination,
            html=html,
            message_id=1000 + len(self.said),
            reply_to=reply_to,
            silent=silent,
            buttons=buttons,
        )
        self.said.append(said)
        return said.message_id

    async def edit(self, destination: Destination, message_id: int, html: str, *, buttons: Keyboard = ()) -> None:
        at_s = await self._arrive(destination)
        said = Said(at_s=at_s, destination=destination, html=html, message_id=message_id, is_edit=True, buttons=buttons)
        self.said.append(said)

    async def set_buttons(self, destination: Destination, message_id: int, buttons: Keyboard) -> None:
        at_s = await self._arrive(destination)
        said = Said(at_s=at_s, destination=destination, html="", message_id=message_id, is_edit=True, buttons=buttons)
        self.said.append(said)

    async def send_photo(
        self,
        destination: Destination,
        png: bytes,
        *,
        caption_html: str = "",
        reply_to: int | None = None,
        silent: bool = False,
    ) -> int:
        at_s = await self._arrive(destination)
        said = Said(
            at_s=at_s,
            destination=destination,
            html=caption_html,
            message_id=1000 + len(self.said),
            reply_to=reply_to,
            silent=silent,
            png=png,
        )
        self.said.append(said)
        return said.message_id

    def texts(self, destination: Destination) -> list[str]:
        return [said.html for said in self.said if said.destination == destination]

    async def _arrive(self, destination: Destination) -> float:
        at_s = self.clock.monotonic()
        self.calls.append((at_s, destination))
        if destination.chat_id in self.hang:
            await self.clock.sleep(1e9)
        if self.delay_s:
            await self.clock.sleep(self.delay_s)
        problems = self.refuse.get(destination.chat_id)
        if problems:
            raise problems.popleft()
        self._check_limits(at_s, destination)
        return at_s

    def _check_limits(self, at_s: float, destination: Destination) -> None:
        earlier = [said for said in self.said if said.destination.chat_id == destination.chat_id]
        broken = ""
        if earlier and at_s - earlier[-1].at_s < 1.0:
            broken = f"{at_s - earlier[-1].at_s:.2f} s after the last message"
        if destination.is_group and sum(1 for said in earlier if at_s - said.at_s < 60.0) >= 20:
            broken = "21 messages in a minute"
        if sum(1 for said in self.said if at_s - said.at_s < 1.0) >= 30:
            broken = "31 messages in a second"
        if broken:
            self.violations.append(broken)
            raise RetryLater("Telegram asks to wait", retry_after_s=30)


class PlainRenderer:
    """`SOLUSDT`, `SOLUSDT again#7`, and digests `digest: A B C`, `late digest: …`, `held digest: …` of at most
    `per_part` alerts. has_buttons: one under each alert, its data `press:<id>`. says_wait: `(3 after 12 s)`."""

    def __init__(self, per_part: int = 150, *, has_buttons: bool = False, says_wait: bool = False) -> None:
        self.says_wait = says_wait
        self.per_part = per_part
        self.has_buttons = has_buttons

    def buttons(self, alert: Alert) -> Keyboard:
        return ((InlineButton(text="press", data=f"press:{alert.id}"),),) if self.has_buttons else ()

    def alert(self, alert: Alert, *, maybe_repeated: bool, presses: Sequence[Press] = ()) -> str:
        if alert.symbol == "UNSPEAKABLEUSDT":
            raise ValueError("no words for this")
        ratio = "" if alert.lsr is None else f" lsr={alert.lsr}"
        pressed = "".join(f" {press.action}:{press.by}" for press in presses)
        return f"{alert.symbol}{ratio}{pressed}" + (f" again#{alert.id}" if maybe_repeated else "")

    def behind(self, seconds: float, *, count: int) -> str:
        return f"({count} after {seconds:.0f} s)" if self.says_wait else ""

    def digest(
        self, alerts: Sequence[Alert], *, late: bool, maybe_repeated: bool = False, held: bool = False
    ) -> list[DigestPart]:
        if any(alert.symbol == "UNSPEAKABLEUSDT" for alert in alerts):
            raise ValueError("no words for one of these")
        head = ("held " if held else "late " if late else "") + "digest" + (" again" if maybe_repeated else "") + ": "
        return [
            DigestPart(
                html=head + " ".join(alert.symbol for alert in some),
                alert_ids=tuple(alert.id or 0 for alert in some),
            )
            for at in range(0, len(alerts), self.per_part)
            if (some := alerts[at : at + self.per_part])
        ]

    def digest_part_again(
        self, parts: Sequence[Sequence[Alert]], number: int, *, maybe_repeated: bool = False
    ) -> str | None:
        return self.digest(parts[number], late=False, maybe_repeated=maybe_repeated)[0].html
