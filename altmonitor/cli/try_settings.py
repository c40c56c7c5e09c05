"""`altmonitor try pump 4 oi 2 5 last 7d`: what other thresholds would have told of stored days."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.console import RenderableType

from altmonitor.cli.archive import store_of, symbols_stored, take_in_recordings
from altmonitor.cli.common import Answer, Session, print_answer
from altmonitor.cli.replay import minute_of, stored_audiences
from altmonitor.commands.replies import Refused
from altmonitor.commands.trial import read_try
from altmonitor.core.alert import Kind
from altmonitor.core.console import how_many
from altmonitor.core.errors import ConfigError, StorageError
from altmonitor.market.candles import MINUTE_MS
from altmonitor.render.tables import table as drawn
from altmonitor.replay.selection import smallest_for
from altmonitor.replay.tape_files import TapeGroups
from altmonitor.replay.trial import try_on
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import Trial, TrialMove
from altmonitor.settings.settings import SETTING_OF, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class TryChoices:
    """Options of `altmonitor try`; see its help."""

    words: tuple[str, ...]
    symbols: str
    as_json: bool


def run_try(session: Session, choices: TryChoices) -> int:
    """Returns the exit code. Raises: ConfigError, StorageError."""
    asked = read_try("try", tuple(word for given in choices.words for word in given.split()))
    if isinstance(asked, Refused):
        raise ConfigError([f"try {' '.join(choices.words)}: {asked.word or 'a value'} is missing or not understood"])
    store = store_of(session)
    take_in_recordings(store)
    symbols = symbols_stored(choices.symbols, store)
    spans = [span for symbol in symbols if (span := store.span(symbol)) is not None]
    if not spans:
        raise StorageError(f"{store.root} holds no candles: altmonitor archive fetch --from 2025-02-01")
    first_ms, to_ms = min(first for first, _ in spans), max(last for _, last in spans) + MINUTE_MS
    from_ms = first_ms if asked.last_s is None else max(first_ms, to_ms - asked.last_s * 1000)
    now = stored_audiences(session)[0]
    then = with_tried(now, dict(asked.values))
    tapes = TapeGroups(
        store,
        symbols,
        from_ms=from_ms,
        to_ms=to_ms,
        lookback=now.settings.vol_burst_lookback,
        smallest=smallest_for([now.settings, then.settings]),
    )
    trial = try_on(tapes, now, then, from_ms=from_ms)
    changes = {key: (SETTING_OF[key].of(now.settings), value) for key, value in asked.values}
    lines = table(trial, changes, symbols=len(spans))
    return print_answer(Answer(values={"changes": changes, **asdict(trial)}, lines=lines), as_json=choices.as_json)


def with_tried(now: Audience, numbers: dict[str, Any]) -> Audience:
    """What the chat's command would set: a contract keeps what differs from the others', for that is its own."""
    settings = now.settings

    def followed(own: Settings) -> dict[str, Any]:
        return {key: value for key, value in numbers.items() if getattr(own, key) == getattr(settings, key)}

    every = {symbol: replace(own, **followed(own)) for symbol, own in settings.of_symbol.items()}
    return replace(now, settings=replace(settings, of_symbol=every, **numbers))


def table(trial: Trial, changes: dict[str, tuple[float, float]], *, symbols: int) -> list[RenderableType]:
    tried = ", ".join(f"{SETTING_OF[key].word} {now:g} → {then:g}" for key, (now, then) in changes.items())
    lines: list[RenderableType] = [
        f"{minute_of(trial.from_ms)} … {minute_of(trial.to_ms)} UTC, the newest stored, "
        f"{how_many(symbols, 'symbol')}: {tried}",
    ]
    rows = []
    for row in trial.rows:
        peak = "" if row.peak_ms is None else f"{row.peak} from {minute_of(row.peak_ms)}"
        rates = (f"{row.now / row.days:.1f}", f"{row.then / row.days:.1f}")
        rows.append((row.kind, str(row.now), str(row.then), *rates, peak))
    lines.append(drawn(("kind", "now", "then", "now/day", "then/day", "loudest hour"), rows, words=(0, 5)))
    for row in trial.rows:
        for name, moves in (("lost", row.lost), ("new", row.new)):
            if moves:
                lines.append(f"{name} ({row.kind}): {'; '.join(_shown(row.kind, move) for move in moves)}")
    return [*lines, "Counted on the tape, in whole minutes; `altmonitor replay --set …` plays them through the engine."]


def _shown(kind: Kind, move: TrialMove) -> str:
    digits = 3 if kind == "funding" else 1
    return f"{move.symbol} {move.size:+.{digits}f} at {minute_of(move.at_ms)}"
