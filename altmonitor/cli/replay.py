"""`altmonitor replay`: what these settings would have told over stored days."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from rich.console import RenderableType

from altmonitor.cli.archive import (
    ArchiveProgress,
    not_stored,
    other_coin_line,
    store_of,
    symbols_stored,
    take_in_recordings,
)
from altmonitor.cli.common import DONE, FAILED, Answer, Session, print_answer, print_lines
from altmonitor.core.alert import Alert
from altmonitor.core.console import how_many
from altmonitor.core.errors import ConfigError, NewerSchemaError, StorageError
from altmonitor.core.outcome import OutcomeRow
from altmonitor.core.types import Destination
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.render.tables import table as drawn
from altmonitor.replay.archive_csv import FIRST_MS
from altmonitor.replay.outcome_text import outcome_lines, outcome_values
from altmonitor.replay.past_market import ReplayedAlert
from altmonitor.replay.price_path import PricePath
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.run import EngineName, ReplayResult, counts, not_shown, replay
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.verify import REASONS, QuietTimes, sampled_in, verify
from altmonitor.settings.audience import Audience
from altmonitor.settings.input import NotRead, read_setting
from altmonitor.settings.settings import SETTING_BY_WORD, SETTING_OF, Settings
from altmonitor.settings.state import SettingsStore, State
from altmonitor.storage.alert_queries import alert_reader
from altmonitor.storage.overrides_format import StateDamaged
from altmonitor.storage.run_log import MonitorRun
from altmonitor.storage.state_file import base_settings, home_of
from altmonitor.storage.state_file import stored_state as settings_in_force
from altmonitor.storage.state_format import decode

LINES_SHOWN: Final = 20
NOBODY: Final = Destination(chat_id=0)
DAY_MS: Final = 86_400_000
SHORT_MS: Final = 3_600_000
"""So little that is not stored at an end of the range is not worth a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayChoices:
    """Options of `altmonitor replay`; see its help."""

    from_time: str
    to_time: str | None
    symbols: str
    settings: tuple[str, ...]
    price_path: PricePath
    is_whole: bool
    engine: Literal["exact", "tape", "both"]
    is_verify: bool
    as_json: bool
    is_judged: bool = False
    report: Path | None = None
    tuning: Path | None = None
    delay_s: float | None = None


def run_replay(session: Session, choices: ReplayChoices) -> int:
    """Returns the exit code. Raises: ConfigError, StorageError."""
    store = store_of(session)
    now_ms = session.clock.now_ms()
    from_ms, to_ms = range_ms(choices.from_time, choices.to_time, (0, now_ms), now_ms=now_ms)
    take_in_recordings(store)
    symbols = symbols_stored(choices.symbols, store)
    named = [name for name in symbols if name not in store.symbols()]
    if named and len(named) == len(symbols):
        raise StorageError(not_stored(named, store))
    options = ReplayOptions(
        audiences=changed(stored_audiences(session), choices.settings),
        price_path=choices.price_path,
        episodes=session.config.part(EpisodeOptions),
        conditions=stored_state(session).conditions,
        is_whole=choices.is_whole,
    )
    progress = ArchiveProgress("replay", clock=session.clock)
    engine: EngineName = "exact" if choices.engine == "exact" else "tape"
    result = replay(store, symbols, options, from_ms=from_ms, to_ms=to_ms, engine=engine, on_progress=progress.show)
    if not result.symbols:
        raise StorageError(
            f"{store.root} holds no candles of that time: altmonitor archive fetch --from {day_of(from_ms)}"
        )
    if choices.is_verify:
        return _verify(session, store, options, result, as_json=choices.as_json)
    rows, about = _judge(session, store, options, result, choices)
    if choices.as_json:
        print("\n".join(json_lines(result, rows)))  # noqa: T201
    else:
        print_lines([*table(result, choices), *(outcome_lines(rows, about=about) if choices.is_judged else [])])
    if choices.engine != "both":
        return DONE
    exact = replay(store, symbols, options, from_ms=from_ms, to_ms=to_ms, on_progress=progress.show)
    differences = different_keys(result, exact)
    for line in differences or [f"Both engines tell the same {len(exact.alerts)} alerts, in the same order."]:
        print(line, file=sys.stderr if choices.as_json else sys.stdout)
    return FAILED if differences else DONE


