"""Looking back: what followed the alerts that were told, and what other thresholds would have told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from altmonitor.commands.replies import Refused
from altmonitor.commands.trial import read_try
from altmonitor.core.alert import Kind
from altmonitor.core.outcome import HORIZONS_MIN, LINE_HORIZON_MIN, OutcomeRow
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.operations.arguments import WORDS, shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, NotFound, Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial, TrialRow
from altmonitor.settings.settings import SETTING_OF, Numbers

_HORIZONS = ", ".join(map(str, HORIZONS_MIN))


class OutcomeArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    horizon_min: Annotated[
        int,
        msgspec.Meta(
            ge=HORIZONS_MIN[0],
            le=HORIZONS_MIN[-1],
            description=f"Minutes after the entry at which is looked: {_HORIZONS}.",
            extra={WORDS: f"one of {_HORIZONS}"},
        ),
    ] = LINE_HORIZON_MIN


class OutcomesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """kinds: all alerts of a kind, beside chance (control minutes). directions: of its two directions, not tested.
    forward: of those raised under the settings of now. pending: of which something is still to come. earlier: measured
    with other detectors and left out. Percent in the alert's direction; fee_pct each side; hit: fraction that went on.
    """

    horizon_min: int
    since_ms: int | None
    alerts: int
    pending: int
    earlier: int
    fee_pct: float
    kinds: tuple[OutcomeRow, ...]
    directions: tuple[OutcomeRow, ...]
    forward: tuple[OutcomeRow, ...]
    source: str = "this monitor's own alerts, measured on the exchange's candles"


async def get_outcomes(context: OperationContext, arguments: OutcomeArguments) -> OutcomesAnswer:
    if context.outcomes is None:
        raise NotFound("no history is kept: HISTORY_ENABLED is false")
    if arguments.horizon_min not in HORIZONS_MIN:
        raise BadArgument(f"horizon_min must be one of {_HORIZONS}, not {arguments.horizon_min}")
    found = await context.outcomes()

    def at_horizon(rows: Sequence[OutcomeRow]) -> tuple[OutcomeRow, ...]:
        return tuple(row for row in rows if row.horizon_min == arguments.horizon_min)

    return OutcomesAnswer(
        horizon_min=arguments.horizon_min,
        since_ms=found.since_ms,
        alerts=found.alerts,
        pending=found.pending,
        earlier=found.earlier,
        fee_pct=found.fee_pct,
        kinds=at_horizon(found.whole),
        directions=at_horizon(found.by_direction),
        forward=at_horizon(found.forward),
    )


class TryArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    words: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=200,
            description="As /try takes them: names and values of thresholds, and how far back: pump 4 oi 2 5 last 7d.",
        ),
    ]


class TriedNumber(msgspec.Struct, frozen=True, kw_only=True):
    """now: in force; then: tried; both in `unit`."""

    key: str
    unit: str
    now: float
    then: float


class TryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """kinds: alerts with what is in force and with what is tried, over the days that are known; lost and new: the
    largest of each. peak, peak_ms: the loudest hour of all kinds with what is tried. counted_over: the venue whose
    candles these are; not_counted: others that are watched, where the same thresholds hold and what only they see
    comes on top. too_small: kinds with a bound below the smallest size that was kept, so there would be more alerts
    of them than are counted. Nothing is changed."""

    from_ms: int
    to_ms: int
    counted_over: Venue
    not_counted: tuple[Venue, ...]
    changes: tuple[TriedNumber, ...]
    kinds: tuple[TrialRow, ...]
    peak: int
    peak_ms: int | None
    too_small: tuple[Kind, ...] = ()
    source: str = "the tape of the days this monitor knows, in whole minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """now, then: the main chat as it is and as it would be."""

    now: Audience
    then: Audience
    trial: Trial | NotEnoughHistory


async def tried(context: OperationContext, values: Numbers, last_s: int | None) -> Tried:
    """What values would have told the main chat. last_s: so far back; None: as far as anything is known. Changes
    nothing. Raises: NoMonitor."""
    monitor, store = context.running(), await context.settings()
    main = store.home.main
    now = store.audience_at(main)
    then = store.would_be(main, store.own(main).overrides.with_numbers(values))
    return Tried(now=now, then=then, trial=await monitor.try_settings(now, then, last_s))


async def try_thresholds(context: OperationContext, arguments: TryArguments) -> TryAnswer:
    monitor = context.running()
    asked = read_try("try", tuple(arguments.words.split()))
    if isinstance(asked, Refused):
        wrong = f"not {shown(asked.word)}" if asked.word else "and something is missing"
        raise BadArgument(f"words must be such as pump 4 oi 2 5 last 7d, {wrong}")
    counted_over, *not_counted = monitor.venues
    if asked.venue not in (None, counted_over):
        raise BadArgument(
            f"past candles are kept of {VENUE_TITLES[counted_over]} alone; a threshold then holds at every exchange, "
            f"{VENUE_TITLES[asked.venue]} included"
        )
    found = await tried(context, dict(asked.values), asked.last_s)
    now, then, trial = found.now, found.then, found.trial
    if isinstance(trial, NotEnoughHistory):
        raise Unavailable(
            f"{trial.has_days:.1f} days of history are loaded, {trial.needs_days:.1f} are needed: wait for more in "
            "`altmonitor run`, or fetch days with `altmonitor archive fetch`"
        )
    return TryAnswer(
        from_ms=trial.from_ms,
        to_ms=trial.to_ms,
        counted_over=counted_over,
        not_counted=tuple(not_counted),
        changes=tuple(
            TriedNumber(
                key=key,
                unit=SETTING_OF[key].unit.suffixes[0],
                now=SETTING_OF[key].of(now.settings),
                then=SETTING_OF[key].of(then.settings),
            )
            for key, _ in asked.values
        ),
        kinds=trial.rows,
        peak=trial.peak,
        peak_ms=trial.peak_ms,
        too_small=trial.too_small,
    )


HINDSIGHT_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_outcomes",
        summary="What followed the alerts that were told: how often, how far prices went on afterwards, beside chance.",
        arguments=OutcomeArguments,
        result=OutcomesAnswer,
        run=get_outcomes,
        reads="stored",
        route="GET /api/outcomes",
        chat="outcomes",
        cli="outcomes",
        examples=(Example(title="a quarter of an hour later", arguments={"horizon_min": 15}),),
    ),
    Operation(
        name="try_thresholds",
        summary="Try other thresholds: how many alerts they would have raised over the known days, which would be lost "
        "and which new; changes nothing.",
        arguments=TryArguments,
        result=TryAnswer,
        run=try_thresholds,
        route="GET /api/try",
        chat="try",
        cli="try",
        examples=(Example(title="a higher bound for pumps", arguments={"words": "pump 4 last 7d"}),),
    ),
)
