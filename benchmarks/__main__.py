"""`make bench`: every figure beside its reference from the same run. Figures, not tests: machines are noisy."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType

from benchmarks import decide, feed, memory, sweep, venues

BEFORE = {"whole": "3601094", "alerts": "b8890094"}
"""Commits that parts are measured beside: the last one of version 0.2, and the last one before leases, roles and
PostgreSQL."""

LIMITS_S = {
    "decide": 90,
    "saturated": 150,
    "paced": 180,
    "boundary": 90,
    "sweep": 150,
    "memory": 150,
    "start": 150,
    "storm": 120,
    "charts": 90,
    "history": 180,
    "whole": 270,
    "recording": 270,
    "venues": 540,
    "http": 180,
    "alerts": 300,
}
"""Part → seconds after which it is ended on the busiest machine, too. Alone each takes at most four minutes, the venues
six."""


def main() -> None:
    """`python -m benchmarks [part …] [--against COMMIT]`; all parts without arguments. COMMIT: of the version that the
    whole process and the way of an alert are measured beside."""
    arguments = sys.argv[1:]
    against = None
    if "--against" in arguments:
        at = arguments.index("--against")
        against = arguments[at + 1]
        del arguments[at : at + 2]
    wanted = arguments or list(LIMITS_S)
    unknown = [part for part in wanted if part not in LIMITS_S]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; parts are {', '.join(LIMITS_S)}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    late = [part for part in wanted if not ends_within(LIMITS_S[part], partial(_run, part, against))]
    if late:
        sys.exit(f"did not end in time: {', '.join(late)}")


def _run(part: str, against: str | None) -> None:
    if part in BEFORE:
        globals()[f"_{part}"](against or BEFORE[part])
    else:
        globals()[f"_{part}"]()
    print(flush=True)


def ends_within(seconds: float, work: Callable[[], None]) -> bool:
    """False: it was ended, with the processes it had started."""

    def end(signum: int, frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        work()
    except _Late:
        print(f"    ended after {seconds:.0f} s\n", flush=True)
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return True


class _Late(BaseException):
    """No `Exception`: nothing on the way may take it for a failure of its own."""


def _venues() -> None:
    print("(j) venues at their full rates, one packet a frame: from socket to decision")
    for fed in venues.run_feeds():
        print(
            f"    {_named(fed.venues):<14} {fed.contracts:5} contracts {fed.frames_per_s:6.0f} frames/s "
            f"{fed.core_pct:6.2f} % of a core   {fed.cpu_us:5.1f} µs per frame",
            flush=True,
        )
    print("    the whole monitor, after its start: share of a core, memory, what a minute uses of its limits")
    for one in venues.run_whole():
        weights = ", ".join(f"{venue} {used}" for venue, used in one.weights.items())
        print(
            f"    {_named(one.venues):<14} {one.symbols:5} contracts {one.frames_per_s:6.0f} frames/s "
            f"{one.core_pct:6.2f} % {one.rss_mb:6.1f} MB   {weights}",
            flush=True,
        )
    print("    (all four: at most 6 % and 160 MB; at most 60 % of each limit)")


def _named(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"all {len(names)}"


def _http() -> None:
    from benchmarks import http_load

    cost = http_load.table_cost()
    print(f"(h) HTTP: /api/market of {http_load.SYMBOLS} contracts, computed anew")
    print(
        f"    CPU {cost.build_ms:.1f} ms to compute, {cost.encode_ms:.1f} ms to encode, {cost.kilobytes:.0f} kB   "
        "(at most 5 ms together)"
    )
    found = asyncio.run(http_load.load(float(os.environ.get("ALTMONITOR_HTTP_SECONDS", "30"))))
    ratio = found.late_with_ms / found.late_without_ms
    print(
        f"    {http_load.LISTENERS} listeners of which {http_load.SILENT} stop reading: frames decided after p99 "
        f"{found.late_with_ms:.1f} ms, without them {found.late_without_ms:.1f} ms   ratio {ratio:.2f}   (at most 1.1)"
    )
    print(
        f"    {found.listeners_after} listeners are left (50), the others were let go after {found.cleared_s:.0f} s "
        f"(at most 30); memory grew by {found.grown_mb:.1f} MB"
    )
    made, health_s = asyncio.run(http_load.idle())
    print(f"    {made} connections that say nothing: /health after {health_s * 1e3:.0f} ms")


def _decide() -> None:
    found = decide.run()
    print(f"(0) deciding alone, {decide.SYMBOLS} symbols: CPU µs per frame, decoded frame → nothing to say")
    print(f"    calm                        {found.calm_us:6.2f} µs")
    print(
        f"    crash: all symbols beyond   {found.crash_us:6.2f} µs   (at most 2)   "
        f"told {found.told}, while they trembled {found.told_after}"
    )


def _saturated() -> None:
    print("(a) saturated: CPU µs per frame, socket → decision, against a bare receive-and-typed-decode loop")
    for row in feed.run_saturated():
        print(
            f"    {row.transport:<11} {row.feed_us:6.2f} µs   bare {row.bare_us:6.2f} µs   "
            f"ratio {row.ratio:.2f}   (at most 1.5)"
        )
    by_hand_us, ratio = feed.run_by_hand()
    print(f"    written by hand for the same alerts, picows and msgspec: {by_hand_us:.2f} µs   ratio {ratio:.2f}")
    print("    (at most 1.3)")


def _paced() -> None:
    print(f"(b) paced: {feed.PACED_RATE} frames/s, one packet each")
    for row in feed.run_paced():
        print(
            f"    {row.transport:<11} gather {row.gather_ms:>2.0f} ms: {row.cpu_us:6.1f} µs per frame, "
            f"{row.core_pct:5.2f} % of a core, decided after p50 {row.p50_ms:5.1f} ms, p99 {row.p99_ms:5.1f} ms"
        )
    print("    (picows with 20 ms: at most 3 % of a core, p99 at most 50 ms)")
    by_hand_us, ratio = feed.run_by_hand_paced()
    print(f"    written by hand, in the same loop:  {by_hand_us:5.1f} µs per frame   ratio {ratio:.2f}   (at most 1.3)")


def _boundary() -> None:
    print("(c) minute boundary: 600 candles close at once")
    for row in feed.run_boundary():
        print(
            f"    {row.transport:<11} gather {row.gather_ms:>2.0f} ms: decided after p50 {row.p50_ms:5.1f} ms, "
            f"last {row.last_ms:5.1f} ms   (at most 50)"
        )


def _sweep() -> None:
    found = sweep.run()
    print(f"(d) open-interest sweep of {found['symbols']:.0f} symbols")
    print(
        f"    {found['cpu_ms']:.0f} ms CPU   bare client loop at the same pace {found['bare_cpu_ms']:.0f} ms   "
        f"ratio {found['ratio']:.2f}   (bare loop without pauses {found['bare_saturated_cpu_ms']:.0f} ms)"
    )


def _memory() -> None:
    found = memory.run()
    print(f"(e) memory: {found['rss_mb']:.0f} MB resident with {found['symbols']:.0f} symbols   (at most 95)")


def _start() -> None:
    from benchmarks import start

    found = start.run()
    print(f"(j) CPU of a process: a refused setting {found.refused_s:.2f} s   (at most 0.3)")
    print(f"    a start until every stream is subscribed {found.subscribed_s:.2f} s   (at most 1.2)")


def _storm() -> None:
    from benchmarks import storm

    print("(f) storm: 530 alerts into a group with Telegram's limits")
    for name, row in asyncio.run(storm.run()).items():
        print(
            f"    {name:<18} first message after {row['first_message_s']:4.1f} s, every symbol named after "
            f"{row['last_symbol_s']:4.1f} s, {row['messages']:.0f} messages, {row['violations']:.0f} limits broken"
        )


def _charts() -> None:
    from benchmarks import charts

    found = asyncio.run(charts.run())
    print(f"(g) charts: {charts.CHARTS} in a row in their thread")
    print(f"    {found.draw_ms:.1f} ms CPU and {found.kilobytes:.1f} KB each")
    for name, lag in (("idle", found.idle), ("drawing", found.drawing)):
        print(
            f"    loop lag, {name:<8} p50 {lag.p50_ms:5.2f} ms, p99 {lag.p99_ms:5.2f} ms, "
            f"longest {lag.longest_ms:5.2f} ms"
        )


def _history() -> None:
    from benchmarks import history

    found = history.run()
    print(f"(i) history: a month of {history.SYMBOLS} contracts, candles per second of CPU of one core")
    print(f"    read from the store         {found.read / 1e6:6.1f} M/s   (at least 3)")
    print(f"    tape made of files          {found.built / 1e6:6.1f} M/s   (at least 1.5: 3 on two cores)")
    print(f"    measured for the tape       {found.measured / 1e6:6.1f} M/s   (at least 5: 10 on two cores)")
    print(f"    the same in plain Python    {found.plain / 1e6:6.2f} M/s   ratio {found.measured / found.plain:.0f}")
    print(f"    the live engine             {found.exact / 1e6:6.2f} M/s   (at least 0.4)   {found.alerts} alerts")
    print(f"    a question of {history.ROWS / 1e6:.0f} M rows      {found.question_ms:6.1f} ms    (at most 50)")


def _whole(against: str) -> None:
    from benchmarks import whole

    print("(h) the whole monitor: 600 contracts, 2,400 frames/s, 30 alerts a minute with charts and enrichment")
    found = whole.run(against)
    print(f"    {found.cpu_s:6.1f} s CPU, {found.core_pct:5.1f} % of a core, {found.alerts} alerts", flush=True)
    if found.ratio is None:
        print(f"    {against} is not in this clone: nothing to compare with")
    else:
        print(f"    of that of {against} beside it   ratio {found.ratio:.2f}   (at most 0.55)")


def _alerts(against: str) -> None:
    from benchmarks import alert_path

    found = alert_path.run(against)
    print(f"(l) one alert in one process with SQLite, beside {against} in {alert_path.PAIRS} pairs")
    for phase, cost in found.now.items():
        line = f"    {phase:<7} {cost.calls:6.0f} calls of functions, {cost.cpu_us:6.0f} µs CPU"
        if found.before:
            then = found.before[phase]
            line += f"   before {then.calls:6.0f}, {then.cpu_us:6.0f} µs   ratio {cost.calls / then.calls:.3f}, "
            line += f"{found.cpu_ratios[phase]:.2f}"
        print(line)
    print("    (at most 1.03)" if found.before else f"    {against} is not in this clone: nothing to compare with")


def _recording() -> None:
    from benchmarks import recording, whole

    own = recording.run()
    print(f"(k) recording: ten minutes of {recording.SYMBOLS} contracts")
    print(
        f"    by itself {own.collected_ms:6.1f} ms CPU between frames, {own.written_ms:5.1f} ms in a thread: "
        f"{own.core_pct:.3f} % of a core   (at most 0.1)"
    )
    found = whole.run_recording()
    extra_pct = found.core_pct * (1 - 1 / (found.ratio or 1.0))
    print(
        f"    the whole monitor beside the same without: {found.core_pct:5.1f} % of a core, {found.ratio:.3f} ×, "
        f"{extra_pct:+.2f} % of a core"
    )


if __name__ == "__main__":
    main()
