"""`altmonitor panel SYMBOL`: who is positioned, as a page or a picture in a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from altmonitor.app.position_desk import ANSWER_WITHIN_S, DeskSources, PositionDesk
from altmonitor.app.positioning_stage import patience, positioning_stage
from altmonitor.cli.who import Answer, answered, named
from altmonitor.collect.positioning_lookup import Sources
from altmonitor.commands.position_facts import WhoFacts
from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ConfigError, StartError
from altmonitor.render.charts.lettering import cjk_font
from altmonitor.render.charts.panel import panel_png
from altmonitor.render.panel import panel_of
from altmonitor.render.panel_page import panel_page
from altmonitor.render.position_card import missing_lines
from altmonitor.render.style import Style

ENDINGS: Final = (".html", ".htm", ".png")


def panel(*, env_file: Path, symbol: str, out: Path | None, lang: str | None) -> int:
    """out: None is `SYMBOL-panel.html` here. lang: None is that of the settings. Returns the exit code."""

    async def ask(config: Config, clock: Clock, style: Style) -> Answer:
        name = named(symbol)
        target = out or Path(f"{name}-panel.html")
        if target.suffix.lower() not in ENDINGS:
            raise ConfigError([f"--out {target} must end in {', '.join(ENDINGS)}"])
        is_picture = target.suffix.lower() == ".png"
        chosen = lang or config.smart_money_card_lang or style.lang
        note = ""
        if is_picture and chosen == "zh" and cjk_font(24) is None:
            chosen, note = "en", " (in English: this machine has no Chinese letters to draw with)"
        shown_in = Style(lang=chosen, tz=style.tz)
        facts = await _looked_up(config, clock, name)
        if facts.picture.overview is None:
            missing = _problem(facts, style)
            return Answer(values={"error": missing}, lines=[], problem=missing)
        drawn = panel_of(facts.picture, shown_in)
        content = panel_png(drawn) if is_picture else panel_page(drawn, lang=chosen).encode()
        try:
            await asyncio.to_thread(target.write_bytes, content)
        except OSError as problem:
            raise StartError(f"{target} cannot be written: {problem.strerror}") from problem
        return Answer(values={"file": str(target)}, lines=[f"{target}{note}"])

    return answered(env_file, ask, as_json=False)


async def _looked_up(config: Config, clock: Clock, symbol: str) -> WhoFacts:
    async with positioning_stage(config, clock=clock) as stage:
        ratios = stage.positioning
        desk = PositionDesk(
            DeskSources(
                clock=clock,
                live=Sources(smart_money=stage.smart_money, top_traders=ratios, bars=ratios, prices=ratios),
                cohorts=ratios,
                day=lambda name: None,
                tracked=config.smart_money_db_path,
                answer_within_s=patience(clock, 2 * ANSWER_WITHIN_S),
            )
        )
        return await desk.who(symbol)


def _problem(facts: WhoFacts, style: Style) -> str:
    missing = [part for part in facts.missing if part.part == "smartMoney"]
    lines = missing_lines(missing, style, now_ms=facts.picture.now_ms)
    return f"{facts.picture.symbol}: {lines[0]}"
