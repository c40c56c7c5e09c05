"""Audiences → the style of every destination. What a command changed holds from the next message on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeVar

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.delivery.digest_decision import DestinationStyle
from altmonitor.interfaces.delivery import DigestPart, Keyboard, Press
from altmonitor.render.alert_parts import alert_buttons
from altmonitor.render.alerts import alert_html
from altmonitor.render.digest import DigestContext, digest_part_again, digest_parts
from altmonitor.render.format import Style, no_name
from altmonitor.render.signed_buttons import ButtonSigner
from altmonitor.settings.audience import MINUTES_A_DAY, Audience, QuietHours
from altmonitor.settings.zones import zone_of

# ---
# The renderer delivery is given: one language, one zone.

TEXTS_REMEMBERED = 200
"""Of one language and zone. Ten thousand chats that hear the same are told it within a minute."""

_Text = TypeVar("_Text")


class MessageRenderer:
    """Implements `interfaces.delivery.Renderer`. lang: one of `types.LANGUAGES`. tz: zone of every time told.

    Many chats share one, and what is said to several of them is written once.

    market: asked for the state of the whole market when a digest of fresh alerts is written; None: not told.
    signer: signs what buttons bring back; None: there are no such buttons and the links stand in the text.
    quiet: the hours that a digest of held alerts names. has_outcome_line: see `Style`.
    """

    def __init__(
        self,
        lang: str,
        tz: tzinfo,
        *,
        market: Callable[[], DigestContext | None] | None = None,
        signer: ButtonSigner | None = None,
        quiet: QuietHours | None = None,
        has_outcome_line: bool = True,
    ) -> None:
        self._style = Style(lang=lang, tz=tz, has_outcome_line=has_outcome_line)
        self._market = market
        self._signer = signer
        self._quiet = quiet
        self._written: dict[Hashable, tuple[Sequence[Alert], object]] = {}

    def alert(self, alert: Alert, *, maybe_repeated: bool, presses: Sequence[Press] = ()) -> str:
        def write() -> str:
            has_buttons = bool(self.buttons(alert))
            return alert_html(
                alert, self._style, maybe_repeated=maybe_repeated, presses=presses, has_buttons=has_buttons
            )

        return self._once([alert], (maybe_repeated, tuple(presses)), write)

    def buttons(self, alert: Alert) -> Keyboard:
        signer = self._signer
        if signer is None:
            return ()
        return self._once([alert], "buttons", lambda: alert_buttons(alert, self._style, signer))

    def behind(self, seconds: float, *, count: int) -> str:
        key = "behind" if count == 1 else "behind_together"
        return f"<i>{self._style.say(key, seconds=f'{seconds:,.0f}', count=f'{count:,}')}</i>"

    def digest(
        self,
        alerts: Sequence[Alert],
        *,
        late: bool,
        maybe_repeated: bool = False,
        held: bool = False,
        context: DigestContext | None = None,
    ) -> list[DigestPart]:
        if context is None and not late and self._market is not None:
            context = self._market()
        quiet = self._quiet if held else None
        held_hours = None if not held else "" if quiet is None else str(quiet)

        def write() -> list[DigestPart]:
            return digest_parts(
                alerts, self._style, late=late, maybe_repeated=maybe_repeated, context=context, held=held_hours
            )

        return self._once(alerts, (late, maybe_repeated, context, held_hours), write)

    def _once(self, alerts: Sequence[Alert], how: Hashable, write: Callable[[], _Text]) -> _Text:
        """alerts: chats that are told the same event share the object; it is kept with the text, so that no other one
        can take its identity."""
        key = (how, *map(id, alerts))
        if key not in self._written:
            self._written[key] = (list(alerts), write())
            if len(self._written) > TEXTS_REMEMBERED:
                del self._written[next(iter(self._written))]
        text: _Text = self._written[key][1]  # type: ignore[assignment]
        return text

    def digest_part_again(
        self, parts: Sequence[Sequence[Alert]], number: int, *, maybe_repeated: bool = False
    ) -> str | None:
        context = None if self._market is None else self._market()
        return digest_part_again(parts, number, self._style, maybe_repeated=maybe_repeated, context=context)


# ---


_HOUR_MS = 3_600_000


class DestinationStyles:
    """A mapping that is swapped as a whole.

    A destination nobody described speaks like its chat, else like the main one. market: see `MessageRenderer`.
    signer: signs the buttons; None: messages have no buttons that come back to us. name_of: see `Style`.
    """

    def __init__(
        self,
        audiences: Sequence[Audience],
        *,
        market: Callable[[], DigestContext | None] | None = None,
        signer: ButtonSigner | None = None,
        name_of: Callable[[Destination], str] = no_name,
    ) -> None:
        self._market = market
        self._signer = signer
        self._name_of = name_of
        self._audiences: dict[Destination, Audience] = {}
        self._destination_styles: dict[Destination, DestinationStyle] = {}
        self._found: dict[Destination, DestinationStyle] = {}
        self._renderers: dict[Hashable, MessageRenderer] = {}
        self._former: dict[int, int] = {}
        self.apply(audiences)

    def apply(self, audiences: Sequence[Audience]) -> None:
        """The first one is the main one. Raises ValueError without any."""
        if not audiences:
            raise ValueError("there must be one audience at least")
        self._audiences = {audience.destination: audience for audience in audiences}
        self._renderers = {}
        self._found = {}
        self._destination_styles = {audience.destination: self._destination_style(audience) for audience in audiences}

    def moved(self, old: Destination, new: Destination) -> None:
        """The group has a new id; it speaks as before, whichever of the two the audiences know it by."""
        self._former[new.chat_id] = old.chat_id
        self._found = {}

    def audience(self, destination: Destination) -> Audience:
        """What holds for something said there."""
        for chat_id in (destination.chat_id, self._former.get(destination.chat_id)):
            for topic_id in (destination.topic_id, None):
                found = chat_id and self._audiences.get(Destination(chat_id=chat_id, topic_id=topic_id))
                if found:
                    return found
        return next(iter(self._audiences.values()))

    def of(self, destination: Destination) -> DestinationStyle:
        found = self._found.get(destination)
        if found is None:
            found = self._found[destination] = self._destination_styles[self.audience(destination).destination]
        return found

    def style(self, destination: Destination) -> Style:
        audience = self.audience(destination)
        return Style(lang=audience.lang, tz=zone_of(audience.tz), name_of=self._name_of)

    def due_ms(self, destination: Destination, queued_ms: int) -> int:
        """From when on something queued then counts as waiting: quiet hours are no delay."""
        return self.of(destination).quiet_until(queued_ms) or queued_ms

    def _destination_style(self, audience: Audience) -> DestinationStyle:
        return DestinationStyle(
            renderer=self._renderer(audience),
            is_silent=audience.is_silent,
            silent_kinds=audience.silent_kinds,
            quiet_until=lambda at_ms: quiet_until_ms(audience, at_ms),
        )

    def _renderer(self, audience: Audience) -> MessageRenderer:
        """The same for all who are spoken to alike."""
        key = (audience.lang, audience.tz, audience.quiet, audience.outcome_line)
        if key not in self._renderers:
            self._renderers[key] = MessageRenderer(
                audience.lang,
                zone_of(audience.tz),
                market=self._market,
                signer=self._signer,
                quiet=audience.quiet,
                has_outcome_line=audience.outcome_line,
            )
        return self._renderers[key]


def quiet_until_ms(audience: Audience, at_ms: int) -> int | None:
    """End of the audience's quiet hours that hold at this moment, both unix ms; None: none hold.

    The hours are those of its own clock on the wall, so a night in which that clock is changed is an hour longer or
    shorter.
    """
    quiet = audience.quiet
    if quiet is None:
        return None
    zone = zone_of(audience.tz)
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    minute = local.hour * 60 + local.minute
    if not quiet.holds(minute):
        return None
    day = local.date() if quiet.end_minute > minute else local.date() + timedelta(days=1)
    end_minute = quiet.end_minute % MINUTES_A_DAY
    end = datetime(day.year, day.month, day.day, end_minute // 60, end_minute % 60, tzinfo=zone)
    end_ms = int(end.astimezone(UTC).timestamp() * 1000)
    # The hour that the clock goes through twice: the end can lie in its first pass while we are in the second.
    return end_ms if end_ms > at_ms else end_ms + _HOUR_MS
