"""`/status`: the settings in force, and whether the monitor sees, tells and may ask, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from altmonitor.commands.record import UptimeShown
from altmonitor.commands.replies import StatusShown
from altmonitor.commands.venues import VenuesShown
from altmonitor.core.alert import DETECTED_KINDS
from altmonitor.core.health import Health
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import VENUE_TITLES
from altmonitor.render import format as n
from altmonitor.render.blocks import (
    adaptive_lines,
    joined,
    kinds_text,
    money,
    mute_end,
    name_lines,
    name_of,
    packed,
    reply_lines,
    setting_text,
    setting_value,
    sound_text,
)
from altmonitor.render.format import Style
from altmonitor.render.reasons import reason_text
from altmonitor.render.texts.reply_texts import REPLY_TEXTS, say_reply
from altmonitor.settings.changes import sound_of
from altmonitor.settings.settings import EVERY_SYMBOL, SETTINGS, VENUE_MARKS, Unit


@reply_lines.register
def status_lines(reply: StatusShown, style: Style) -> list[str]:
    return [*_health_lines(reply.health, reply.now_s, style), "", *_settings_lines(reply, style)]


@reply_lines.register
def venues_lines(reply: VenuesShown, style: Style) -> list[str]:
    lines = [say_reply(style.lang, "venues_title")]
    for one in reply.venues:
        feed, guard = one.feed, one.guard
        is_seen = not feed.is_blind and feed.last_frame_age_s is not None
        facts = say_reply(
            style.lang,
            "venue_seen" if is_seen else "venue_blind",
            venue=VENUE_TITLES[one.venue],
            covered=feed.symbols_covered,
            expected=feed.symbols_expected,
            age=n.age(feed.last_frame_age_s, style.lang),
        )
        refused = clock = ""
        if guard.state != "open" and guard.until_ms is not None:
            until = n.when(guard.until_ms, style.tz, reference_ms=reply.now_s * 1000)
            refused = say_reply(style.lang, "venue_guard", time=until)
        if one.clock_ms is not None:
            clock = say_reply(style.lang, "venue_clock", ms=round(one.clock_ms))
        lines.append(joined(facts, clock, _usage(guard, style), refused))
        if one.venue in reply.off:
            lines.append(say_reply(style.lang, "venue_off", name=one.venue))
    if len(reply.venues) > 1:
        lines.append(say_reply(style.lang, "venues_hint", name=reply.venues[-1].venue))
    return lines


def _usage(guard: GuardStatus, style: Style) -> str:
    """Of what the exchange lets us ask; it counts weight or requests."""
    if guard.weight_limit:
        return say_reply(style.lang, "venue_weight", used=guard.weight_used, limit=guard.weight_limit)
    if not guard.requests_limit:
        return ""
    return say_reply(
        style.lang,
        "venue_requests",
        used=guard.requests_used,
        limit=guard.requests_limit,
        seconds=n.exact(guard.requests_window_s),
    )


@reply_lines.register
def uptime_lines(reply: UptimeShown, style: Style) -> list[str]:
    lang, uptime_s = style.lang, reply.now_s - reply.since_ms / 1000
    blind = say_reply(lang, "uptime_never_blind")
    if reply.blind_s:
        share = n.unsigned_pct(100 * reply.blind_s / max(uptime_s, reply.blind_s), 2)
        blind = say_reply(lang, "uptime_blind", blind=_age(reply.blind_s, lang), share=share)
    return [
        say_reply(lang, "uptime", version=n.escape(reply.version), uptime=n.duration(uptime_s, lang)),
        say_reply(lang, "uptime_since", time=n.date_and_time(reply.since_ms, style.tz)),
        blind,
        *(_restarted(reply.restarts, style) or [say_reply(lang, "uptime_no_restarts")]),
    ]


def lasting_lines(reply: StatusShown, style: Style) -> list[str]:
    """What of the status does not change by the mere passing of time."""
    health, lang = reply.health, style.lang
    guard, feed = health.guard, health.feed
    lines = [
        say_reply(lang, f"health_{health.status}"),
        *(f"– {_known(lang, f'reason_{code}', code)}" for code in health.reason_codes),
        say_reply(lang, "board_feed", covered=feed.symbols_covered, expected=feed.symbols_expected),
    ]
    if guard.until_ms is not None and guard.state != "open":
        until = n.when(guard.until_ms, style.tz, reference_ms=reply.now_s * 1000)
        state = _known(lang, f"guard_{guard.state}", guard.state)
        lines.append(say_reply(lang, "board_guard", state=state, time=until))
    return [*lines, "", *_settings_lines(reply, style)]


def muted_lines(muted: dict[str, int | None], now_s: float | None, style: Style) -> list[str]:
    """Those for good first, many in a line; then one line for each that ends, the soonest first."""
    for_good = sorted(symbol for symbol, until_s in muted.items() if until_s is None)
    timed = sorted((until_s, symbol) for symbol, until_s in muted.items() if until_s is not None)
    no_symbols = [symbol for symbol in for_good if symbol == EVERY_SYMBOL or symbol in VENUE_MARKS]
    lines = [name_of(symbol, style) for symbol in no_symbols]
    lines += name_lines([symbol for symbol in for_good if symbol not in no_symbols])
    for until_s, symbol in timed:
        lines.append(f"{name_of(symbol, style)} {mute_end(until_s, now_s, style)}")
    return lines


def _settings_lines(reply: StatusShown, style: Style) -> list[str]:
    say, settings = say_reply, reply.settings
    lines = [say(style.lang, "status_settings")]
    for setting in SETTINGS:
        is_unused = setting.is_optional and not setting.of(settings) and setting.key not in reply.overridden
        if setting.unit is Unit.USD or is_unused:  # the floors have a line of their own
            continue
        value = setting_value(setting, setting.of(settings), style)
        if setting.key == "vol_burst_mult" and settings.vol_burst_mult:
            floor, lookback = money(settings.vol_burst_min_usdt), settings.vol_burst_lookback
            text = say(style.lang, "status_volume", multiple=f"<b>{value}</b>", lookback=lookback, usd=floor)
        else:
            text = setting_text(setting, setting.of(settings), style)
        lines.append(joined(text, say(style.lang, "status_changed") if setting.key in reply.overridden else ""))
    lines += adaptive_lines(settings, style)
    lines.append(
        joined(
            say(style.lang, "status_rolling", state=say(style.lang, "on" if settings.rolling else "off")),
            say(style.lang, "status_oi_floor", usd=money(settings.oi_min_usd)) if settings.oi_min_usd else "",
            say(style.lang, "status_day_floor", usd=money(settings.min_24h_usdt)) if settings.min_24h_usdt else "",
        )
    )
    lines += _place_lines(reply, style)
    if settings.watchlist:
        lines.append(say(style.lang, "status_watch", count=len(settings.watchlist)))
        lines += name_lines(sorted(settings.watchlist))
        if reply.unlisted:
            first, *rest = name_lines(reply.unlisted)
            lines += [say(style.lang, "status_unlisted", names=first), *rest]
    else:
        lines.append(say(style.lang, "status_watch_all"))
    muted = {symbol: end_s for symbol, end_s in settings.muted.items() if settings.is_muted(symbol, reply.now_s)}
    if muted:
        lines.append(say(style.lang, "status_muted", count=len(muted)))
        lines += muted_lines(muted, reply.now_s, style)
    else:
        lines.append(say(style.lang, "status_muted_none"))
    return lines


def _place_lines(reply: StatusShown, style: Style) -> list[str]:
    """What differs from a plain destination: route, sound, quiet hours, budget, thresholds of single symbols."""
    lang, settings, audience = style.lang, reply.settings, reply.audience
    lines = []
    if audience is not None:
        if audience.kinds != frozenset(DETECTED_KINDS) or sound_of(audience):
            kinds, sound = kinds_text(audience.kinds, style), sound_text(sound_of(audience), style)
            lines.append(say_reply(lang, "status_route", kinds=kinds, sound=sound))
        quiet = "" if audience.quiet is None else say_reply(lang, "status_quiet", span=audience.quiet)
        per_day = audience.budget_per_day
        budget = "status_budget_was" if audience.is_budget_over else "status_budget"
        lines.append(joined(quiet, say_reply(lang, budget, count=per_day) if per_day else ""))
    if settings.of_symbol:
        first, *rest = name_lines(sorted(settings.of_symbol))
        lines += [say_reply(lang, "status_symbols", names=first), *rest]
    return [line for line in lines if line]


def _health_lines(health: Health, now_s: float, style: Style) -> list[str]:
    lang = style.lang
    return [
        say_reply(lang, f"health_{health.status}"),
        *(f"– {_known(lang, f'reason_{code}', code)}" for code in health.reason_codes),
        *_feed_lines(health, now_s, style),
        _sweep_line(health, style),
        *_outbox_lines(health, style),
        *_guard_lines(health, now_s, style),
        _latency_line(health, style),
        *_loop_lines(health, style),
        say_reply(lang, "uptime", version=n.escape(health.version), uptime=n.duration(health.uptime_s, lang)),
    ]


def _feed_lines(health: Health, now_s: float, style: Style) -> list[str]:
    feed, lang = health.feed, style.lang
    counts = {"covered": feed.symbols_covered, "expected": feed.symbols_expected}
    sockets = say_reply(lang, "sockets", connections=feed.connections, reconnects=feed.reconnects)
    age_s = feed.last_frame_age_s
    if age_s is None:
        return [say_reply(lang, "feed_none", **counts), sockets]
    if feed.is_blind:
        since = n.when((now_s - age_s) * 1000, style.tz, reference_ms=now_s * 1000)
        return [say_reply(lang, "blind", time=since, age=n.duration(age_s, lang), **counts), sockets]
    return [say_reply(lang, "feed", age=_age(age_s, lang), **counts), sockets]


def _sweep_line(health: Health, style: Style) -> str:
    sweep, lang = health.sweep, style.lang
    if sweep.sweep_age_s is None:
        return say_reply(lang, "sweep_none")
    return say_reply(
        lang,
        "sweep",
        age=_age(sweep.sweep_age_s, lang),
        coverage=n.share(sweep.coverage, 1),
        period=n.duration(sweep.period_s, lang),
    )


def _outbox_lines(health: Health, style: Style) -> list[str]:
    outbox, lang = health.outbox, style.lang
    counts = {"queued": outbox.queued, "sent": outbox.sent, "failed": outbox.failed}
    if outbox.oldest_age_s is None:
        lines = [say_reply(lang, "outbox", **counts)]
    else:
        lines = [say_reply(lang, "outbox_oldest", age=_age(outbox.oldest_age_s, lang), **counts)]
    if outbox.trouble is not None:
        lines.append(say_reply(lang, "trouble", trouble=reason_text(outbox.trouble, style)))
    return lines


def _guard_lines(health: Health, now_s: float, style: Style) -> list[str]:
    guard, lang = health.guard, style.lang
    state = _known(lang, f"guard_{guard.state}", guard.state)
    weights = {"used": guard.weight_used, "limit": guard.weight_limit}
    if guard.until_ms is None or guard.state == "open":
        lines = [say_reply(lang, "guard", state=state, **weights)]
    else:
        until = n.when(guard.until_ms, style.tz, reference_ms=now_s * 1000)
        lines = [say_reply(lang, "guard_until", state=state, time=until, **weights)]
    if guard.reason is not None and guard.state != "open":
        lines.append(say_reply(lang, "guard_reason", reason=reason_text(guard.reason, style)))
    return lines


def _latency_line(health: Health, style: Style) -> str:
    latency, lang = health.latency, style.lang
    values = {name: getattr(latency, name) for name in ("detect_p50", "detect_p99", "deliver_p50", "deliver_p99")}
    if all(value is None for value in values.values()):
        return say_reply(lang, "latency_none")
    return say_reply(lang, "latency", **{name: _delay(value, lang) for name, value in values.items()})


def _loop_lines(health: Health, style: Style) -> list[str]:
    return _restarted({loop.name: loop.restarts for loop in health.loops if loop.restarts}, style)


def _restarted(restarts: Mapping[str, int], style: Style) -> list[str]:
    loops = style.say("list").join(f"{n.symbol_text(name)} {count}×" for name, count in restarts.items())
    return [say_reply(style.lang, "restarts", loops=loops)] if restarts else []


def _age(seconds: float, lang: str) -> str:
    """A tenth of a second counts while an age is small."""
    return n.span(seconds, lang) if seconds < 10 else n.duration(seconds, lang)


def _delay(value_ms: float | None, lang: str) -> str:
    """`386 ms`, from a second on `4.5 s`."""
    if value_ms is None:
        return n.NA
    if value_ms >= 1000:
        return n.span(value_ms / 1000, lang)
    return say_reply(lang, "milliseconds", count=n.exact(round(value_ms)))


def _known(lang: str, key: str, fallback: str) -> str:
    """States and reasons are named elsewhere; a new one is shown as it is called."""
    return say_reply(lang, key) if key in REPLY_TEXTS[lang] else n.escape(fallback)


# ---
# The status message that is kept up to date: what lasts, and when it was so.


TAIL_UNITS = 200
"""Room for the closing lines under a long list of mutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """html, ended_html: the message, and the same when it is the last word; ≤ 4,096 UTF-16 units each. not_pinned_html:
    which right is missing to pin it.

    essence: the message is worth an edit when this differs. It does at least once an hour: a message that stands still
    for longer says that nobody keeps it up to date.
    """

    html: str
    ended_html: str
    essence: str
    not_pinned_html: str = ""


def status_board(reply: StatusShown, style: Style) -> Board:
    title, *rest = lasting_lines(reply, style)
    uptime_s = reply.health.uptime_s
    as_of = say_reply(
        style.lang,
        "board_as_of",
        time=n.date_and_time(reply.now_s * 1000, style.tz),
        uptime=n.duration(uptime_s, style.lang),
    )
    return Board(
        html=_message([title, as_of, *rest], say_reply(style.lang, "board_hint"), style),
        ended_html=_message([say_reply(style.lang, "board_ended"), title, as_of, *rest], "", style),
        not_pinned_html=say_reply(style.lang, "pin_refused"),
        essence="\n".join([title, *rest, str(int(uptime_s // 3600))]),
    )


def _message(lines: list[str], closing: str, style: Style) -> str:
    """One message, whatever the number of lines: those at the end give way."""
    closings = [line for line in (closing,) if line]
    parts = packed([*lines, *closings])
    if len(parts) == 1:
        return parts[0]
    kept: list[str] = []
    room = n.MESSAGE_UNITS_MAX - TAIL_UNITS
    for line in lines:
        room -= n.utf16_len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, say_reply(style.lang, "board_more"), *closings])