def different_keys(tape: ReplayResult, exact: ReplayResult) -> list[str]:
    """What one engine tells and the other does not, by key and moment; empty where both tell the same in one order."""
    told = [[(one.alert.key, one.alert.event_ms, one.to) for one in result.alerts] for result in (tape, exact)]
    if told[0] == told[1]:
        return []
    names = "tape", "exact"
    lines = [
        f"only the {name} engine: {key} at {event_ms}"
        for name, own, other in zip(names, told, reversed(told), strict=True)
        for key, event_ms, to in own
        if (key, event_ms, to) not in other
    ]
    return lines or ["Both engines tell the same alerts in another order."]


def _judge(
    session: Session, store: HistoryStore, options: ReplayOptions, result: ReplayResult, choices: ReplayChoices
) -> tuple[Sequence[OutcomeRow], str]:
    """Outcomes and how they were reckoned, where they are asked for; writes the report."""
    if not (choices.is_judged or choices.report):
        return (), ""
    from altmonitor.cli.replay_report import report_input, write_report

    given = report_input(
        session,
        store,
        options,
        result,
        delay_s=choices.delay_s,
        changed=choices.settings,
        tuning=choices.tuning,
    )
    if choices.report is not None:
        write_report(choices.report, given)
    return given.rows, f"Entry {given.delay} after the event; fees {given.fee_pct:g} % each side."


def _verify(
    session: Session, store: HistoryStore, options: ReplayOptions, result: ReplayResult, *, as_json: bool
) -> int:
    """Beside what was told live in the same time. Exit code 1 where a difference has no known reason."""

    async def told() -> tuple[Sequence[Alert], Sequence[MonitorRun]]:
        async with alert_reader(session.config.alerts_at) as alerts:
            return await alerts.alerts_since(result.from_ms), await alerts.runs()

    known = {one.symbol for one in result.symbols}
    alerts, runs = asyncio.run(told())
    live = [one for one in alerts if one.event_ms < result.to_ms and one.symbol in known]
    found = verify(
        live,
        [one.alert for one in result.alerts],
        is_stored=lambda symbol, open_ms: len(store.candles(symbol, open_ms, open_ms + 1, is_whole=False)) > 0,
        is_sampled=sampled_in(store),
        quiet=QuietTimes.of(options),
        runs=runs,
    )
    told_of = [(kind, str(found.live[kind]), str(found.matched.get(kind, 0))) for kind in sorted(found.live)]
    lines: list[RenderableType] = [
        f"{minute_of(result.from_ms)} … {minute_of(result.to_ms)} UTC: told live, and by the replay with the same key",
        drawn(("kind", "live", "replay"), told_of),
    ]
    lines.append(f"price and volume: {found.share:.2%}")
    starts = [minute_of(run.began_ms) for run in runs if result.from_ms <= run.began_ms < result.to_ms]
    if starts:
        more = f" and {len(starts) - LINES_SHOWN} more" if len(starts) > LINES_SHOWN else ""
        lines.append(f"the monitor was started at {', '.join(starts[:LINES_SHOWN])}{more}")
    price = found.live.get("price", 0) + found.rolling
    if found.rolling:
        lines.append(
            f"{found.rolling} of {price} price alerts ({found.rolling / price:.0%}) were told against the price 60 s "
            "earlier, which candles do not hold; they are not among these."
        )
    lines += [
        f"{'missed' if one.is_live else 'extra':<7} {one.key}: {REASONS[one.reason]}" for one in found.differences
    ]
    values = {
        "live": found.live,
        "matched": found.matched,
        "share": found.share,
        "rolling": found.rolling,
        "starts_ms": [run.began_ms for run in runs if result.from_ms <= run.began_ms < result.to_ms],
        "differences": [asdict(one) for one in found.differences],
    }
    is_explained = all(one.reason != "unknown" for one in found.differences)
    print_answer(Answer(values=values, lines=lines), as_json=as_json)
    return DONE if is_explained else FAILED


