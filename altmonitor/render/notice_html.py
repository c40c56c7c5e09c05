"""Operator notices → one message each: what happened, why, what it means for the reader, when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from altmonitor.core.causes import Cause
from altmonitor.core.types import VENUE_TITLES, Destination
from altmonitor.render import format as n
from altmonitor.render.blocks import adaptive_lines, name_of, setting_text
from altmonitor.render.format import Style, fact_line
from altmonitor.render.notices import (
    AlertsRefused,
    BackAfter,
    BlindSince,
    BotRefused,
    BrokerFine,
    BrokerTrouble,
    ClockFine,
    ClockSkew,
    DatabaseSetAside,
    DeliveryResumed,
    DestinationClosed,
    DestinationOpen,
    DiskFine,
    DiskTrouble,
    ExchangeBlockedNotice,
    ExchangeFree,
    FeedTakenOver,
    Notice,
    OpenInterestBack,
    OpenInterestMissing,
    SecondPollerNotice,
    SettingsDamaged,
    Started,
    SymbolsBack,
    SymbolsSilent,
    TopicFound,
    TopicLost,
    WebsiteBlocked,
)
from altmonitor.render.reasons import one_line_of, reason_text
from altmonitor.settings.settings import EVERY_SYMBOL, SETTINGS, Settings, Unit
from altmonitor.tracker.series import PositionMoved, TrackerBlocked, TrackerNotice, TrackerRecovered, TrackerStuck

SYMBOLS_NAMED_MAX = 30


def notice_html(notice: Notice, style: Style) -> str:
    """Telegram HTML, at most 4,096 UTF-16 units."""
    venue = "" if notice.venue is None else f"<b>{VENUE_TITLES[notice.venue]}</b>"
    return "\n".join(line for line in (venue, *_lines(notice, style), n.when(notice.at_ms, style.tz)) if line)


def _lines(notice: Notice, style: Style) -> list[str]:
    say = style.say
    match notice:
        case Started():
            return _started(notice, style)
        case BlindSince():
            return _blind_since(notice, style)
        case BackAfter():
            return _back_after(notice, style)
        case ExchangeBlockedNotice():
            return _exchange_blocked(notice, style)
        case ExchangeFree():
            return [_title_after("exchange_free", notice.blocked_since_ms, notice.at_ms, style)]
        case WebsiteBlocked():
            return _website_blocked(notice, style)
        case DestinationClosed():
            title = say("destination_closed", chat=_place(notice.chat, style))
            return [title, _reason(notice.reason, style), say("destination_closed_effect")]
        case DestinationOpen():
            return [say("destination_open", chat=_place(notice.chat, style))]
        case DeliveryResumed():
            return _delivery_resumed(notice, style)
        case AlertsRefused():
            title = say("alerts_refused", chat=_place(notice.chat, style), count=f"{notice.count:,}")
            return [title, _reason(notice.reason, style)]
        case BotRefused():
            return [say("bot_refused", bot=notice.bot), say("bot_refused_effect")]
        case TopicLost():
            return [
                say("topic_lost", chat=_place(notice.chat, style)),
                _reason(notice.reason, style),
                say("topic_lost_effect"),
            ]
        case TopicFound():
            diverted = say("topic_found_effect", count=f"{notice.diverted:,}") if notice.diverted else ""
            return [say("topic_found"), diverted]
        case ClockSkew():
            return _clock_skew(notice, style)
        case ClockFine():
            return [say("clock_fine")]
        case OpenInterestMissing():
            if notice.percent:
                title, effect = say("open_interest_few", percent=notice.percent), say("open_interest_few_effect")
            else:
                title, effect = say("open_interest_missing"), say("open_interest_missing_effect")
            return [title, _reason(notice.reason, style), effect]
        case OpenInterestBack():
            return [_title_after("open_interest_back", notice.since_ms, notice.at_ms, style)]
        case DiskTrouble():
            effect = say("disk_trouble_waiting" if notice.is_waiting else "disk_trouble_effect")
            return [say("disk_trouble"), _reason(notice.reason, style), effect]
        case DiskFine():
            return [_title_after("disk_fine", notice.since_ms, notice.at_ms, style)]
        case BrokerTrouble():
            names = say("broker_trouble_names", names=one_line_of(", ".join(notice.names))) if notice.names else ""
            return [say("broker_trouble"), _reason(notice.reason, style), names, say("broker_trouble_effect")]
        case BrokerFine():
            return [_title_after("broker_fine", notice.since_ms, notice.at_ms, style)]
        case SettingsDamaged():
            key = "settings_damaged_left" if notice.is_left else "settings_damaged_effect"
            return [say("settings_damaged"), say(key, path=one_line_of(notice.kept_as))]
        case SecondPollerNotice():
            if notice.is_webhook:
                return [say("webhook"), say("webhook_effect")]
            return [say("second_poller"), say("second_poller_effect")]
        case DatabaseSetAside():
            effect = say("database_set_aside_effect", path=one_line_of(notice.kept_as))
            return [say("database_set_aside"), effect]
        case FeedTakenOver():
            return _feed_taken_over(notice, style)
        case SymbolsSilent():
            return _symbols("symbols_silent", notice.symbols, style)
        case SymbolsBack():
            return _symbols("symbols_back", notice.symbols, style)
    assert_never(notice)


def _place(chat: str, style: Style) -> str:
    return n.place(Destination.parse(chat), style)


def _started(notice: Started, style: Style) -> list[str]:
    say = style.say
    settings = notice.settings
    oi = say(_oi_key(settings), one=n.exact(settings.oi_surge_1m), five=n.exact(settings.oi_surge_5m))
    volume = say("started_volume_off")
    if settings.vol_burst_mult and settings.adaptive_volume_mult:
        volume = ""  # below, with what it follows from
    elif settings.vol_burst_mult:
        volume = say(
            "started_volume", multiple=f"{n.exact(settings.vol_burst_mult)}×", lookback=settings.vol_burst_lookback
        )
    now_s = notice.at_ms / 1000
    is_all_muted = settings.is_muted(EVERY_SYMBOL, now_s)
    muted = 0 if is_all_muted else sum(settings.is_muted(symbol, now_s) for symbol in settings.muted)
    restored = [
        say(f"restored_{name}", count=f"{count:,}")
        for name in ("queued", "cooldowns", "candles")
        if (count := getattr(notice.restored, name))
    ]
    estimate = ""
    if notice.alerts_per_day is not None and notice.history_s is not None:
        history = n.age(notice.history_s, style.lang)
        key = "started_estimate_few" if notice.alerts_per_day < 0.5 else "started_estimate"
        estimate = say(key, count=f"{round(notice.alerts_per_day):,}", history=history)
    title = "started_blind" if notice.is_blind else "started"
    return [
        say(title, version=n.escape(notice.version), symbols=f"{notice.symbols:,}"),
        say(
            "started_prices",
            pump=f"+{n.exact(settings.pump_threshold)} %",
            dump=f"{n.exact(settings.dump_threshold)} %",
        ),
        oi,
        fact_line(*_more_thresholds(settings, style)),
        fact_line(
            volume or None,
            say("started_cooldown", cooldown=n.duration(settings.cooldown_sec, style.lang)),
            say("started_watchlist", count=len(settings.watchlist)) if settings.watchlist else None,
            f"{name_of(EVERY_SYMBOL, style)}: {say('started_all_muted')}" if is_all_muted else None,
            say("started_muted", count=muted) if muted else None,
        ),
        *adaptive_lines(settings, style),
        say("started_restored", things=say("list").join(restored)) if restored else say("restored_nothing"),
        estimate,
        say("started_help"),
    ]


def _more_thresholds(settings: Settings, style: Style) -> list[str]:
    """Those that are switched off unless somebody asked for them."""
    return [
        n.without_markup(setting_text(setting, setting.of(settings), style))
        for setting in SETTINGS
        if setting.is_optional and setting.unit is not Unit.USD and setting.of(settings)
    ]


def _oi_key(settings: Settings) -> str:
    if settings.oi_surge_1m and settings.oi_surge_5m:
        return "started_oi"
    if settings.oi_surge_1m:
        return "started_oi_one"
    return "started_oi_five" if settings.oi_surge_5m else "started_oi_off"


def _blind_since(notice: BlindSince, style: Style) -> list[str]:
    title = style.say("blind_never_saw")
    if notice.since_ms is not None:
        title = style.say("blind_since", time=n.when(notice.since_ms, style.tz, reference_ms=notice.at_ms))
    effect = style.say("blind_symbols", count=notice.symbols) if notice.symbols else style.say("blind_no_symbols")
    return [title, _reason(notice.reasons, style), effect]


def _back_after(notice: BackAfter, style: Style) -> list[str]:
    span = {
        "period": n.period(notice.since_ms, notice.at_ms, style.tz, is_dated=False),
        "minutes": f"{notice.missed_minutes:,}",
    }
    filled = style.say("back_filled" if notice.is_filled else "back_not_filled")
    if not notice.is_since_known:
        return [style.say("back_since_unknown"), style.say("back_looked_through", **span), filled]
    title = style.say("back_after", duration=n.duration((notice.at_ms - notice.since_ms) / 1000, style.lang))
    if not notice.missed_minutes:
        return [title, style.say("back_missed_none")]
    return [title, style.say("back_missed", **span), filled]


def _feed_taken_over(notice: FeedTakenOver, style: Style) -> list[str]:
    say, by, lacked = style.say, one_line_of(notice.by), notice.lacked
    if lacked is None:
        lines = [say("feed_taken_over", name=by, seconds=f"{notice.silent_s:.1f}")]
    else:
        lines = [
            say("feed_given_over", name=by, before=one_line_of(lacked.by)),
            say(f"feed_lacks_{lacked.what}", name=one_line_of(lacked.by), venue=VENUE_TITLES[lacked.venue]),
            _reason(lacked.reason, style),
        ]
    if notice.is_blind:
        return [*lines, say("feed_taken_over_blind")]
    told = say("feed_taken_over_alerts", count=f"{notice.alerts:,}") if notice.alerts else ""
    return [*lines, say("feed_taken_over_new" if notice.is_new else "feed_taken_over_effect"), told]


def _delivery_resumed(notice: DeliveryResumed, style: Style) -> list[str]:
    given_up = style.say("delivery_given_up", count=f"{notice.given_up:,}") if notice.given_up else ""
    if notice.since_ms is None:
        return [given_up]
    duration = n.duration((notice.at_ms - notice.since_ms) / 1000, style.lang)
    late = style.say("delivery_late", count=f"{notice.late:,}") if notice.late else ""
    return [style.say("delivery_resumed", duration=duration), _reason(notice.reason, style), late, given_up]


def _exchange_blocked(notice: ExchangeBlockedNotice, style: Style) -> list[str]:
    title = style.say(
        "region_blocked" if notice.is_region else "exchange_blocked",
        time=n.when(notice.until_ms, style.tz, reference_ms=notice.at_ms),
        duration=n.duration((notice.until_ms - notice.at_ms) / 1000, style.lang),
    )
    return [
        title,
        _reason(notice.reason, style),
        style.say("region_blocked_effect" if notice.is_region else "exchange_blocked_effect"),
    ]


def _website_blocked(notice: WebsiteBlocked, style: Style) -> list[str]:
    title = style.say(
        "website_blocked",
        time=n.when(notice.until_ms, style.tz, reference_ms=notice.at_ms),
        duration=n.duration((notice.until_ms - notice.at_ms) / 1000, style.lang),
    )
    return [title, _reason(notice.reason, style), style.say("website_blocked_effect")]


def _clock_skew(notice: ClockSkew, style: Style) -> list[str]:
    skew_s = abs(notice.skew_ms) / 1000
    skew = n.span(skew_s, style.lang) if skew_s < 60 else n.duration(skew_s, style.lang)
    title = style.say("clock_ahead" if notice.skew_ms > 0 else "clock_behind", skew=skew)
    return [title, style.say("clock_effect")]


def _symbols(key: str, symbols: Sequence[str], style: Style) -> list[str]:
    named = [n.symbol_text(symbol) for symbol in symbols[:SYMBOLS_NAMED_MAX]]
    if len(symbols) == 1:
        return [style.say(f"{key}_one", symbols=named[0])]
    more = len(symbols) - len(named)
    if more:
        named.append(style.say("and_more", count=more))
    return [style.say(key, count=len(symbols)), style.say("list").join(named)]


def _title_after(key: str, since_ms: int | None, at_ms: int, style: Style) -> str:
    if since_ms is None:
        return style.say(key)
    return style.say(f"{key}_after", duration=n.duration((at_ms - since_ms) / 1000, style.lang))


def _reason(reasons: Cause | Iterable[Cause] | None, style: Style) -> str:
    text = reason_text(reasons, style)
    return style.say("reason", reason=text) if text else ""


# ---
# Notices of the tracker as one message of HTML.


def tracking_text(notice: TrackerNotice, style: Style, *, now_ms: int) -> str:
    if isinstance(notice, PositionMoved):
        return _position(notice, style)
    series = style.say("series_" + notice.series.value.replace("-", "_"))
    if isinstance(notice, TrackerRecovered):
        return style.say("tracker_recovered", series=series, captured=notice.captured, planned=notice.planned)
    if isinstance(notice, TrackerBlocked):
        return style.say(
            "tracker_blocked",
            series=series,
            time=n.when(notice.until_ms, style.tz, reference_ms=now_ms),
            duration=n.duration((notice.until_ms - now_ms) / 1000, style.lang),
            reason=reason_text(notice.reason, style),
        )
    return _stuck(notice, style, series)


def _stuck(notice: TrackerStuck, style: Style, series: str) -> str:
    told = style.say("tracker_" + notice.kind, **_counts(notice), series=series)
    return told + (
        "\n" + style.say("tracker_reason", reason=reason_text(notice.reason, style)) if notice.reason else ""
    )


def _counts(notice: TrackerStuck) -> dict[str, int]:
    counts = {"sweeps": notice.sweeps}
    return counts if notice.kind == "stuck" else counts | {"planned": notice.planned, "captured": notice.captured}


def _position(notice: PositionMoved, style: Style) -> str:
    alert, side = notice.alert, notice.change.long if notice.alert.side == "long" else notice.change.short
    values = {
        "symbol": n.symbol_text(alert.symbol),
        "side": style.say(f"side_{alert.side}"),
        "to": n.quantity(alert.to_coins),
    }
    if alert.step == "new":
        first = style.say("position_new", **values)
    else:
        minutes = f"{notice.change.span_minutes:.0f}"
        moved = {"pct": n.pct(alert.change_pct), "minutes": minutes, "from_": n.quantity(alert.from_coins)}
        first = style.say("position_moved", **values, **moved)
    entry, price = n.price(side.to_avg_entry), n.price(notice.change.mark_price)
    return first + "\n" + style.say("position_price", entry=entry, price=price)
