"""The account of a day: what the market held, what was told, what was reported as missed, and which limits were kept.

Everything is compared from outside: the market's script and candles, the chat, the stored rows, and the requests that
reached the exchange. A clean day has no problems.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.chaos import chat, ledger, limits
from tests.chaos.chat import Report
from tests.chaos.day import Day
from tests.chaos.ledger import MINUTE_MS, THRESHOLD_PCT, Expected, Row, Span, clock_time

OI_WINDOWS_MS = (300_000, 60_000)
OI_TOLERANCE = 0.25
OI_STAMP_MS = 3_000
"""The exchange counts each contract anew so often, and stamps its answers with that moment."""
ROUNDING_PCT = 0.02
EPISODE_QUIET_MS = 16 * MINUTE_MS
"""An episode may last so long without an alert: a quarter of an hour, looked at once a minute."""
WHOLE_MOVE = "episode"
CLOSE_SEEN_MS = 5_000
"""A program that ended no later than this after a candle may not have seen its close."""


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
    found.counts["seconds the machine paused"] = round(day.stalls.total_s())
    found.counts["marked as possible repeats"] = sum(bool(chat.MARK.search(message.text)) for message in said)
    found.problems += _event_problems(day, rows, reports, found.counts)
    found.problems += [f"invented: {row}: {why}" for row in rows if (why := _why_not(day, row, rows))]
    found.problems += chat.chat_problems(said, rows, day.stalls)
    found.problems += limits.slow_alerts(day, rows, found.counts)
    found.problems += chat.unpaired(said)
    found.problems += limits.minute_problems(day, reports, found.counts)
    found.problems += limits.needless_reports(day, reports)
    found.problems += limits.flood_problems(day, found.counts)
    found.problems += limits.block_problems(day, found.counts)
    return found


# --- events


def _event_problems(day: Day, rows: Sequence[Row], reports: Sequence[Report], counts: Counter[str]) -> Iterator[str]:
    of_symbol: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        of_symbol[row.kind, row.symbol].append(row)
    explained: set[int] = set()
    firsts: set[str] = set()
    for event in ledger.expected(day.market, day.plan.events, day.symbols):
        shown_ms = day.fed_after(event.within.begin_ms)
        fitting = [row for row in of_symbol[event.kind, event.symbol] if event.fits(row, shown_ms=shown_ms)]
        explained.update(row.id for row in fitting)
        firsts.update(row.key for row in fitting)
        first = [row for row in fitting if not row.is_escalation]
        whole = [row for row in fitting if row.note == WHOLE_MOVE]
        counts["events"] += 1
        if len(first) > 1:
            yield f"told {len(first)} times: {event}: {'; '.join(map(str, first))}"
        elif first:
            counts["told late" if first[0].late else "told live"] += 1
        elif whole:
            counts["told as more of a move"] += 1
        elif excuse := _excuse(day, event, reports):
            counts[f"not told, {excuse}"] += 1
        else:
            seen = _samples(day, event) if event.kind == "oi" else None
            shown = "" if seen is None else f", which samples of {' and '.join(map(clock_time, seen))} show"
            yield f"missed without a word: {event}{shown}"
    for row in rows:
        goes_on = (
            row.note == WHOLE_MOVE and row.episode_key in firsts
        )  # drift may double a move a quarter of an hour later
        if row.id not in explained and not goes_on:
            yield f"invented: {row} belongs to no event"


def _excuse(day: Day, event: Expected, reports: Sequence[Report]) -> str:
    """Why an event need not have been told; '' when it must."""
    begin_ms, end_ms = event.within.begin_ms, event.within.end_ms
    if event.kind == "oi":
        return _open_interest_excuse(day, event, reports)
    met = [report for report in reports if report.span.in_whole_minutes().meets(begin_ms, end_ms)]
    if not met and not event.is_in_candle and _was_muted(day, event):
        return "in no single candle of a stream that was silent by itself"
    if not met and not event.is_in_candle and _was_silent(day, event):
        return "in no single candle after a silence too short to be reported"
    if not met:
        return ""
    if not event.is_in_candle:
        return "reported as missed, in no single candle"
    return "" if any(report.is_filled for report in met) else "reported as missed"


def _was_silent(day: Day, event: Expected) -> bool:
    """No price from 60 to 120 s before any moment of it: then there is no move within 60 s.

    On a fast clock silences of minutes are too short to be taken for blindness.
    """
    before = [event.within.begin_ms, *(ms for ms in day.fed_ms if event.within.begin_ms < ms < event.within.end_ms)]
    return all(not day.is_fed(ms - 2 * MINUTE_MS, ms - MINUTE_MS) for ms in before)


def _was_muted(day: Day, event: Expected) -> bool:
    """A single silent stream is reported only when it is silent against its own rhythm, which takes minutes."""
    return any(
        Span(began_ms, ended_ms + MINUTE_MS).meets(event.within.begin_ms, event.within.end_ms)
        for began_ms, ended_ms, fault in day.played
        if fault.name == "symbols mute" and event.symbol in day.trouble.muted_by(fault)
    )


def _open_interest_excuse(day: Day, event: Expected, reports: Sequence[Report]) -> str:
    """The program must tell what its own samples show. Without them the time must be one that was reported."""
    if _samples(day, event) is not None:
        return ""
    at_ms = event.within.begin_ms
    reported = [Span(report.span.begin_ms - 75_000, report.span.end_ms + MINUTE_MS) for report in reports]
    if any(span.holds(at_ms, at_ms) for span in reported):
        return "open interest while reported as not seen"
    if any(span.holds(at_ms, at_ms) for span in _blocked(day)):
        return "open interest while reported as blocked"
    if _was_never_answered(day, event):
        return "open interest that the exchange did not tell since the program began"
    if _were_pushed_apart(day, event):
        return "open interest while the machine paused"
    is_lost = _samples(day, event, with_given_up=True) is not None
    return "open interest in answers nobody could read for a pause of the machine" if is_lost else ""


def _samples(day: Day, event: Expected, *, with_given_up: bool = False) -> tuple[int, int] | None:
    """Answers from before and after the step, in one life of the program, surely as far apart as one of the windows."""
    for times in _asked(day, event, with_given_up=with_given_up):
        for after_ms in (time for time in times if time - OI_STAMP_MS > event.within.begin_ms):
            for before_ms in (time for time in times if time <= event.within.begin_ms):
                if any(_off_ms(after_ms - before_ms, window) < 0 for window in OI_WINDOWS_MS):
                    return before_ms, after_ms
    return None


def _was_never_answered(day: Day, event: Expected) -> bool:
    """A program that was started amid a fault of the exchange had no sample to compare with: each of its questions
    before the step met one."""
    at_ms = event.within.begin_ms
    for life in day.lives:
        if life.began_ms <= at_ms <= (life.ended_ms or at_ms):
            met = [
                request.fault
                for request in day.faults.requests
                if request.symbol == event.symbol
                and request.path == "/fapi/v1/openInterest"
                and life.began_ms <= request.at_ms <= at_ms
            ]
            return bool(met) and None not in met
    return False


def _were_pushed_apart(day: Day, event: Expected) -> bool:
    """The samples on both sides of the step would be a minute apart but for the machine's pauses around them."""
    for times in _asked(day, event):
        before_ms = max((time for time in times if time <= event.within.begin_ms), default=None)
        after_ms = min((time for time in times if time - OI_STAMP_MS > event.within.begin_ms), default=None)
        if before_ms is not None and after_ms is not None:
            lost_ms = day.stalls.lost_ms(before_ms - MINUTE_MS, after_ms)
            return 0 <= _off_ms(after_ms - before_ms, MINUTE_MS) <= lost_ms
    return False


