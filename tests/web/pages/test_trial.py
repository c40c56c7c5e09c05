"""The page on which other thresholds are tried: what is counted, what the fields hold, and that nothing is changed."""

from __future__ import annotations

import re
from dataclasses import replace

from altmonitor.commands.replies import NumbersChanged
from altmonitor.core.alert import Kind
from altmonitor.core.types import LANGUAGES
from altmonitor.detectors.verdict import Rule
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.live_tape import LiveTape
from altmonitor.replay.tape import SMALLEST
from altmonitor.replay.trial import try_on
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial
from altmonitor.settings.settings import SETTINGS
from altmonitor.settings.state import Overrides, State
from altmonitor.web.pages.trial import SCALES
from tests.commands.executor_kit import Desk
from tests.operations.operations_kit import Bench
from tests.replay.history import FEB_2025, minutes_of
from tests.web.pages.pages_kit import Answer, pages


def counting() -> LiveTape:
    """240 minutes of one contract with four moves: 3.5 %, and in one hour 5 % and 5.5 %, then 3.2 %."""
    live, moves = LiveTape(), {10: 3.5, 70: 5.0, 75: 5.5, 190: 3.2}
    opens = [FEB_2025 + at * MINUTE_MS for at in range(240)]
    live.take_candles("SOLUSDT", minutes_of(opens, highs=[moves.get(at, 0.0) for at in range(240)]), lookback=20)
    return live


