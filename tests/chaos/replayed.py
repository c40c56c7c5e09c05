"""The day again from what the program recorded of it: what was told live, and what a replay tells."""

from __future__ import annotations

from collections import Counter

from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.history_recorder import take_in_recorded
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.run import replay
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.verify import REASONS, QuietTimes, Verification, sampled_in, verify
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.storage.alert_queries import alert_reader
from tests.chaos.day import START_MS, Day

LEAST_SHARE = 0.99
"""Of price and volume keys that candles can hold."""
FEW = 100
"""Of so few keys a single one is more than a hundredth: then one in ten may differ, with its reason."""


async def replayed(today: Day) -> Verification:
    store = HistoryStore(today.archive)
    take_in_recorded(store)
    options = ReplayOptions(audiences=(Audience(destination=today.destination, settings=Settings()),))
    to_ms = today.clock.now_ms() // MINUTE_MS * MINUTE_MS
    result = replay(store, store.symbols(), options, from_ms=START_MS, to_ms=to_ms, engine="tape")
    async with alert_reader(today.database) as alerts:
        told = [one for one in await alerts.alerts_since(START_MS) if one.event_ms < to_ms]
        runs = await alerts.runs()
    if not 0 < len(runs) <= len(today.lives):  # one that is killed at once may have recorded nothing
        raise AssertionError(f"{len(today.lives)} starts, {len(runs)} recorded")
    return verify(
        told,
        [one.alert for one in result.alerts],
        is_stored=lambda symbol, open_ms: len(store.candles(symbol, open_ms, open_ms + 1, is_whole=False)) > 0,
        is_sampled=sampled_in(store),
        quiet=QuietTimes.of(options),
        runs=runs,
    )


def problems_of(found: Verification) -> list[str]:
    """One line each; empty where the replay tells what was told."""
    told = found.live.get("price", 0) + found.live.get("vol", 0)
    least = LEAST_SHARE if told >= FEW else 0.9
    unexplained = [
        f"replay: {one.key} {'missing' if one.is_live else 'only there'}: {REASONS[one.reason]}"
        for one in found.differences
        if one.reason == "unknown"
    ]
    share = [f"replay: {found.share:.1%} of {told} keys are the same"] if found.share < least else []
    return unexplained + share


def summary(found: Verification) -> list[str]:
    """For a person: how many of each kind were told live and again, and how often which reason is why not."""
    kinds = [
        f"  {kind}: {number} live, {found.matched.get(kind, 0)} again" for kind, number in sorted(found.live.items())
    ]
    reasons = Counter((one.is_live, one.reason) for one in found.differences)
    return [
        *kinds,
        *(
            f"  {'only live' if is_live else 'only again'}, {number} ×: {REASONS[reason]}"
            for (is_live, reason), number in sorted(reasons.items())
        ),
    ]
