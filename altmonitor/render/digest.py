"""Many alerts → few messages: counted, then every symbol once per kind, the largest move first.

Moves against the crowd stand at the top: in a crash the one contract that rises is the news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from altmonitor.core.alert import CROWD_MIN, Alert, against_the_crowd
from altmonitor.core.types import VENUE_TITLES, of_venue
from altmonitor.detectors.kinds import KINDS
from altmonitor.interfaces.delivery import DigestPart
from altmonitor.render import format as n
from altmonitor.render.alert_parts import today
from altmonitor.render.alert_values import headline_key, measured, window_of
from altmonitor.render.format import SEPARATOR, Style, joined
from altmonitor.render.kinds import FACES

BOLD_ENTRIES = 5
BOLD_FROM = 10  # shorter lists need no emphasis; Telegram formats 100 pieces of a message at most
_HEADLINES = tuple(dict.fromkeys(key for spec in KINDS.values() for key in spec.headlines))
_NBSP = "\u00a0"  # a symbol and its value stay on one line
_NUMBERING_ROOM = len(" (999/999)")
_WAIT_ROOM = 120
"""In the first message, for the line that says how long it waited."""
_GROWTH_ROOM = 3
"""Of an alert whose candle runs: what its final number may be longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """What the whole market did meanwhile, where somebody knows. median_pct over all watched symbols, percent."""

    symbols_watched: int | None = None
    symbols_down: int | None = None
    median_pct: float | None = None
    btc_pct: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """All alerts of one symbol in one section. text: HTML that must not be cut. Moves of one band share a line."""

    text: str
    ids: tuple[int, ...]
    band: int
    growth_room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    kind: str
    heading: str
    entries: list[_Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Digest:
    """The digest under way. is_dated: its times need a date, they lie on different days.

    held: the quiet hours that held them back, '' where they are not known any more; None: nothing did.
    """

    alerts: Sequence[Alert]
    style: Style
    late: bool
    is_dated: bool
    held: str | None = None


def digest_parts(
    alerts: Sequence[Alert],
    style: Style,
    *,
    late: bool,
    maybe_repeated: bool,
    context: DigestContext | None = None,
    held: str | None = None,
) -> list[DigestPart]:
    """Parts of at most 4,096 UTF-16 units; each alert's id is in the one part that names its symbol.

    alerts: any order, none gives no part. late: every entry carries its own minute. held: see `_Digest`.
    """
    if not alerts:
        return []
    days = {n.date_and_time(alert.event_ms, style.tz)[:10] for alert in alerts}
    digest = _Digest(alerts=alerts, style=style, late=late, is_dated=len(days) > 1, held=held)
    head = _head(digest, context or DigestContext(), maybe_repeated=maybe_repeated)
    return _pack(_title(digest), head, _sections(digest, alerts), style)


def digest_part_again(
    parts: Sequence[Sequence[Alert]],
    number: int,
    style: Style,
    *,
    maybe_repeated: bool,
    context: DigestContext | None = None,
) -> str | None:
    """One message of a digest of fresh alerts with what is known of them now. parts: the alerts of each of its
    messages; each keeps its own, whatever became of their order. number: which of them, from 0. None: no room any
    more."""
    alerts = [alert for part in parts for alert in part]
    digest = _Digest(alerts=alerts, style=style, late=False, is_dated=False)
    before = {headline_key(alert) for part in parts[:number] for alert in part}
    sections = [
        replace(section, heading=_continued(section, style)) if section.kind in before else section
        for section in _sections(digest, parts[number])
    ]
    head = _head(digest, context or DigestContext(), maybe_repeated=maybe_repeated) if number == 0 else ""
    numbering = f" ({number + 1}/{len(parts)})" if len(parts) > 1 else ""
    text = "".join((f"{_title(digest)}{numbering}", f"\n{head}" if head else "", *_body(sections, style)))
    return text if n.utf16_len(text) <= n.MESSAGE_UNITS_MAX else None


def _head(digest: _Digest, context: DigestContext, *, maybe_repeated: bool) -> str:
    lines = [_period(digest), _counts(digest), *_breadth(digest, context)]
    if maybe_repeated:
        lines.append(f"<i>{digest.style.say('some_repeated')}</i>")
    return "\n".join(line for line in lines if line)


def _body(sections: Sequence[_Section], style: Style) -> list[str]:
    pieces = []
    for section in sections:
        for before, entry in zip((None, *section.entries), section.entries, strict=False):
            opening = f"\n\n{section.heading}\n" if before is None else _joint(before.band, entry.band, style)
            pieces.append(f"{opening}{entry.text}")
    return pieces


def _title(digest: _Digest) -> str:
    count = len(digest.alerts)
    key = "digest_title_late" if digest.late else "digest_title"
    hours = ""
    if digest.held is not None:
        key, hours = "digest_title_held", f" {digest.held.replace('-', '–')}".rstrip()
    return digest.style.say(key if count != 1 else f"{key}_one", count=f"{count:,}", hours=hours)


def _period(digest: _Digest) -> str:
    times = [alert.event_ms for alert in digest.alerts]
    return n.period(min(times), max(times), digest.style.tz, is_dated=digest.late)


def _counts(digest: _Digest) -> str:
    counted = Counter(headline_key(alert) for alert in digest.alerts)
    return joined(*(f"{digest.style.say(kind)} {counted[kind]:,}" for kind in _HEADLINES if counted[kind]))


def _breadth(digest: _Digest, context: DigestContext) -> list[str]:
    """How wide the move was, from the alerts themselves and, where known, from the whole market."""
    say = digest.style.say
    last = {alert.symbol: alert for alert in sorted(digest.alerts, key=_time) if KINDS[alert.kind].is_price_move}
    changes = [value for alert in last.values() if (value := measured(alert)) is not None]
    told: list[str] = []
    if len(last) >= CROWD_MIN:
        key = "breadth" if context.symbols_watched is None else "breadth_of"
        # a symbol that fell and rose counts in both, as it stands in both lists
        down, up = (
            len({alert.symbol for alert in digest.alerts if alert.direction == direction})
            for direction in ("DUMP", "PUMP")
        )
        told = [say(key, moved=len(last), watched=context.symbols_watched, down=down, up=up)]
        if changes:
            told.append(say("median", change=n.pct(median(changes), 1)))
    btc_pct = context.btc_pct
    if btc_pct is None and "BTCUSDT" in last:
        btc_pct = measured(last["BTCUSDT"])
    btc = [] if btc_pct is None else [say("btc", change=n.pct(btc_pct, 1))]
    if context.symbols_down is not None and context.symbols_watched is not None:
        market = [say("market", down=context.symbols_down, watched=context.symbols_watched)]
        if context.median_pct is not None:
            market.append(say("median", change=n.pct(context.median_pct, 1)))
        return [joined(*told), joined(*market, *btc)]
    return [joined(*told, *btc)]


def _sections(digest: _Digest, named: Collection[Alert]) -> list[_Section]:
    """In the order of the kinds; of price moves the crowd first, or those against it where there is one. named: those
    of the digest that shall stand there."""
    everything, grouped = _grouped(digest.alerts), _grouped(named)
    ups, downs = len(everything.get("PUMP", ())), len(everything.get("DUMP", ()))
    few = against_the_crowd(ups, downs)
    is_pump_first = few == "PUMP" if few is not None else ups > downs
    first, second = ("PUMP", "DUMP") if is_pump_first else ("DUMP", "PUMP")
    order = [{"PUMP": first, "DUMP": second}.get(key, key) for key in _HEADLINES]
    return [
        _section(digest, kind, _by_size(grouped[kind]), _by_size(everything[kind]), is_against=kind == few)
        for kind in order
        if kind in grouped
    ]


_Group = tuple[Alert, list[Alert]]
"""The largest alert of a contract, and all of them."""


def _grouped(alerts: Iterable[Alert]) -> dict[str, dict[str, list[Alert]]]:
    """By headline, then by contract; each oldest → newest."""
    grouped: dict[str, dict[str, list[Alert]]] = {}
    for alert in sorted(alerts, key=_time):
        grouped.setdefault(headline_key(alert), {}).setdefault(_name(alert), []).append(alert)
    return grouped


def _by_size(groups: Mapping[str, list[Alert]]) -> list[_Group]:
    found = ((max(group, key=_size), group) for group in groups.values())
    return sorted(found, key=lambda pair: (-_size(pair[0]), pair[0].symbol))


def _name(alert: Alert) -> str:
    return of_venue(alert.venue, alert.symbol)


def _section(
    digest: _Digest, kind: str, largest: list[_Group], everything: list[_Group], *, is_against: bool
) -> _Section:
    """everything: what the whole digest has of this kind, of which some stand here."""
    style = digest.style
    face = FACES[everything[0][0].kind]
    windows, window = face.heading_windows, ""
    if windows is None:
        window = Counter(window_of(alert) for alert, _ in everything).most_common(1)[0][0]
        windows = frozenset({window})
    unit = style.say(face.unit_key, window=style.say(window) if window else "") if face.unit_key else None
    heading = joined(style.say(kind), style.say("against_crowd") if is_against else None, unit)
    is_short = len(everything) <= BOLD_FROM
    bold = frozenset() if is_short else frozenset(_name(alert) for alert, _ in everything[:BOLD_ENTRIES])
    entries = []
    for rank, (alert, group) in enumerate(largest):
        is_bold = _name(alert) in bold
        text = _entry_text(digest, alert, group, windows, is_short=is_short, is_bold=is_bold)
        ids = tuple(each.id for each in group if each.id is not None)
        band = 0 if is_short else _band(_size(alert))
        if face.is_line_each:
            band = rank
        growth_room = _GROWTH_ROOM * sum(each.is_running for each in group)
        entries.append(_Entry(text=f"<b>{text}</b>" if is_bold else text, ids=ids, band=band, growth_room=growth_room))
    return _Section(kind=kind, heading=heading, entries=entries)


def _continued(section: _Section, style: Style) -> str:
    return f"{section.heading}{SEPARATOR}{style.say('continued')}"


def _entry_text(
    digest: _Digest, alert: Alert, group: list[Alert], windows: frozenset[str], *, is_short: bool, is_bold: bool
) -> str:
    """`SOLUSDT −8.2`, and in brackets what the heading does not say of it. windows: those that the heading
    speaks of. is_short: the list is, so that there is room for where an alert stands. is_bold: one of the largest."""
    style = digest.style
    asides = []
    if window_of(alert) not in windows:
        asides.append(style.say(window_of(alert)))
    if digest.late or alert.late:
        minute = n.clock_minute(alert.event_ms, style.tz, is_dated=digest.is_dated)
        asides.append(minute if digest.late else f"⏳ {minute}")
    moves = sum(each.details.told_before_pct is None for each in group)
    if moves > 1:
        asides.append(style.say("entry_count", count=moves))
    if is_short:
        asides += _standing(alert, style)
    if (is_short or is_bold) and KINDS[alert.kind].is_enriched and alert.oi_change is not None:
        asides.append(style.say("entry_oi", change=n.pct(alert.oi_change, 1)))
    value = FACES[alert.kind].entry(alert, style)
    name = n.symbol_text(alert.symbol) if alert.venue == "binance" else _at_venue(alert)
    text = f"{name} {value}"
    if asides:
        text = style.say("entry_with", entry=text, asides=style.say("list").join(asides))
    return text.replace(" ", _NBSP)


def _at_venue(alert: Alert) -> str:
    return f"{n.symbol_text(alert.symbol)} {VENUE_TITLES[alert.venue]}"


def _standing(alert: Alert, style: Style) -> list[str]:
    """What is worth a word beside others: not the first today, the largest in days, over already."""
    details = alert.details
    again = today(alert, style, "entry_today") if (details.today_count or 0) > 1 else None
    largest = style.say("entry_largest", days=details.largest_days) if details.largest_days else None
    over = style.say("entry_over") if details.ended is not None else None
    return [text for text in (again, largest, over) if text]


def _pack(title: str, head: str, sections: list[_Section], style: Style) -> list[DigestPart]:
    """Fills one message after the other; an entry is never cut, a heading never stands without one."""
    room = n.MESSAGE_UNITS_MAX - n.utf16_len(title) - _NUMBERING_ROOM
    texts = [f"\n{head}" if head else ""]
    ids: list[list[int]] = [[]]
    left = room - n.utf16_len(texts[0]) - _WAIT_ROOM
    for section in sections:
        band = None
        for rank, entry in enumerate(section.entries):
            heading = section.heading if rank == 0 else _continued(section, style)
            opening = f"\n\n{heading}\n{entry.text}"
            piece = opening if band is None else f"{_joint(band, entry.band, style)}{entry.text}"
            if n.utf16_len(piece) + entry.growth_room > left:
                piece = opening
                texts.append("")
                ids.append([])
                left = room
            texts[-1] += piece
            ids[-1].extend(entry.ids)
            left -= n.utf16_len(piece) + entry.growth_room
            band = entry.band
    count = len(texts)
    numbering = [f" ({number}/{count})" if count > 1 else "" for number in range(1, count + 1)]
    return [
        DigestPart(html=f"{title}{number}{text}", alert_ids=tuple(named))
        for number, text, named in zip(numbering, texts, ids, strict=True)
    ]


def _joint(before: int, band: int, style: Style) -> str:
    return style.say("list") if before == band else "\n"


def _band(size: float) -> int:
    """Whole percents (or multiples) up to 10, then tens: a new line where the eye looks for one."""
    shown = round(size, 1)  # what stands there as 8.0 belongs to the 8s
    return int(shown) if shown < 10 else 9 + int(min(shown, 1000.0) // 10)


def _time(alert: Alert) -> int:
    return alert.event_ms


def _size(alert: Alert) -> float:
    value = measured(alert)
    return 0.0 if value is None or value != value else abs(value)