async def opened(
    path: str, *, lang: str = "en", missing: NotEnoughHistory | None = None, too_small: tuple[Kind, ...] = ()
) -> tuple[Answer, list[int | None]]:
    """The page over that tape, and how many seconds back were asked about."""
    bench = Bench()
    bench.desk = Desk(state=State(main=Overrides(lang=lang)))  # type: ignore[arg-type]
    asked: list[int | None] = []

    async def tried(now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
        asked.append(last_s)
        trial = try_on([counting().tape()], now, then, from_ms=0, days={"price": 0.5})
        return missing or replace(trial, too_small=too_small)

    context = bench.context()
    assert context.monitor is not None
    async with pages(context, monitor=replace(context.monitor, try_settings=tried)) as browser:
        return await browser.get(path), asked


def field(answer: Answer, key: str) -> dict[str, str]:
    (tag,) = re.findall(rf'<input type="number" name="{key}"[^>]*>', answer.html)
    return dict(re.findall(r'([\w-]+)="([^"]*)"', tag))


async def test_without_a_change_the_page_counts_what_is_in_force_over_a_week() -> None:
    answer, asked = await opened("try")
    assert asked == [7 * 86_400]
    assert "8 alerts a day · loudest hour 2 (02-01 01:00)" in answer.text
    assert answer.rows() == [["price", "8", "8", "2 (02-01 01:00)", "–", "–"]]
    assert "data-apply" not in answer.html
    assert "The same in the chat" not in answer.text


async def test_another_value_is_counted_and_what_it_misses_is_named_with_the_command_that_sets_it() -> None:
    answer, asked = await opened("try?pump_threshold=4&last=1d")
    assert asked == [86_400]
    assert "8 → 4 alerts a day · loudest hour 2 (02-01 01:00)" in answer.text
    assert answer.rows() == [["price", "8", "4", "2 (02-01 01:00)", "SOLUSDT +3.50 % 02-01 00:10", "–"]]
    assert "Counted from 02-01 00:00 to 02-01 04:00 UTC, in whole minutes; other days will differ." in answer.text
    assert "You asked for 1 d; 0.5 d are known." in answer.text
    assert "The same in the chat: /set_pump 4 " in answer.text
    assert field(answer, "pump_threshold")["value"] == "4"
    assert field(answer, "pump_threshold")["data-now"] == "3"
    rarer, asked = await opened("try?cooldown_sec=600&last=all")
    assert asked == [None]
    assert rarer.rows() == [["price", "8", "6", "1 (02-01 00:00)", "–", "–"]], "the same move within 15 minutes"


async def test_a_value_below_what_is_kept_is_said_to_count_too_few() -> None:
    said = {
        "en": "Moves this small were not kept, so there would be more than counted: price.",
        "ru": "Такие малые изменения не сохранялись, алертов было бы больше, чем сосчитано: цена.",
        "zh": "这么小的变动没有记录，实际提醒会比统计的多：价格。",
    }
    for lang, line in said.items():
        answer, _ = await opened("try?pump_threshold=0.2", lang=lang, too_small=("price",))
        assert line in answer.text
        answer, _ = await opened("try?pump_threshold=1", lang=lang)
        assert line not in answer.text


async def test_what_is_no_value_counts_as_it_is_in_force_and_is_named() -> None:
    for word in ("1000", "-1e5", "nonsense", "%3Cscript%3E", "%D9%A4", "1,000"):
        answer, _ = await opened(f"try?pump_threshold=4&vol_burst_mult={word}&last=nonsense")
        assert answer.status == 200, word
        assert "<script>" not in answer.html.replace('<script type="module"', "")
        assert field(answer, "pump_threshold")["value"] == "4", word
        assert (field(answer, "vol_burst_mult")["value"] == "5") is (word != "1000"), word
    answer, _ = await opened("try?vol_burst_mult=nonsense&cooldown_sec=1.5")
    assert "Out of range or no number, so counted as it is in force: Volume, Cooldown." in answer.text


async def test_every_setting_has_a_slider_that_stays_where_a_tape_knows_everything() -> None:
    answer, _ = await opened("try")
    for setting in SETTINGS:
        tag = field(answer, setting.key)
        assert float(tag["data-low"]) > 0
        assert float(tag["data-high"]) <= setting.high
        assert tag["data-zero"] == (
            "left" if setting.command in ("set_liq", "cooldown") else "right" if setting.has_off else ""
        )
    rules = {
        "pump_threshold": Rule("price", "1m"),
        "dump_threshold": Rule("price", "1m"),
        "move_5m_pct": Rule("price", "5m"),
        "move_15m_pct": Rule("price", "15m"),
        "vol_burst_mult": Rule("vol", "1m"),
        "oi_surge_1m": Rule("oi", "1m"),
        "oi_surge_5m": Rule("oi", "5m"),
    }
    assert {key: SCALES[key][0] >= SMALLEST[rule] for key, rule in rules.items()} == dict.fromkeys(rules, True)


async def test_the_commands_are_ones_that_the_chat_understands() -> None:
    answer, _ = await opened("try?move_15m_pct=9&funding_extreme_pct=0.2&cooldown_sec=60&oi_min_usd=0")
    shown = re.findall(r"<code>/(\w+) ([^<]*)</code>", answer.html)
    assert shown == [("set_funding", "0.2"), ("cooldown", "60"), ("set_move", "15m 9"), ("set_liq", "oi off")]
    desk = Desk()
    for command, words in shown:
        assert isinstance(await desk(f"/{command} {words}"), NumbersChanged), command


async def test_too_little_history_is_said_and_the_fields_stay() -> None:
    answer, _ = await opened("try?pump_threshold=4", missing=NotEnoughHistory(has_days=0.01, needs_days=0.02))
    assert "Not enough history yet: 14 min 24 s are read, 28 min 48 s are needed." in answer.text
    assert field(answer, "pump_threshold")["value"] == "4"
    assert "/set_pump 4" in answer.text


async def test_without_a_monitor_the_page_says_where_to_ask() -> None:
    async with pages(Bench().context(is_running=False)) as browser:
        answer = await browser.get("try")
    assert answer.status == 200
    assert "There is no monitor here that knows past days." in answer.text


async def test_it_is_said_in_every_language() -> None:
    for lang, title in {"en": "What if", "ru": "Что если", "zh": "试算"}.items():
        answer, _ = await opened("try?pump_threshold=4", lang=lang)
        assert f'aria-current="page">{title}<' in answer.html
    assert {"en", "ru", "zh"} == set(LANGUAGES)