def stored_audiences(session: Session) -> tuple[Audience, ...]:
    """As the monitor would start with them: environment, then what the chat has changed. Raises: ConfigError."""
    config = session.config
    home = replace(home_of(config, config.chats or (NOBODY,)), budget_per_day=0)
    return SettingsStore(base_settings(config), stored_state(session), home=home).audiences


def stored_state(session: Session) -> State:
    """What the chat has changed. Raises: ConfigError."""
    path = session.config.state_file
    if session.config.database_url:
        with ThreadPoolExecutor(1) as beside:  # some who ask run in a loop
            try:
                return beside.submit(asyncio.run, settings_in_force(session.config, clock=session.clock)).result()
            except StorageError as problem:
                raise ConfigError([str(problem)]) from problem
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        return State()
    except (StateDamaged, NewerSchemaError, OSError) as problem:
        raise ConfigError([f"{path} cannot be read: {problem}"]) from problem


def changed(audiences: Sequence[Audience], words: Sequence[str]) -> tuple[Audience, ...]:
    """words: `pump=4`, `oi5=8`; for every audience, single symbols' own ones too. Raises: ConfigError."""
    numbers: dict[str, Any] = {}
    words_known = [word for word in SETTING_BY_WORD if word not in SETTING_OF]
    problems = []
    for word in words:
        name, _, text = word.partition("=")
        setting = SETTING_BY_WORD.get(name.strip().lower())
        if setting is None:
            problems.append(f"--set {word!r}: known are {', '.join(words_known)}, such as pump=4")
            continue
        value = read_setting(text.strip(), setting)
        if isinstance(value, NotRead):
            off = ", or off" if setting.has_off else ""
            problems.append(f"--set {word!r}: {name} takes {setting.low:g} to {setting.high:g}{off}")
        else:
            numbers[setting.key] = value
    if problems:
        raise ConfigError(problems)

    def over(settings: Settings) -> Settings:
        own = {symbol: replace(one, **numbers) for symbol, one in settings.of_symbol.items()}
        return replace(settings, of_symbol=own, **numbers)

    return tuple(replace(one, settings=over(one.settings)) for one in audiences)


def range_ms(from_time: str | None, to_time: str | None, usual: tuple[int, int], *, now_ms: int) -> tuple[int, int]:
    """[from, to), unix ms; usual: for what is not given. Raises: ConfigError."""
    from_ms = usual[0] if from_time is None else moment_ms("--from", from_time)
    to_ms = usual[1] if to_time is None else moment_ms("--to", to_time, is_end=True)
    for option, text, begin_ms in (("--from", from_time, from_ms), ("--to", to_time, to_ms - DAY_MS)):
        if text is not None and begin_ms >= now_ms:
            raise ConfigError([f"{option} {text} is yet to come (now it is {minute_of(now_ms)} UTC)"])
    if from_time is not None and from_ms < FIRST_MS:
        raise ConfigError([f"--from {from_time}: there was no market before {day_of(FIRST_MS)}"])
    if from_ms >= to_ms:
        given = [f"{option} {text}" for option, text in (("--from", from_time), ("--to", to_time)) if text]
        raise ConfigError([f"{' '.join(given)}: an empty range"])
    return from_ms, to_ms


def moment_ms(option: str, text: str, *, is_end: bool = False) -> int:
    """`2025-02-01` or `2025-02-01T08:00`, UTC unless it names a zone. is_end: a day alone counts as a whole.

    Raises: ConfigError.
    """
    try:
        moment = datetime.fromisoformat(text)
        found = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as problem:
        raise ConfigError(
            [f"{option} {text!r} is not a day or time such as 2025-02-01 or 2025-02-01T08:00"]
        ) from problem
    return found + DAY_MS if is_end and _is_day(text) else found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def day_of(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).date().isoformat()


