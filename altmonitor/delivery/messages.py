"""The messages alerts leave in: queued rows → what tells them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import MessageRefused
from altmonitor.delivery.digest_decision import DestinationStyle, Gather
from altmonitor.delivery.split_digests import Parts
from altmonitor.interfaces.delivery import Keyboard, Queued
from altmonitor.render.format import MESSAGE_UNITS_MAX, utf16_len, without_markup

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class AlertMessage:
    """One message about one alert or, as part of a digest, about several.

    own_key: the alert's key when it is the message's only subject; None for a digest.
    is_late: no news any more; is_held: because of quiet hours, and then it is no delay.
    is_silent: it only joins what rang before; the style of the destination may silence others too.
    is_whole_digest: a digest of fresh alerts that needs no second message.
    parts: where such a digest needs several and says what candles had so far, the keys that each of them names; this
        one those of `rows`.
    grows: id of the message that this text takes the place of; `rows` are then those that are new in it.
    wait_line: how long it had to wait, '' where that is no word worth; it stands at the end of `html`.
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
    parts: Parts = ()
    grows: int | None = None
    wait_line: str = ""

    @property
    def alert_ids(self) -> list[int]:
        return [row.alert.id for row in self.rows if row.alert.id is not None]


def with_line(html: str, line: str) -> str:
    """Where the message has room for it."""
    longer = f"{html}\n{line}"
    return longer if line and utf16_len(longer) <= MESSAGE_UNITS_MAX else html


def single(
    destination_style: DestinationStyle,
    topic_id: int | None,
    row: Queued,
    *,
    reply_to: int | None,
    behind_s: float | None = None,
) -> AlertMessage:
    """behind_s: how long it had to wait; None: not worth a word."""
    renderer = destination_style.renderer
    wait_line = "" if behind_s is None else renderer.behind(behind_s, count=1)
    return AlertMessage(
        topic_id=topic_id,
        html=with_line(renderer.alert(row.alert, maybe_repeated=row.maybe_repeated), wait_line),
        rows=(row,),
        own_key=row.alert.key,
        is_late=False,
        maybe_repeated=row.maybe_repeated,
        reply_to=reply_to,
        is_silent=row.alert.details.is_silent,
        buttons=renderer.buttons(row.alert),
        wait_line=wait_line,
    )


def digest(
    destination_style: DestinationStyle, topic_id: int | None, alert_group: Gather, *, behind_s: float | None = None
) -> list[AlertMessage]:
    """In the order they shall leave; the first one says how long it had to wait. Raises ValueError when the renderer
    names none of the alerts."""
    doubtful = any(row.maybe_repeated for row in alert_group.rows)
    by_id = {row.alert.id: row for row in alert_group.rows}
    parts = destination_style.renderer.digest(
        [row.alert for row in alert_group.rows], late=alert_group.late, maybe_repeated=doubtful, held=alert_group.held
    )
    is_silent = all(row.alert.details.is_silent for row in alert_group.rows)
    is_running = any(row.alert.is_running for row in alert_group.rows)
    is_split = len(parts) > 1 and not alert_group.late and is_running
    keys = tuple(tuple(by_id[alert_id].alert.key for alert_id in part.alert_ids) for part in parts)
    count = len(alert_group.rows)
    wait_line = "" if behind_s is None else destination_style.renderer.behind(behind_s, count=count)
    found = [
        AlertMessage(
            topic_id=topic_id,
            html=with_line(part.html, wait_line) if number == 0 else part.html,
            rows=tuple(by_id[alert_id] for alert_id in part.alert_ids),
            own_key=None,
            is_late=alert_group.late,
            is_held=alert_group.held,
            is_silent=is_silent,
            maybe_repeated=doubtful,
            is_whole_digest=len(parts) == 1 and not alert_group.late,
            parts=keys if is_split else (),
            wait_line=wait_line if number == 0 else "",
        )
        for number, part in enumerate(parts)
    ]
    if not any(message.rows for message in found):
        raise ValueError("the digest names no alert")
    return found


def repaired(message: AlertMessage, problem: MessageRefused) -> bool:
    """Once without the reply mark, once without buttons, once without markup; False: then this text will never be
    accepted."""
    code = problem.cause.code
    if message.reply_to is not None and code is CauseCode.REPLY_GONE:
        message.reply_to = None
        return True
    if message.buttons and code is CauseCode.BUTTONS:
        log.error("the buttons of an alert were refused, it is sent without: %s", problem)
        message.buttons = ()
        return True
    if not message.is_plain and code is CauseCode.MARKUP:
        log.error("the markup of an alert was refused, it is sent as plain text: %s", problem)
        message.html, message.is_plain = without_markup(message.html), True
        return True
    return False
