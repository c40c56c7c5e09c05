"""Alerts as the pages list them: the words of the chat, the alert's own key, and the way to why it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from altmonitor.core.alert import Alert, Kind
from altmonitor.core.types import VENUE_NAMES, VENUE_TITLES, Venue, named_venue
from altmonitor.detectors.kinds import KINDS
from altmonitor.operations.alerts import AlertEntry, AlertsArguments, get_alerts
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument
from altmonitor.render import format as n
from altmonitor.render.alert_values import headline_key, number, over_text
from altmonitor.render.format import Style, joined
from altmonitor.render.kinds import FACES, value_text
from altmonitor.render.texts.page_texts import say_page
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.web.pages.rendering import one, whole

SHOWN: Final = 50
SHOWN_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """key: the same as in the chat and in the database. venue: '' for the main one. at_s: unix seconds of the minute
    `why` is asked about.

    what_html, facts_html: of the chat's words, escaped. title: threshold, window and ages of what was measured.
    """

    key: str
    id: int | None
    symbol: str
    venue: str
    at_s: int
    when: str
    what_html: str
    facts_html: str
    delivery: str
    title: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsView:
    """next_cursor: of older ones, '' without. The rest: what the list is of, to be asked again as a piece.

    is_brief: only the headlines.
    """

    lines: list[AlertLine]
    newest_id: int
    next_cursor: str
    kind: str
    venue: str
    symbol: str
    cursor: str
    limit: int
    is_brief: bool


def kind_of(query: Mapping[str, str]) -> Kind | None:
    """None: all kinds, or a word that names none."""
    given = one(query, "kind")
    return next((kind for kind in KINDS if kind == given), None)


def venue_of(query: Mapping[str, str]) -> Venue | None:
    """None: all exchanges, or a word that names none."""
    given = one(query, "venue")
    return next((venue for venue in VENUE_NAMES if venue == given), None)


async def alerts_view(
    context: OperationContext, query: Mapping[str, str], style: Style, *, limit: int = SHOWN
) -> AlertsView:
    """query: `symbol`, `kind`, `venue`, `cursor`, `limit`, `brief`; what cannot be read is left out.

    Raises: OperationError.
    """
    kind, venue = kind_of(query), venue_of(query)
    symbol, cursor = one(query, "symbol"), one(query, "cursor", at_most=80)
    limit = whole(query, "limit", low=1, high=SHOWN_MAX, default=limit)
    arguments = AlertsArguments(limit=limit, symbol=symbol or None, kind=kind, venue=venue, cursor=cursor or None)
    try:
        page = await get_alerts(context, arguments)
    except BadArgument:  # an address that somebody wrote by hand
        symbol, cursor = "", ""
        page = await get_alerts(context, AlertsArguments(limit=limit, kind=kind, venue=venue))
    now_ms, watched = context.clock.now_ms(), context.config.venues
    return AlertsView(
        lines=[alert_line(entry, now_ms, style, watched=watched) for entry in page.alerts],
        newest_id=max((entry.id or 0 for entry in page.alerts), default=0),
        next_cursor=page.next_cursor or "",
        kind=kind or "",
        venue=venue or "",
        symbol=symbol,
        cursor=cursor,
        limit=limit,
        is_brief=one(query, "brief") == "1",
    )


def given(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def piece_of(found: AlertsView, root: str) -> str:
    """Where the same list is asked for again; `up`: by a page one level down, whose links lead up first."""
    kept = {"symbol": found.symbol, "kind": found.kind, "venue": found.venue, "cursor": found.cursor}
    kept["limit"] = str(found.limit)
    flags = {"brief": found.is_brief, "up": root == "../"}
    return f"{root}pieces/alerts?" + urlencode(given(kept | {name: "1" for name, is_set in flags.items() if is_set}))


def alert_line(entry: AlertEntry, now_ms: int, style: Style, *, watched: Sequence[Venue]) -> AlertLine:
    when = n.when(entry.event_ms, style.tz, reference_ms=now_ms)
    late = style.say("late") if entry.late else ""
    where = "" if named_venue(entry.venue, watched) is None else f"({VENUE_TITLES[entry.venue]})"
    value = f"<b>{value_text(entry, style)}</b>"
    words = (late, style.say(headline_key(entry)), value, over_text(entry, style), where)
    return AlertLine(
        key=entry.key,
        id=entry.id,
        symbol=entry.symbol,
        venue="" if entry.venue == watched[0] else entry.venue,
        at_s=entry.minute_ms // 1000,
        when=when,
        what_html=" ".join(word for word in words if word),
        facts_html=joined(*FACES[entry.kind].lines(entry, style)),
        delivery=say_reply(style.lang, f"delivery_{entry.delivery}") if entry.delivery else "",
        title=_title(entry, style),
        why=say_page(style.lang, "why_of", symbol=entry.symbol, time=when),
    )


def _title(alert: Alert, style: Style) -> str:
    """What a pointer that rests on it is told: the unit stands in the number, the age and the sample stand here."""
    details, lang = alert.details, style.lang
    told = say_page(
        lang,
        "alert_title",
        key=alert.key,
        threshold=n.NA if details.threshold is None else number(alert.kind, details.threshold),
        window=n.span(details.window_s, lang),
        time=n.date_and_time(alert.event_ms, style.tz),
        delay=n.span(max(0.0, alert.ts - alert.event_ms / 1000), lang),
    )
    sample = "" if details.oi_age_s is None else say_page(lang, "alert_sample", age=n.age(details.oi_age_s, lang))
    return joined(told, sample)