def minute_of(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


# ---
# What is printed. Nothing in it depends on the moment of asking: the same input gives the same bytes.


def json_lines(result: ReplayResult, outcomes: Sequence[OutcomeRow] = ()) -> list[str]:
    """One line per alert, and the sums as the last one."""
    lines = [msgspec.json.encode(alert_values(one), order="sorted").decode() for one in result.alerts]
    sums = {
        "summary": {
            "from_ms": result.from_ms,
            "to_ms": result.to_ms,
            "stored_ms": result.span_ms,
            "alerts": len(result.alerts),
            "alerts_other_order": result.flipped,
            "alerts_across_minutes_at_most": result.across,
            "candles": result.candles,
            "warm_up_ms": result.warm_up_ms,
            "symbols": [
                {
                    "symbol": one.symbol,
                    "candles": one.candles,
                    "missing_minutes": one.missing_minutes,
                    "both_ways": one.both_ways,
                    "other_coins": [hole.to_ms for hole in one.other_coins],
                }
                for one in result.symbols
            ],
            "unknown": result.unknown,
            "not_shown": not_shown(result),
            "outcomes": outcome_values(outcomes),
        }
    }
    return [*lines, msgspec.json.encode(sums, order="sorted").decode()]


def alert_values(one: ReplayedAlert) -> dict[str, object]:
    alert, details = one.alert, one.alert.details
    return {
        "key": alert.key,
        "event_ms": alert.event_ms,
        "candle_ms": alert.candle_ms,
        "symbol": alert.symbol,
        "kind": alert.kind,
        "direction": alert.direction,
        "window": alert.note,
        "metric": alert.metric,
        "price": alert.price,
        "change_pct": alert.change_pct,
        "threshold": details.threshold,
        "told_before_pct": details.told_before_pct,
        "episode_key": details.episode_key,
        "is_silent": details.is_silent,
        "to": [str(destination) for destination in one.to],
    }


def table(result: ReplayResult, choices: ReplayChoices) -> list[RenderableType]:
    rows: list[tuple[str, ...]] = [
        (
            kind,
            direction,
            window,
            "escalation" if is_escalation else "first",
            str(number),
            f"{number / result.days:.1f}",
        )
        for (kind, direction, window, is_escalation), number in counts(result.alerts)
    ]
    rows.append(("all", "", "", "", str(len(result.alerts)), f"{len(result.alerts) / result.days:.1f}"))
    lines: list[RenderableType] = [
        f"{minute_of(result.from_ms)} … {minute_of(result.to_ms)} UTC, {how_many(len(result.symbols), 'symbol')}, "
        f"{how_many(result.candles, 'candle')}, warm-up {result.warm_up_ms / 60_000:.0f} minutes or more before that",
        drawn(("kind", "direction", "window", "", "alerts", "a day"), rows, words=range(4)),
    ]
    first_ms, last_ms = result.span_ms
    if first_ms > result.from_ms + SHORT_MS or last_ms < result.to_ms - SHORT_MS:
        lines.append(
            f'Stored is {minute_of(first_ms)} … {minute_of(last_ms)} of it; "a day" is of those {result.days:.1f}.'
        )
    both = sum(one.both_ways for one in result.symbols)
    if result.flipped is not None:
        lines.append(
            f"In {how_many(both, 'minute')} both bounds are reached and nobody knows which first: "
            f"{how_many(len(result.alerts), 'alert')} if minutes go against their close first, {result.flipped} if "
            "those go the other way."
        )
    missing = [one for one in result.symbols if one.missing_minutes]
    for one in missing[:LINES_SHOWN]:
        are = "is" if one.missing_minutes == 1 else "are"
        lines.append(f"{one.symbol}: {how_many(one.missing_minutes, 'minute')} {are} missing in that time")
    lines += [
        f"{one.symbol}: {other_coin_line(one.symbol, hole)}" for one in result.symbols for hole in one.other_coins
    ]
    if result.unknown:
        lines.append(f"without candles of that time: {', '.join(result.unknown[:LINES_SHOWN])}")
    if choices.price_path == "close":
        lines.append("Prices count at the close of their minute alone (--price-path close); live sees every touch.")
    return [*lines, "Not here, because candles do not show it:", *(f"- {line}" for line in not_shown(result))]
