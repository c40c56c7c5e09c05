"""`altmonitor who SYMBOL`: the whole picture of one contract, from the exchange or from what was tracked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from altmonitor.app.positioning import COHORT_ANSWER_WITHIN_S as ANSWER_WITHIN_S
from altmonitor.app.positioning import LivePositionQueries, PositionQueryDeps, positioning_deps
from altmonitor.cli.common import Answer, Session, print_answer
from altmonitor.collect.positioning_lookup import Absent, LookedUp, LookupDeps, look_up
from altmonitor.core.clock import timeouts
from altmonitor.core.errors import AltmonitorError, ConfigError, ExchangeError, StartError, StorageError
from altmonitor.exchanges.binance.positioning import closes
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.queries import Part, PositionScope, WhoFacts
from altmonitor.positioning.history import (
    MAX_AGE_MIN,
    SLACK_MS,
    NotEnoughSnapshots,
    Snapshot,
    change,
    profit_trend,
    scan_extreme,
)
from altmonitor.positioning.picture import DISCLAIMER, PositionPicture, fill_interval, nearest_closes, picture_values
from altmonitor.positioning.picture import chart as charted
from altmonitor.positioning.statistics_history import BAR_SLACK_MS, stored_oi_change, stored_ratio_change
from altmonitor.positioning.tracked_values import (
    NOTHING_TO_SCAN,
    change_values,
    oi_change_values,
    ratio_change_values,
    scan_values,
    trend_values,
)
from altmonitor.positioning.units import period_ms
from altmonitor.render.charts.canvas import cjk_font
from altmonitor.render.charts.panel import panel_png
from altmonitor.render.format import Style
from altmonitor.render.panel import panel_of, panel_page
from altmonitor.render.position_card import missing_lines
from altmonitor.render.series_page import series_page
from altmonitor.render.terminal import (
    cause_text,
    change_lines,
    picture_lines,
    scan_lines,
    statistics_lines,
    trend_lines,
)
from altmonitor.settings.input import spelled
from altmonitor.storage.snapshot_queries import snapshot_reader


def answered(ask: Callable[[], Coroutine[None, None, Answer]], *, as_json: bool) -> int:
    """Asks and prints. Returns the exit code. Raises: ConfigError."""
    try:
        answer = asyncio.run(ask())
    except ConfigError:
        raise
    except AltmonitorError as problem:
        answer = Answer(values={"error": str(problem)}, lines=[], problem=str(problem))
    return print_answer(answer, as_json=as_json)


def named(symbol: str) -> str:
    """Raises: ConfigError for a word that names nothing."""
    found = spelled(symbol)
    if not found:
        raise ConfigError([f"{symbol[:40]!r} is not a symbol such as BTC or BTCUSDT"])
    return found


def show(session: Session, *, symbol: str, period: str, stored: bool, as_json: bool) -> int:
    """stored: the newest tracked rows instead of the exchange. Returns the exit code."""

    async def ask() -> Answer:
        found = await (_from_store if stored else _live)(session, named(symbol), period)
        if found.picture.is_empty:
            now_ms = found.picture.now_ms
            problem = f"{found.picture.symbol}: {cause_text(found.chief, session.style, now_ms=now_ms)}"
            values: dict[str, object] = {
                "symbol": found.picture.symbol,
                "error": problem,
                "absent": _absent_values(found.absent),
            }
            return Answer(values=values, lines=[], problem=problem)
        told = {**picture_values(found.picture), "absent": _absent_values(found.absent)}
        return Answer(values=told, lines=picture_lines(found.picture, found.absent, session.style))

    return answered(ask, as_json=as_json)


async def _live(session: Session, symbol: str, period: str) -> LookedUp:
    """An overview that cannot be had now is taken from the tracked rows, with its age."""
    async with positioning_deps(session.config, clock=session.clock) as deps:
        sources = LookupDeps(
            smart_money=deps.smart_money,
            positioning=deps.positioning,
        )
        found = await look_up(
            symbol,
            sources,
            scope=PositionScope(period=period),
            priority=Priority.UNIVERSE,
            clock=session.clock,
        )
    missing = found.absent.get("smartMoney")
    if missing is None or missing.cause == "no data":
        return found
    try:
        kept = await _newest(session, symbol)
    except StorageError:  # nothing was tracked: the cause that is shown stays the exchange's
        return found
    overview = None if kept is None else kept.overview
    return replace(found, picture=replace(found.picture, overview=overview))


async def _from_store(session: Session, symbol: str, period: str) -> LookedUp:
    """Raises: StorageError."""
    now_ms = session.clock.now_ms()
    since_ms = now_ms - round(MAX_AGE_MIN * 60_000)
    async with snapshot_reader(session.config.smart_money_db_path) as tracked:
        snapshots = await tracked.snapshots(symbol, since_ms=since_ms)
        held = await tracked.open_interest(symbol, since_ms=since_ms)
        ratios = await tracked.newest_top_traders(symbol, period=period, since_ms=since_ms)
    newest = snapshots[-1] if snapshots else None
    parts: dict[Part, object] = {"smartMoney": newest, "topTrader": ratios, "openInterest": held, "funding": None}
    picture = PositionPicture(
        symbol=symbol,
        now_ms=now_ms,
        overview=None if newest is None else newest.overview,
        top_traders=ratios,
        open_interest=held[-1] if held else None,
        mark_price=None if newest is None else newest.mark_price,
    )
    return LookedUp(
        picture=picture, absent={name: Absent(cause="not tracked") for name, part in parts.items() if not part}
    )


async def _newest(session: Session, symbol: str) -> Snapshot | None:
    since_ms = session.clock.now_ms() - round(MAX_AGE_MIN * 60_000)
    async with snapshot_reader(session.config.smart_money_db_path) as tracked:
        rows = await tracked.snapshots(symbol, since_ms=since_ms)
    return rows[-1] if rows else None


def _absent_values(absent: Mapping[Part, Absent]) -> dict[str, object]:
    """By part: the cause, and until when for a block."""
    return {name: {"cause": found.cause, "untilMs": found.until_ms} for name, found in absent.items()}


# ---
# `altmonitor who change|trend|scan|chart`: answers from what `altmonitor track` stored.


def change_of(session: Session, *, symbol: str, minutes: float, as_json: bool) -> int:
    """Prints how positions changed in tracked rows. Returns the exit code."""

    async def ask() -> Answer:
        name, now_ms = named(symbol), session.clock.now_ms()
        since_ms = now_ms - round(minutes * 60_000) - BAR_SLACK_MS
        async with snapshot_reader(session.config.smart_money_db_path) as tracked:
            rows = await tracked.snapshots(name, since_ms=since_ms)
            held = await tracked.open_interest(name, since_ms=since_ms)
            period = session.config.top_trader_period
            ratios = await tracked.top_traders(name, period=period, since_ms=since_ms)
        found = change(name, rows, minutes=minutes, now_ms=now_ms)
        oi = stored_oi_change(held, minutes=minutes, now_ms=now_ms)
        ratio = stored_ratio_change(ratios, minutes=minutes, now_ms=now_ms)
        statistics = {"openInterest": oi_change_values(oi), "topTraders": ratio_change_values(ratio)}
        lines = statistics_lines(oi, ratio)
        if isinstance(found, NotEnoughSnapshots):
            problem = "" if lines else str(found)
            return Answer(values={**change_values(found), **statistics}, lines=[str(found), *lines], problem=problem)
        lines = [*change_lines(found, session.style), *lines, DISCLAIMER]
        return Answer(values={**change_values(found), **statistics}, lines=lines)

    return answered(ask, as_json=as_json)


def trend_of(session: Session, *, symbol: str, minutes: float, as_json: bool) -> int:
    """Prints how the share in profit moved in tracked rows. Returns the exit code."""

    async def ask() -> Answer:
        rows = await _rows(session, named(symbol), minutes)
        found = profit_trend(named(symbol), rows, minutes=minutes, now_ms=session.clock.now_ms())
        if isinstance(found, NotEnoughSnapshots):
            return Answer(values=trend_values(found), lines=[], problem=str(found))
        return Answer(values=trend_values(found), lines=trend_lines(found, session.style))

    return answered(ask, as_json=as_json)


def scan(session: Session, *, limit: int, max_age: float, as_json: bool) -> int:
    """max_age: minutes; older rows do not count. Prints extremes of tracked rows. Returns the exit code."""

    async def ask() -> Answer:
        now_ms = session.clock.now_ms()
        async with snapshot_reader(session.config.smart_money_db_path) as tracked:
            rows = await tracked.newest_snapshots(since_ms=now_ms - round(max_age * 60_000))
        found = scan_extreme(rows, now_ms=now_ms, limit=limit, max_age_min=max_age)
        problem = "" if found.scanned else NOTHING_TO_SCAN
        return Answer(values=scan_values(found), lines=scan_lines(found), problem=problem)

    return answered(ask, as_json=as_json)


def chart(session: Session, *, symbol: str, hours: float, out: Path | None, no_fill: bool) -> int:
    """out: None is `SYMBOL-chart.html` here. no_fill: missing prices are not asked for. Returns the exit code."""

    async def ask() -> Answer:
        name = named(symbol)
        rows = await _rows(session, name, hours * 60)
        filled, note = dict[int, float](), ""
        if not no_fill:
            try:
                filled = await _missing_prices(session, name, rows)
            except (ExchangeError, StartError, StorageError) as problem:  # better without its line than no chart
                note = f", without prices that were not tracked: {problem}"
        found = charted(name, rows, mark_prices=filled)
        target = out or Path(f"{name}-chart.html")
        try:
            await asyncio.to_thread(
                target.write_text, series_page(name, found, session.style, disclaimer=DISCLAIMER), "utf-8"
            )
        except OSError as problem:
            raise StartError(f"{target} cannot be written: {problem.strerror}") from problem
        said = f"{target}: {0 if found is None else found.points} snapshots{note}"
        problem_text = "" if found is not None else f"{said}, two are needed; run `altmonitor track` for a while"
        return Answer(values={"file": str(target)}, lines=[said], problem=problem_text)

    return answered(ask, as_json=False)


async def _rows(session: Session, symbol: str, minutes: float) -> Sequence[Snapshot]:
    """Raises: StorageError."""
    since_ms = session.clock.now_ms() - round(minutes * 60_000) - SLACK_MS
    async with snapshot_reader(session.config.smart_money_db_path) as tracked:
        return await tracked.snapshots(symbol, since_ms=since_ms)


async def _missing_prices(session: Session, symbol: str, rows: Sequence[Snapshot]) -> dict[int, float]:
    """By the time of their row, unix ms. Raises: ExchangeError, StartError, StorageError."""
    missing = [row for row in rows if row.mark_price is None]
    if not missing:
        return {}
    from_ms, to_ms = missing[0].time_ms, missing[-1].time_ms
    interval = fill_interval(session.clock.now_ms() - from_ms)
    length_ms = period_ms(interval) if interval != "1m" else 60_000
    async with positioning_deps(session.config, clock=session.clock) as deps:
        found = await closes(
            deps.rest, symbol, interval=interval, from_ms=from_ms // length_ms * length_ms, to_ms=to_ms
        )
    return nearest_closes(missing, found, interval_ms=length_ms)


# ---
# `altmonitor panel SYMBOL`: who is positioned, as a page or a picture in a file.


ENDINGS: Final = (".html", ".htm", ".png")


def panel(session: Session, *, symbol: str, out: Path | None, lang: str | None) -> int:
    """out: None is `SYMBOL-panel.html` here. lang: None is that of the settings. Returns the exit code."""

    async def ask() -> Answer:
        name = named(symbol)
        target = out or Path(f"{name}-panel.html")
        if target.suffix.lower() not in ENDINGS:
            raise ConfigError([f"--out {target} must end in {', '.join(ENDINGS)}"])
        is_picture = target.suffix.lower() == ".png"
        chosen = lang or session.config.smart_money_card_lang or session.style.lang
        note = ""
        if is_picture and chosen == "zh" and cjk_font(24) is None:
            chosen, note = "en", " (in English: this machine has no Chinese letters to draw with)"
        shown_in = Style(lang=chosen, tz=session.style.tz)
        facts = await _looked_up(session, name)
        if facts.picture.overview is None:
            missing = _problem(facts, session.style)
            return Answer(values={"error": missing}, lines=[], problem=missing)
        drawn = panel_of(facts.picture, shown_in)
        content = panel_png(drawn) if is_picture else panel_page(drawn, lang=chosen).encode()
        try:
            await asyncio.to_thread(target.write_bytes, content)
        except OSError as problem:
            raise StartError(f"{target} cannot be written: {problem.strerror}") from problem
        return Answer(values={"file": str(target)}, lines=[f"{target}{note}"])

    return answered(ask, as_json=False)


async def _looked_up(session: Session, symbol: str) -> WhoFacts:
    async with positioning_deps(session.config, clock=session.clock) as deps:
        ratios = deps.positioning
        desk = LivePositionQueries(
            PositionQueryDeps(
                clock=session.clock,
                live=LookupDeps(smart_money=deps.smart_money, positioning=ratios),
                cohorts=ratios,
                day=lambda name: None,
                tracked=session.config.smart_money_db_path,
                answer_within_s=timeouts(session.clock, 2 * ANSWER_WITHIN_S),
            )
        )
        return await desk.who(symbol)


def _problem(facts: WhoFacts, style: Style) -> str:
    missing = [part for part in facts.missing if part.part == "smartMoney"]
    lines = missing_lines(missing, style, now_ms=facts.picture.now_ms)
    return f"{facts.picture.symbol}: {lines[0]}"
