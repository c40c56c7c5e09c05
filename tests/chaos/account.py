"""The account of a day: what the market held, what was told, what was reported as missed, and which limits were kept.

Everything is compared from outside: the market's script and candles, the chat, the stored rows, and the requests that
reached the exchange. A clean day has no problems.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import pairwise
from statistics import median

from altmonitor.exchanges.binance.watchdog import SILENCE_LIMIT_S
from altmonitor.launch import STALL_S
from altmonitor.sim.faults import RestFault
from tests.chaos import chat, ledger
from tests.chaos.chat import Report
from tests.chaos.day import Day
from tests.chaos.ledger import MINUTE_MS, THRESHOLD_PCT, Expected, Row, Span, clock_time

IN_FLIGHT_S = 0.25
"""Of the machine's time: what had left when the exchange refused is forgiven."""
FIREWALL_S = 90 * 60.0
RECOVERY_MS = 4 * MINUTE_MS
AT_ONCE_MS = 5_000
HICCUP_S = 1.0
"""Of the machine's time."""
OI_WINDOWS_MS = (300_000, 60_000)
OI_TOLERANCE = 0.24
ROUNDING_PCT = 0.02


@dataclass(slots=True)
class Account:
    """counts: for the summary. problems: one line each."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in sorted(self.counts.items()))


def account(day: Day) -> Account:
    """Of a day that was played."""
    rows = ledger.stored(day.database)
    said = day.telegram.chats[day.destination.chat_id]
    reports = chat.reports(said)
    found = Account()
    found.counts.update(alerts=len(rows), messages=len(said), reports=len(reports), lives=len(day.lives))
    found.counts["marked as possible repeats"] = sum(bool(chat.MARK.search(message.text)) for message in said)
    found.problems += _event_problems(day, rows, reports, found.counts)
    found.problems += [f"invented: {row}: {why}" for row in rows if (why := _why_not(day, row))]
    found.problems += chat.chat_problems(said, rows)
    found.problems += _slow_alerts(day, rows, found.counts)
    found.problems += chat.unpaired(said)
    found.problems += _minute_problems(day, reports, found.counts)
    found.problems += [f"a limit of Telegram was broken: {violation}" for violation in day.telegram.violations]
    found.problems += _block_problems(day, found.counts)
    most = day.exchange.stats.most_messages_in_1s
    if most > 10:
        found.problems.append(f"{most} messages to the exchange within a second on one connection")
    return found


# --- events


def _event_problems(day: Day, rows: Sequence[Row], reports: Sequence[Report], counts: Counter[str]) -> Iterator[str]:
    of_symbol: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        of_symbol[row.kind, row.symbol].append(row)
    explained: set[int] = set()
    for event in ledger.expected(day.market, day.plan.events, day.symbols):
        fitting = [row for row in of_symbol[event.kind, event.symbol] if event.fits(row)]
        explained.update(row.id for row in fitting)
        first = [row for row in fitting if not row.is_escalation]
        counts["events"] += 1
        if len(first) > 1:
            yield f"told {len(first)} times: {event}: {'; '.join(map(str, first))}"
        elif first:
            counts["told late" if first[0].late else "told live"] += 1
        elif excuse := _excuse(day, event, reports):
            counts[f"not told, {excuse}"] += 1
        else:
            yield f"missed without a word: {event}"
    yield from (f"invented: {row} belongs to no event" for row in rows if row.id not in explained)


def _excuse(day: Day, event: Expected, reports: Sequence[Report]) -> str:
    """Why an event need not have been told; '' when it must."""
    begin_ms, end_ms = event.within.begin_ms, event.within.end_ms
    if event.kind == "oi":
        return _open_interest_excuse(day, event, reports)
    met = [report for report in reports if report.span.in_whole_minutes().meets(begin_ms, end_ms)]
    if not met and not event.is_in_candle and _was_muted(day, event):
        return "in no single candle of a stream that was silent by itself"
    if not met:
        return ""
    if not event.is_in_candle:
        return "reported as missed, in no single candle"
    return "" if any(report.is_filled for report in met) else "reported as missed"


def _was_muted(day: Day, event: Expected) -> bool:
    """A single silent stream is reported only when it is silent against its own rhythm, which takes minutes."""
    return any(
        Span(began_ms, ended_ms + MINUTE_MS).meets(event.within.begin_ms, event.within.end_ms)
        for began_ms, ended_ms, fault in day.played
        if fault.name == "symbols mute" and event.symbol in day.trouble.muted_by(fault)
    )


def _open_interest_excuse(day: Day, event: Expected, reports: Sequence[Report]) -> str:
    """The program must tell what its own samples show. Without them the time must be one that was reported."""
    if _has_samples(day, event):
        return ""
    at_ms = event.within.begin_ms
    reported = [Span(report.span.begin_ms - 75_000, report.span.end_ms + MINUTE_MS) for report in reports]
    if any(span.holds(at_ms, at_ms) for span in reported):
        return "open interest while reported as not seen"
    if any(span.holds(at_ms, at_ms) for span in _blocked(day)):
        return "open interest while reported as blocked"
    return ""


def _has_samples(day: Day, event: Expected) -> bool:
    """One before and one after the step, in one life of the program, as far apart as one of the windows."""
    at_ms = event.within.begin_ms
    for life in day.lives:
        until_ms = life.ended_ms or at_ms
        times = [
            request.at_ms
            for request in day.faults.requests
            if request.path == "/fapi/v1/openInterest"
            and request.symbol == event.symbol
            and request.fault is None
            and max(life.began_ms, at_ms - 400_000) <= request.at_ms <= min(until_ms - 20_000, at_ms + 400_000)
        ]
        for after_ms in (time for time in times if time > at_ms):
            for before_ms in (time for time in times if time <= at_ms):
                if any(abs(after_ms - before_ms - window) <= window * OI_TOLERANCE for window in OI_WINDOWS_MS):
                    return True
    return False


def _blocked(day: Day) -> list[Span]:
    """From a block to its end, as the chat tells them, and two sweeps on either side."""
    spans, since_ms = list[Span](), None
    for message in day.telegram.chats[day.destination.chat_id]:
        if "refuses our requests" in message.text and since_ms is None:
            since_ms = chat.happened_ms(message)
        elif "exchange answers again" in message.text and since_ms is not None:
            spans.append(Span(since_ms - 2 * MINUTE_MS, chat.happened_ms(message) + 2 * MINUTE_MS))
            since_ms = None
    return spans


def _why_not(day: Day, row: Row) -> str:
    """Why the market did not hold this alert; '' when it did."""
    if row.kind == "oi":
        times = range(row.event_ms - 390_000, row.event_ms + 15_001, 15_000)
        held = [day.market.open_interest(row.symbol, at_ms) for at_ms in times]
        widest = (max(held) / min(held) - 1) * 100
        return "" if widest >= THRESHOLD_PCT - 0.5 else f"open interest moved by {widest:.2f} %"
    if row.candle_ms is None:
        return "no candle"
    if row.kind == "vol":
        *before, candle = day.market.klines(row.symbol, row.candle_ms - 20 * MINUTE_MS, row.candle_ms)
        ratio = candle.quote_usdt / median(each.quote_usdt for each in before)
        return "" if ratio >= 4.5 and abs(ratio - row.metric) < ratio * 0.25 else f"{ratio:.1f} × the median"
    first_ms = row.candle_ms - (2 * MINUTE_MS if row.note == "60s" else 0)
    candles = day.market.klines(row.symbol, first_ms, row.candle_ms)
    high, low = max(candle.high for candle in candles), min(candle.low for candle in candles)
    start = (low if row.metric > 0 else high) if row.note == "60s" else candles[0].open
    widest = abs((high if row.metric > 0 else low) / start - 1) * 100
    is_held = THRESHOLD_PCT - ROUNDING_PCT <= abs(row.metric) <= widest + ROUNDING_PCT
    return "" if is_held else f"the price moved by {widest:.2f} %, told were {row.metric:.2f} %"


# --- how fast


def _slow_alerts(day: Day, rows: Sequence[Row], counts: Counter[str]) -> Iterator[str]:
    """While nothing goes wrong an alert is in the chat at once."""
    said = {message.message_id: message for message in day.telegram.chats[day.destination.chat_id]}
    troubled = [Span(began_ms - MINUTE_MS, ended_ms + RECOVERY_MS) for began_ms, ended_ms, _ in day.played]
    allowed_ms = AT_ONCE_MS + HICCUP_S * day.clock.speed * 1000
    for row in rows:
        message = said.get(row.message_id or 0)
        if row.late or message is None or any(span.meets(row.event_ms, message.date_ms) for span in troubled):
            continue
        counts["told in calm"] += 1
        if message.date_ms - row.event_ms > allowed_ms:
            yield f"slow: {row} was told {(message.date_ms - row.event_ms) / 1000:.0f} s later"


# --- minutes


def _minute_problems(day: Day, reports: Sequence[Report], counts: Counter[str]) -> Iterator[str]:
    """Silence that is long enough to be taken for blindness must be reported; every minute in it."""
    spans = [report.span.in_whole_minutes() for report in reports]
    limit_ms = max(SILENCE_LIMIT_S, STALL_S * day.clock.speed) * 1000 + 10_000
    fed = {at_ms // MINUTE_MS * MINUTE_MS for at_ms in day.fed_ms}
    counts["minutes with data"] = len(fed)
    for before_ms, after_ms in pairwise(day.fed_ms):
        for minute_ms in range(before_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS, after_ms - MINUTE_MS + 1, MINUTE_MS):
            if any(span.holds(minute_ms, minute_ms + MINUTE_MS) for span in spans):
                counts["minutes reported as not seen"] += 1
            elif after_ms - before_ms >= limit_ms:
                yield f"minute {clock_time(minute_ms)} had no data and is in no report"
            else:
                counts["minutes too short to be reported"] += 1


# --- requests


def _block_problems(day: Day, counts: Counter[str]) -> Iterator[str]:
    grace_ms = IN_FLIGHT_S * day.clock.speed * 1000
    requests = day.faults.requests
    counts["requests"] = len(requests)
    for number, request in enumerate(requests):
        for_s = None if request.fault is None else _refused_for_s(request.fault, request.at_ms)
        if request.fault is None or for_s is None:
            continue
        # a moment is told on the exchange's clock, of which the program knows what it was ten minutes ago
        margin_ms = 1_000 if (request.fault.retry_after or "").isdigit() else 2 * ledger.SKEW_MS
        counts["refusals"] += 1
        begin_ms, end_ms = request.at_ms + grace_ms, request.at_ms + for_s * 1000 - margin_ms
        inside = [after for after in requests[number + 1 :] if begin_ms < after.at_ms < end_ms]
        if inside:
            yield (
                f"{len(inside)} requests while refused ({clock_time(request.at_ms)} for {for_s:.0f} s), the first at "
                f"{clock_time(inside[0].at_ms)} to {inside[0].path}"
            )


def _refused_for_s(fault: RestFault, at_ms: int) -> float | None:
    if fault.status == 403:
        return FIREWALL_S
    if fault.status not in {418, 429}:
        return None
    if fault.retry_after is None:
        return 0.0 if fault.banned_until_ms is None else (fault.banned_until_ms - at_ms) / 1000
    if fault.retry_after.isdigit():
        return float(fault.retry_after)
    return parsedate_to_datetime(fault.retry_after).timestamp() - at_ms / 1000
