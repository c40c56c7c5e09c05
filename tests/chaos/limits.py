"""What a day may not exceed: the time an alert takes, minutes without data, the exchange's refusals, Telegram's floods.

Durations are counted in the time the machine let everybody run (`Stalls.ran_ms`): what a pause of the machine's own
adds to one is forgiven, and nothing else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from itertools import pairwise

from altmonitor.cli.run import STALL_S
from altmonitor.exchanges.ws.watchdog import SILENCE_LIMIT_S
from altmonitor.sim.control import RestFault
from tests.chaos import ledger
from tests.chaos.chat import Report
from tests.chaos.day import Day, Request
from tests.chaos.ledger import MINUTE_MS, Row, Span, clock_time
from tests.chaos.schedule import Fault

IN_FLIGHT_S = 0.25
"""Of the machine's time: what had left when the exchange refused is forgiven."""
FIREWALL_S = 90 * 60.0
RECOVERY_MS = 4 * MINUTE_MS
DISK_RECOVERY_S = 3.2
"""Of the machine's time, in which a disk lives: a database that refused is asked again after so long at most."""
AT_ONCE_MS = 5_000
WORK_S = 0.25
"""Of the machine's time: sockets, the disk and our own work are as slow as ever, however fast the clock runs."""
FLOOD_WINDOW_MS = MINUTE_MS
MOST_SEEN_IN_REPORT = 2
"""Of the minutes at the edges a part was seen."""

# --- how fast


def slow_alerts(day: Day, rows: Sequence[Row], counts: Counter[str]) -> Iterator[str]:
    """While nothing goes wrong an alert is in the chat at once."""
    said = {message.message_id: message for message in day.telegram.chats[day.destination.chat_id]}
    troubled = [
        Span(began_ms - MINUTE_MS, ended_ms + _recovery_ms(day, fault)) for began_ms, ended_ms, fault in day.played
    ]
    allowed_ms = AT_ONCE_MS + WORK_S * day.clock.speed * 1000
    for row in rows:
        message = said.get(row.message_id or 0)
        if row.late or message is None or any(span.meets(row.event_ms, message.date_ms) for span in troubled):
            continue
        counts["told in calm"] += 1
        took_ms = message.date_ms - row.event_ms
        if day.stalls.ran_ms(row.event_ms, message.date_ms) > allowed_ms:
            yield f"slow: {row} was told {took_ms / 1000:.0f} s later"
        elif took_ms > allowed_ms:
            counts["told in calm, slow with the machine"] += 1


def _recovery_ms(day: Day, fault: Fault) -> float:
    disk_ms = DISK_RECOVERY_S * day.clock.speed * 1000
    return max(RECOVERY_MS, disk_ms) if fault.name.startswith("disk") else RECOVERY_MS


# --- minutes


