"""`altmonitor tune`: thresholds for so many alerts a day, and what they would have told on days held back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import RenderableType

from altmonitor.cli.archive import not_stored, store_of, symbols_stored, take_in_recordings
from altmonitor.cli.common import Answer, Session, print_answer
from altmonitor.cli.replay import day_of, minute_of, range_ms, stored_audiences, stored_state
from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.core.console import how_many
from altmonitor.core.errors import ConfigError, StorageError
from altmonitor.core.files import write_atomically
from altmonitor.detectors.kinds import BUDGETS, KINDS
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.render.tables import table as drawn
from altmonitor.replay.budget import ladder_with
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.tune import DAY_MS, Tuned, tune
from altmonitor.settings.settings import SETTING_OF, Unit

FEWEST_DAYS: Final = 1
MOST_NAMED: Final = 12
UNIT_SIGN: Final = {Unit.PERCENT: "%", Unit.MULTIPLE: "×"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneChoices:
    """Options of `altmonitor tune`; see its help."""

    per_day: int
    kinds: tuple[Kind, ...]
    symbols: str
    from_time: str | None
    to_time: str | None
    held_out: int
    per_class: bool
    picture: Path | None
    as_json: bool


def run_tune(session: Session, choices: TuneChoices) -> int:
    """Returns the exit code. Raises: ConfigError, StorageError."""
    found, symbols = tuned(session, choices)
    if choices.picture is not None:
        write_picture(choices.picture, found)
    return print_answer(Answer(values=asdict(found), lines=table(found, symbols)), as_json=choices.as_json)


def tuned(session: Session, choices: TuneChoices) -> tuple[Tuned, int]:
    """Thresholds, and of how many symbols something is stored. Raises: ConfigError, StorageError."""
    strange = [kind for kind in choices.kinds if kind not in BUDGETS]
    if strange:
        raise ConfigError(
            [f"--kind {strange[0]} has no threshold that days say something of: {', '.join(BUDGETS)} have"]
        )
    store = store_of(session)
    take_in_recordings(store)
    symbols = symbols_stored(choices.symbols, store)
    spans = [span for symbol in symbols if (span := store.span(symbol)) is not None]
    if symbols and not any(name in store.symbols() for name in symbols):
        raise StorageError(not_stored(symbols, store))
    if not spans:
        raise StorageError(f"{store.root} holds no candles: altmonitor archive fetch --from 2025-02-01")
    newest_ms = (max(last_ms for _, last_ms in spans) // DAY_MS + 1) * DAY_MS
    usual = min(first_ms for first_ms, _ in spans), newest_ms
    from_ms, to_ms = range_ms(choices.from_time, choices.to_time, usual, now_ms=session.clock.now_ms())
    if to_ms - from_ms < (choices.held_out + FEWEST_DAYS) * DAY_MS:
        raise ConfigError(
            [
                f"{day_of(from_ms)} … {day_of(to_ms - 1)} is too short to hold "
                f"{how_many(choices.held_out, 'day')} back (--held-out)"
            ]
        )
    options = ReplayOptions(
        audiences=stored_audiences(session)[:1],
        episodes=session.config.part(EpisodeOptions),
        conditions=stored_state(session).conditions,
    )
    found = tune(
        store,
        symbols,
        options,
        per_day=choices.per_day,
        kinds=choices.kinds or DETECTED_KINDS,
        from_ms=from_ms,
        to_ms=to_ms,
        held_out_days=choices.held_out,
        per_class=choices.per_class,
    )
    return found, len(spans)


def table(found: Tuned, symbols: int) -> list[RenderableType]:
    lines: list[RenderableType] = [
        f"About {found.per_day:g} alerts a day over {'these ' * (symbols > 1)}{how_many(symbols, 'symbol')}, "
        f"chosen from {minute_of(found.from_ms)} … "
        f"{minute_of(found.held_out_from_ms)} UTC; held back after that: {how_many(len(found.by_day), 'day')}.",
    ]
    for name, members in found.classes.items():
        lines.append(f"{name}: {', '.join(members[:MOST_NAMED])}{' …' if len(members) > MOST_NAMED else ''}")
    rows: list[tuple[str, ...]] = []
    for one in found.kinds:
        per_day = (one.now_per_day, one.fitted_per_day, one.replayed_per_day, one.held_out_per_day)
        rates: tuple[str, ...] = tuple(f"{rate:.1f}" for rate in per_day)
        for key, (now, then) in one.thresholds.items():
            word = f"{SETTING_OF[key].word} {one.liquidity}".rstrip()
            rows.append((one.kind, word, f"{now:g}", f"{then:g}", *rates))
            rates = ("",) * len(per_day)
    fitted = found.conditions_per_day + sum(one.fitted_per_day for one in found.kinds)
    replayed = found.conditions_per_day + sum(one.replayed_per_day for one in found.kinds)
    if found.conditions:
        often, held = f"{found.conditions_per_day:.1f}", f"{found.conditions_held_per_day:.1f}"
        rows.append(("condition", f"{found.conditions} of /alert", "", "", often, often, often, held))
    rows.append(("all", "", "", "", "", f"{fitted:.1f}", f"{replayed:.1f}", f"{found.held_out_per_day:.1f}"))
    columns = ("kind", "setting", "now", "then", "now/day", "then/day", "replayed/day", "held back/day")
    lines.append(drawn(columns, rows, words=(0, 1)))
    shown = ", ".join(str(number) for number in found.fitted_by_day)
    lines.append(f"each day it was chosen from: {shown}")
    lines.append(f"each day held back: {', '.join(str(number) for number in found.by_day) or 'none'}")
    lost = [
        f"{move.symbol} {move.size:+.1f} at {minute_of(move.at_ms)} ({one.kind})"
        for one in found.kinds
        for move in one.lost
    ]
    if lost:
        lines.append(f"the largest that would not be told any more: {'; '.join(lost)}")
    return [
        *lines,
        '"then" counts on the tape, in whole minutes; "replayed" and "held back" are the engine, whole moves included.',
    ]


def write_picture(path: Path, found: Tuned) -> None:
    """Raises: StorageError."""
    try:
        write_atomically(path, picture_of(found))
    except OSError as problem:
        raise StorageError(f"{path} cannot be written: {problem.strerror or problem}") from problem


def picture_of(found: Tuned) -> bytes:
    """A PNG."""
    from altmonitor.render.charts.tuning import TuningPanel, tuning_chart

    panels = []
    for one in found.kinds:
        factors = ladder_with(one.kind, one.thresholds).factors
        key = max(one.thresholds, key=lambda name: abs(factors[name]))
        now, then = (value / factors[key] for value in one.thresholds[key])
        panels.append(
            TuningPanel(
                title=f"{one.kind} {one.liquidity}".rstrip(),
                unit=UNIT_SIGN.get(KINDS[one.kind].unit or Unit.USD, ""),
                curve=one.curve,
                now=(now, one.now_per_day),
                then=(then, one.fitted_per_day),
                held_out=one.held_out_per_day,
            )
        )
    return tuning_chart(f"Thresholds for about {found.per_day:g} alerts a day", panels)
