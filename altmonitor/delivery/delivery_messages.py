"""Queued rows → the messages that tell them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from altmonitor.core.errors import MessageRefused
from altmonitor.delivery.digest import Gather
from altmonitor.delivery.voice import Voice
from altmonitor.interfaces.delivery import Keyboard, Queued
from altmonitor.render.plain import without_markup

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class AlertMessage:
    """One message about one alert or, as part of a digest, about several.

    own_key: the alert's key when it is the message's only subject; None for a digest.
    is_late: no news any more; is_held: because of quiet hours, and then it is no delay.
    is_silent: it only joins what rang before; the voice of the destination may silence others too.
    is_whole_digest: a digest of fresh alerts that needs no second message.
    grows: id of the message that this text takes the place of; `rows` are then those that are new in it.
    """

    topic_id: int | None
    html: str
    rows: tuple[Queued, ...]
    own_key: str | None
    is_late: bool
    maybe_repeated: bool
    reply_to: int | None = None
    is_plain: bool = False
    is_held: bool = False
    is_silent: bool = False
    buttons: Keyboard = ()
    is_whole_digest: bool = False
    grows: int | None = None

    @property
    def alert_ids(self) -> list[int]:
        return [row.alert.id for row in self.rows if row.alert.id is not None]


def single(voice: Voice, topic_id: int | None, row: Queued, *, reply_to: int | None) -> AlertMessage:
    return AlertMessage(
        topic_id=topic_id,
        html=voice.renderer.alert(row.alert, maybe_repeated=row.maybe_repeated),
        rows=(row,),
        own_key=row.alert.key,
        is_late=False,
        maybe_repeated=row.maybe_repeated,
        reply_to=reply_to,
        is_silent=row.alert.details.is_silent,
        buttons=voice.renderer.buttons(row.alert),
    )


def digest(voice: Voice, topic_id: int | None, gathered: Gather) -> list[AlertMessage]:
    """In the order they shall leave. Raises ValueError when the renderer names none of the alerts."""
    doubtful = any(row.maybe_repeated for row in gathered.rows)
    by_id = {row.alert.id: row for row in gathered.rows}
    parts = voice.renderer.digest(
        [row.alert for row in gathered.rows], late=gathered.late, maybe_repeated=doubtful, held=gathered.held
    )
    is_silent = all(row.alert.details.is_silent for row in gathered.rows)
    found = [
        AlertMessage(
            topic_id=topic_id,
            html=part.html,
            rows=tuple(by_id[alert_id] for alert_id in part.alert_ids),
            own_key=None,
            is_late=gathered.late,
            is_held=gathered.held,
            is_silent=is_silent,
            maybe_repeated=doubtful,
            is_whole_digest=len(parts) == 1 and not gathered.late,
        )
        for part in parts
    ]
    if not any(message.rows for message in found):
        raise ValueError("the digest names no alert")
    return found


def is_markup_problem(problem: MessageRefused) -> bool:
    """Source: "can't parse entities" and its variants, as the Bot API writes them."""
    return "parse" in str(problem).lower() or "entit" in str(problem).lower()


def is_button_problem(problem: MessageRefused) -> bool:
    """Source: BUTTON_DATA_INVALID, BUTTON_URL_INVALID, "can't parse reply keyboard markup JSON object" and the like, as
    the Bot API writes them."""
    text = str(problem).lower()
    return "button" in text or "keyboard" in text or "reply_markup" in text


def repaired(message: AlertMessage, problem: MessageRefused) -> bool:
    """Once without the reply mark, once without buttons, once without markup; False: then this text will never be
    accepted."""
    if message.reply_to is not None and "repl" in str(problem).lower():
        message.reply_to = None
        return True
    if message.buttons and is_button_problem(problem):
        log.error("the buttons of an alert were refused, it is sent without: %s", problem)
        message.buttons = ()
        return True
    if not message.is_plain and is_markup_problem(problem):
        log.error("the markup of an alert was refused, it is sent as plain text: %s", problem)
        message.html, message.is_plain = without_markup(message.html), True
        return True
    return False