def minute_problems(day: Day, reports: Sequence[Report], counts: Counter[str]) -> Iterator[str]:
    """Silence that is long enough to be taken for blindness must be reported; every minute in it."""
    spans = [report.span.in_whole_minutes() for report in reports]
    limit_ms = max(SILENCE_LIMIT_S, STALL_S * day.clock.speed) * 1000 + 10_000
    fed = {at_ms // MINUTE_MS * MINUTE_MS for at_ms in day.fed_ms}
    counts["minutes with data"] = len(fed)
    for before_ms, after_ms in pairwise(day.fed_ms):
        for minute_ms in range(before_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS, after_ms - MINUTE_MS + 1, MINUTE_MS):
            if any(span.holds(minute_ms, minute_ms + MINUTE_MS) for span in spans):
                counts["minutes reported as not seen"] += 1
            elif day.stalls.ran_ms(before_ms, after_ms) >= limit_ms:
                yield f"minute {clock_time(minute_ms)} had no data and is in no report"
            elif after_ms - before_ms >= limit_ms:
                counts["minutes in which the machine stood still"] += 1
            else:
                counts["minutes too short to be reported"] += 1


def needless_reports(day: Day, reports: Sequence[Report]) -> Iterator[str]:
    """What was seen must not be reported as missed: a report excuses, so it may not be longer than the trouble."""
    troubled = [
        Span(began_ms - MINUTE_MS, ended_ms + RECOVERY_MS)
        for began_ms, ended_ms, fault in day.played
        if fault.name.startswith(("feed", "kill", "stop"))
    ]
    for report in reports:
        first_ms, last_ms = report.span.in_whole_minutes().begin_ms, report.span.end_ms - MINUTE_MS
        minutes = [Span(ms, ms + MINUTE_MS) for ms in range(int(first_ms), int(last_ms), MINUTE_MS)]
        seen = [
            minute
            for minute in minutes
            if _is_fed(day, minute) and not any(span.meets(minute.begin_ms, minute.end_ms) for span in troubled)
        ]
        if len(seen) > MOST_SEEN_IN_REPORT:
            yield f"{len(seen)} minutes that were seen are reported as missed: {report.span}, e. g. {seen[0]}"


def _is_fed(day: Day, minute: Span) -> bool:
    """Data came throughout, and no pause was long enough to be taken for its end."""
    first = bisect_left(day.fed_ms, minute.begin_ms)
    last = bisect_left(day.fed_ms, minute.end_ms)
    around = day.fed_ms[max(0, first - 1) : last + 1]
    widest_ms = STALL_S / 2 * day.clock.speed * 1000
    is_steady = len(around) > 1 and all(after - before <= widest_ms for before, after in pairwise(around))
    lost_ms = day.stalls.lost_ms(minute.begin_ms - MINUTE_MS, minute.end_ms)
    return is_steady and lost_ms < STALL_S / 4 * day.clock.speed * 1000


# --- requests and messages


def flood_problems(day: Day, counts: Counter[str]) -> Iterator[str]:
    """A call that came too early for Telegram, by more than a pause had held up the calls before it."""
    for violation in day.telegram.violations:
        lost_ms = day.stalls.lost_ms(violation.at_ms - FLOOD_WINDOW_MS, violation.at_ms)
        if lost_ms < violation.retry_after_s * 1000:
            yield f"a limit of Telegram was broken: {violation}"
        else:
            counts["limits of Telegram broken with the machine"] += 1


def block_problems(day: Day, counts: Counter[str]) -> Iterator[str]:
    most = day.exchange.stats.most_messages_in_1s
    if most > 10:
        yield f"{most} messages to the exchange within a second on one connection"
    grace_ms = IN_FLIGHT_S * day.clock.speed * 1000
    requests = day.faults.requests
    counts["requests"] = len(requests)
    for number, request in enumerate(requests):
        for_s = None if request.fault is None else _refused_for_s(request.fault, request.at_ms)
        if request.fault is None or for_s is None:
            continue
        # a moment is told on the exchange's clock, of which the program knows what it was ten minutes ago
        margin_ms = 1_000 if (request.fault.retry_after or "").isdigit() else 2 * ledger.SKEW_MS
        if was_given_up(day, request):
            counts["refusals nobody could read for a pause of the machine"] += 1
            continue
        counts["refusals"] += 1
        begin_ms, end_ms = request.at_ms, request.at_ms + for_s * 1000 - margin_ms
        same_host = (after for after in requests[number + 1 :] if _host(after) == _host(request))
        refused = [after for after in same_host if after.at_ms < end_ms]
        inside = [after for after in refused if day.stalls.ran_ms(begin_ms, after.at_ms) > grace_ms]
        if inside:
            yield (
                f"{len(inside)} requests while refused ({clock_time(request.at_ms)} for {for_s:.0f} s), the first at "
                f"{clock_time(inside[0].at_ms)} to {inside[0].path}"
            )


def _host(request: Request) -> str:
    """The simulated exchange answers for several hosts at one address; a refusal is of one of them."""
    return "www" if request.path.startswith("/bapi/") else "fapi"


def was_given_up(day: Day, request: Request) -> bool:
    """The simulators stood still for half of the time an answer may take: whoever asked no longer waited."""
    speed_ms = day.clock.speed * 1000
    begin_ms, end_ms = request.at_ms - STALL_S * speed_ms, request.at_ms + IN_FLIGHT_S * speed_ms
    return day.stalls.lost_ms(begin_ms, end_ms) >= STALL_S / 2 * speed_ms


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