def _off_ms(apart_ms: int, window_ms: int) -> float:
    """How much too far two samples may be off a window; below 0 when they surely are a pair for it."""
    return abs(apart_ms - window_ms) + OI_STAMP_MS - window_ms * OI_TOLERANCE


def _asked(day: Day, event: Expected, *, with_given_up: bool = False) -> Iterator[list[int]]:
    """Per life of the program: when the symbol was asked for around the step, by the exchange's clock.

    The answers are stamped up to `OI_STAMP_MS` earlier. with_given_up: also those for which the program no longer
    waited, because the machine paused.
    """
    at_ms = event.within.begin_ms
    for life in day.lives:
        until_ms = life.ended_ms or at_ms
        yield [
            request.exchange_ms
            for request in day.faults.requests
            if request.path == "/fapi/v1/openInterest"
            and request.symbol == event.symbol
            and request.fault is None
            and max(life.began_ms, at_ms - 400_000) <= request.at_ms <= min(until_ms - 20_000, at_ms + 400_000)
            and (with_given_up or not limits.was_given_up(day, request))
        ]


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


def _why_not(day: Day, row: Row, rows: Sequence[Row]) -> str:
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
        was_cut = row.is_unfinished and any(
            life.ended_ms is not None and row.event_ms <= life.ended_ms <= row.candle_ms + MINUTE_MS + CLOSE_SEEN_MS
            for life in day.lives
        )
        is_right = ratio >= row.metric * 0.75 if was_cut else abs(ratio - row.metric) < ratio * 0.25
        return "" if ratio >= 4.5 and is_right else f"{ratio:.1f} × the median"
    if row.note == WHOLE_MOVE and abs(row.metric) < 2 * abs(row.told_before_pct or row.metric) - ROUNDING_PCT:
        return f"{row.metric:.2f} % is not twice the {row.told_before_pct} % told before"
    first_ms = {"60s": row.candle_ms - 2 * MINUTE_MS, WHOLE_MOVE: _began_ms(row, rows)}.get(row.note, row.candle_ms)
    candles = day.market.klines(row.symbol, first_ms, row.candle_ms)
    high, low = max(candle.high for candle in candles), min(candle.low for candle in candles)
    start = (low if row.metric > 0 else high) if row.note in {"60s", WHOLE_MOVE} else candles[0].open
    widest = abs((high if row.metric > 0 else low) / start - 1) * 100
    is_held = THRESHOLD_PCT - ROUNDING_PCT <= abs(row.metric) <= widest + ROUNDING_PCT
    return "" if is_held else f"the price moved by {widest:.2f} %, told were {row.metric:.2f} %"


def _began_ms(row: Row, rows: Sequence[Row]) -> int:
    """Two minutes before the candle of the first alert of the move that this one goes on: its price came from there."""
    assert row.candle_ms is not None
    candle_ms, since_ms = row.candle_ms, row.event_ms
    for before in sorted((each for each in rows if each.symbol == row.symbol), key=lambda each: -each.event_ms):
        if before.event_ms > since_ms:
            continue
        if since_ms - before.event_ms > EPISODE_QUIET_MS:
            break
        since_ms = before.event_ms
        if before.kind == row.kind and before.direction == row.direction and before.candle_ms is not None:
            candle_ms = before.candle_ms
    return candle_ms - 2 * MINUTE_MS
