"""What is known of the market, as text: /top, /price, /oi, /funding, /chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from altmonitor.commands.replies import HistoryShown, StatsShown
from altmonitor.commands.replies_market import (
    ChartShown,
    FundingShown,
    NothingKnown,
    OpenInterestShown,
    PriceShown,
    TopShown,
)
from altmonitor.commands.venues import AtOtherVenues, NotAtThatVenue, VenueNotWatched
from altmonitor.core.alert import AlertStats, StoredAlert
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.interfaces.queries import TopRow
from altmonitor.market.contracts import base_of
from altmonitor.positioning.funding import VenueFunding, funding_spread
from altmonitor.render import format as n
from altmonitor.render.alert_values import headline_key, over_text
from altmonitor.render.blocks import joined, reply_lines, words
from altmonitor.render.format import Style
from altmonitor.render.kinds import value_text
from altmonitor.render.outcomes import outcome_stats_lines
from altmonitor.render.texts.reply_texts import REPLY_TEXTS, say_reply
from altmonitor.settings.days import bounds_ms

# ---
# `/history` and `/stats`: what was found, and whether it reached the reader.


@reply_lines.register
def history_lines(reply: HistoryShown, style: Style) -> list[str]:
    reference_s = history_reference_s(reply, style)
    return [*history_head(reply, style), *(stored_alert_text(told, reference_s, style) for told in reply.alerts)]


def history_reference_s(reply: HistoryShown, style: Style) -> float:
    """A moment of the day that rows need not name: a named one stands in the title."""
    return reply.now_s if reply.day is None else bounds_ms(reply.day, style.tz)[0] / 1000


def history_head(reply: HistoryShown, style: Style) -> list[str]:
    """What stands above the rows, or instead of them where there are none."""
    lang, count = style.lang, len(reply.alerts)
    filters = joined(
        words([reply.symbol], style) if reply.symbol else "",
        say_reply(lang, f"kind_{reply.kind}") if reply.kind else "",
        VENUE_TITLES[reply.venue] if reply.venue else "",
    )
    if not count:
        none = _no_alerts(reply, filters, style)
        near = say_reply(lang, "did_you_mean", suggestions=words(reply.suggestions, style)) if reply.suggestions else ""
        return [line for line in (*none, near) if line]
    of = say_reply(lang, "history_of", filters=filters) if filters else ""
    if reply.day is not None:
        key = "history_day_more" if reply.has_more else "history_day_one" if count == 1 else "history_day"
        return [line for line in (say_reply(lang, key, day=_day_text(reply.day, style), count=count), of) if line]
    title = say_reply(lang, "history_one") if count == 1 else say_reply(lang, "history", count=count)
    newest_ms = max(told.alert.event_ms for told in reply.alerts)
    today = "" if n.is_same_day(newest_ms, reply.now_s * 1000, style.tz) else say_reply(lang, "history_not_today")
    return [line for line in (title, of, today) if line]


def _no_alerts(reply: HistoryShown, filters: str, style: Style) -> list[str]:
    key = ("history_none" if reply.day is None else "history_day_none") + ("_of" if filters else "")
    day = "" if reply.day is None else _day_text(reply.day, style)
    lines = [say_reply(style.lang, key, day=day, filters=filters)]
    if reply.day is not None and reply.kept_days is not None:
        kept_from_ms = reply.now_s * 1000 - reply.kept_days * 86_400_000
        if bounds_ms(reply.day, style.tz)[1] < kept_from_ms:
            lines.append(say_reply(style.lang, "history_day_kept", days=reply.kept_days))
    return lines


def _day_text(day: date, style: Style) -> str:
    return f"{day:%Y-%m-%d} {n.zone(datetime.combine(day, time(), style.tz))}"


def stored_alert_text(told: StoredAlert, now_s: float, style: Style) -> str:
    """When, what, how much over which window, at what price, delivered or not. The time is the exchange's, as in the
    alert itself."""
    alert = told.alert
    time = n.when(alert.event_ms, style.tz, reference_ms=now_s * 1000)
    late = [style.say("late")] if alert.late else []
    symbol = f"<code>{n.symbol_text(alert.symbol)}</code>"
    what = (*late, style.say(headline_key(alert)), symbol, value_text(alert, style), over_text(alert, style))
    price = "" if alert.price is None else n.price(alert.price)
    return joined(
        time,
        " ".join(text for text in what if text),
        price,
        say_reply(style.lang, f"delivery_{told.delivery}") if told.delivery else "",
    )


@reply_lines.register
def stats_lines(reply: StatsShown, style: Style) -> list[str]:
    lang, stats = style.lang, reply.stats
    at = f" · {VENUE_TITLES[reply.venue]}" if reply.venue is not None else ""
    if not stats.total:
        return [say_reply(lang, "stats_none", hours=reply.hours) + at]
    kinds = joined(*(f"{say_reply(lang, f'kind_{kind}')} {count}" for kind, count in stats.by_kind.items() if count))
    return [
        say_reply(lang, "stats_one" if stats.total == 1 else "stats", total=stats.total, hours=reply.hours) + at,
        say_reply(lang, "stats_kinds", kinds=kinds),
        *([joined(*_counted_venues(stats))] if len(stats.by_venue) > 1 else []),
        say_reply(lang, "stats_top"),
        *(f"{count}× <code>{n.symbol_text(symbol)}</code>" for symbol, count in stats.by_symbol),
        *outcome_stats_lines(reply.outcomes, style),
    ]


def _counted_venues(stats: AlertStats) -> list[str]:
    return [f"{VENUE_TITLES[venue]} {count}" for venue, count in stats.by_venue.items()]


# ---


_ASKED_S = {"1m": 60.0, "5m": 300.0}


@reply_lines.register
def _chart(reply: ChartShown, style: Style) -> list[str]:
    chart = reply.chart
    period = n.period(chart.from_ms, chart.to_ms, style.tz, is_dated=True)
    shown = say_reply(style.lang, "chart_of", symbol=n.symbol_text(chart.symbol), period=period)
    return [joined(shown, venue_text(chart.venue))]


@reply_lines.register
def _nothing_known(reply: NothingKnown, style: Style) -> list[str]:
    symbol = f"<code>{n.symbol_text(reply.symbol)}</code>"
    key = "no_chart" if reply.command == "chart" else "nothing_known"
    return [say_reply(style.lang, key, command=reply.command, symbol=joined(symbol, venue_text(reply.venue)))]


@reply_lines.register
def _top(reply: TopShown, style: Style) -> list[str]:
    top, lang = reply.top, style.lang
    window = say_reply(lang, f"top_{top.window}")
    if not top.rising and not top.falling:
        return [joined(say_reply(lang, "top_none", window=window), venue_text(top.venue))]
    return [
        joined(say_reply(lang, "top", window=window, count=top.symbols), venue_text(top.venue)),
        *_side("top_rising", top.rising, style),
        *_side("top_falling", top.falling, style),
        *_as_of(top.as_of_ms, reply.now_s, style),
    ]


def _side(key: str, rows: Sequence[TopRow], style: Style) -> list[str]:
    if not rows:
        return []
    return [say_reply(style.lang, key), *(_top_row(row, style) for row in rows)]


def _top_row(row: TopRow, style: Style) -> str:
    volume = "" if row.day_quote_usdt is None else say_reply(style.lang, "top_volume", usd=n.usd(row.day_quote_usdt))
    shown = say_reply(
        style.lang,
        "top_row",
        change=f"<b>{n.pct(row.change_pct)}</b>",
        symbol=n.symbol_text(row.symbol),
        price=n.price(row.price),
    )
    return joined(shown, volume)


@reply_lines.register
def _venue_not_watched(reply: VenueNotWatched, style: Style) -> list[str]:
    watched = ", ".join(VENUE_TITLES[venue] for venue in reply.watched)
    venue = VENUE_TITLES[reply.venue]
    return [say_reply(style.lang, "venue_not_watched", command=reply.command, venue=venue, watched=watched)]


@reply_lines.register
def _not_at_that_venue(reply: NotAtThatVenue, style: Style) -> list[str]:
    venue, main = VENUE_TITLES[reply.venue], VENUE_TITLES[reply.main]
    return [say_reply(style.lang, f"elsewhere_{reply.about}", command=reply.command, venue=venue, main=main)]


@reply_lines.register
def _at_other_venues(reply: AtOtherVenues, style: Style) -> list[str]:
    symbol, venues = n.symbol_text(reply.symbol), ", ".join(VENUE_TITLES[venue] for venue in reply.venues)
    asked = f"/{reply.command} {base_of(reply.symbol).lower()} {reply.venues[0]}"
    return [
        say_reply(
            style.lang,
            "at_other_venues",
            command=reply.command,
            symbol=f"<code>{symbol}</code>",
            main=VENUE_TITLES[reply.main],
            venues=venues,
            example=n.escape(asked),
        )
    ]


@reply_lines.register
def _price(reply: PriceShown, style: Style) -> list[str]:
    facts, lang = reply.facts, style.lang
    changes = [
        say_reply(lang, "price_changes", window=_window(window, style), change=n.pct(change))
        for window, change in facts.changes
    ]
    day = ""
    if facts.day_high is not None and facts.day_low is not None:
        day = say_reply(lang, "price_day", low=n.price(facts.day_low), high=n.price(facts.day_high))
    volume = "" if facts.day_quote_usdt is None else say_reply(lang, "price_volume", usd=n.usd(facts.day_quote_usdt))
    lines = [
        joined(
            say_reply(lang, "price_of", symbol=n.symbol_text(facts.symbol), price=n.price(facts.price)),
            venue_text(facts.venue),
        ),
        joined(*changes),
        joined(day, volume),
        _mark_price(facts.mark_price, style),
        *_as_of(facts.event_ms, reply.now_s, style),
    ]
    return [line for line in lines if line]  # what is not known has no line


@reply_lines.register
def _open_interest(reply: OpenInterestShown, style: Style) -> list[str]:
    facts, lang = reply.facts, style.lang
    changes = []
    for window, change, span_s in (
        ("1m", facts.change_1m_pct, facts.span_1m_s),
        ("5m", facts.change_5m_pct, facts.span_5m_s),
    ):
        shown = n.pct(change)
        if change is not None and span_s is not None and abs(span_s - _ASKED_S[window]) > 1:
            shown = say_reply(lang, "oi_measured", change=shown, span=n.span(span_s, lang))
        changes.append(say_reply(lang, "oi_changed", window=_window(window, style), change=shown))
    quantity, base = n.quantity(facts.contracts), n.symbol_text(base_of(facts.symbol))
    lines = [
        joined(
            say_reply(lang, "oi_of", symbol=n.symbol_text(facts.symbol), usd=n.usd(facts.usd)), venue_text(facts.venue)
        ),
        say_reply(lang, "oi_contracts", quantity=quantity, base=base),
        joined(*changes),
        *_as_of(facts.sampled_ms, reply.now_s, style),
    ]
    return [line for line in lines if line]  # what is not known has no line


@reply_lines.register
def _funding(reply: FundingShown, style: Style) -> list[str]:
    facts, lang = reply.facts, style.lang
    each = "" if facts.interval_h is None else say_reply(lang, "funding_each", hours=n.exact(facts.interval_h))
    coming = ""
    if facts.next_ms is not None:
        time = n.when(facts.next_ms, style.tz, reference_ms=reply.now_s * 1000)
        left = n.duration(facts.next_ms / 1000 - reply.now_s, lang)
        coming = say_reply(lang, "funding_next", time=time, left=left)
    rate = n.pct(facts.rate * 100, 4)
    lines = [
        joined(
            say_reply(lang, "funding_of", symbol=n.symbol_text(facts.symbol), rate=rate), each, venue_text(facts.venue)
        ),
        coming,
        _mark_price(facts.mark_price, style),
        *venue_funding_lines(facts.venues, style),
        *_as_of(facts.as_of_ms, reply.now_s, style),
    ]
    return [line for line in lines if line]  # what is not known has no line


def venue_funding_lines(rows: Sequence[VenueFunding], style: Style) -> list[str]:
    """Side by side and per 8 hours, and how far they are apart; nothing where one venue is known."""
    spread = funding_spread({row.venue: row.rate_8h for row in rows})
    if spread is None:
        return []
    rates = []
    for row in rows:
        rate = n.pct(row.rate_8h * 100, 4)
        told = rate if row.source == "own" else say_reply(style.lang, "funding_told", rate=rate)
        rates.append(f"{VENUE_TITLES[row.venue]} {told}")
    apart = n.pct(spread.spread_8h * 100, 4), n.pct(spread.apr_pct, 1)
    return [
        say_reply(style.lang, "funding_per_8h", rates=joined(*rates)),
        say_reply(style.lang, "funding_spread", spread=apart[0].lstrip("+"), year=apart[1].lstrip("+")),
    ]


def venue_text(venue: Venue | None) -> str:
    return "" if venue is None else VENUE_TITLES[venue]


def _mark_price(price: float | None, style: Style) -> str:
    return "" if price is None else say_reply(style.lang, "mark_price", price=n.price(price))


def _window(window: str, style: Style) -> str:
    """One that has no name yet is shown as it is called."""
    key = f"top_{window}"
    return say_reply(style.lang, key) if key in REPLY_TEXTS[style.lang] else n.escape(window)


def _as_of(unix_ms: int | None, now_s: float, style: Style) -> list[str]:
    if unix_ms is None:
        return []
    time = n.when(unix_ms, style.tz, reference_ms=now_s * 1000)
    age = n.age(now_s - unix_ms / 1000, style.lang)
    return [f"<i>{say_reply(style.lang, 'as_of', time=time, age=age)}</i>"]
