"""What people, scripts and cats type: an answer where one is due, silence where not, and nothing changes."""

from __future__ import annotations

from pathlib import Path

from altmonitor.sim.script import Pump
from tests.e2e.stage import READER, START_MS, SYMBOLS, Stage, stage

AT_ONCE = 25
"""More answers than that do not wait for a chat."""

ANSWERED = [
    "/set_pump nan",
    "/set_pump inf",
    "/set_pump -inf",
    "/set_pump 1e999",
    "/set_pump " + "9" * 400,
    "/set_pump 0." + "0" * 400 + "1",
    "/set_pump",
    "/set_pump ",
    "/set_pump 5 5",
    "/set_pump -0",
    "/set_pump 1,234",
    "/set_pump ٥",
    "/set_pump ५",
    "/set_pump 五",
    "/set_pump \u202e5\u202c",
    "/set_pump 5\u0000",
    "/set_pump <b>5</b>",
    "/set_pump 🚀",
    "/set_pump 5; DROP TABLE alerts",
    "/set_pump ${jndi:ldap://x}",
    "/set_dump --5",
    "/set_oi 3 6 9",
    "/set_oi NaN 6",
    "/set_vol 0x10",
    "/set_vol 5xx",
    "/cooldown 3.5",
    "/cooldown -1",
    "/cooldown 99999999999999999999",
    "/set_move 7m 5",
    "/set_move 5m",
    "/set_liq 24h 2Q",
    "/set_liq 24h -2M",
    "/mute <script>alert(1)</script>",
    "/mute doge 2y",
    "/mute doge 0h",
    "/mute " + "A" * 3_000,
    "/watch " + "dogge " * 800,
    "/watch 🐕🐕🐕",
    "/unwatch \u202egod",
    "/quiet 25:00-07:00",
    "/quiet 07:00",
    "/tz ../../etc/passwd",
    "/tz Europe/Berlin\nUTC",
    "/lang tlh",
    "/route elsewhere",
    "/alert btc > nan",
    "/alert btc >> 5",
    "/alert delete 0",
    "/alert delete 99999999999999999999999",
    "/why btc 25:61",
    "/why btc 2026-02-31 12:00",
    "/top 3s",
    "/budget -20",
    "/budget 1e3",
    "/preset loud",
    "/history 0",
    "/stats inf",
    "/changes -1",
    "/nosuchcommand <a href='x'>",
    "/STATUSS",
    "/undo 2",
    "/set " + "x " * 2_000,
    "/price " + "\U0001f4a3" * 2_000,
]
TALK = [
    "hello",
    "5",
    "🚀",
    "/",
    "/ set_pump 5",
    "//",
    "@AltmonitorBot",
]
"""No commands; in a private chat they are answered with what would be one."""


async def test_nothing_typed_changes_anything_or_stops_the_bot(tmp_path: Path) -> None:
    alert_at_ms = START_MS + 280_000
    async with stage(tmp_path, Pump(SYMBOLS[0], alert_at_ms, 4.0, over_s=5), speed=20, stall_s=0.8) as here:
        await here.is_live()
        before = here.app.market.engine.settings
        here.telegram.inject_message(READER, "", user_id=1_000)
        for number, texts in enumerate(batched([*ANSWERED, *TALK], AT_ONCE)):
            asked = {
                here.telegram.inject_message(READER, text, user_id=2_000 + AT_ONCE * number + i): text
                for i, text in enumerate(texts)
            }
            await here.until(lambda: set(asked) <= set(answers(here)), within_s=180)  # noqa: B023 — awaited here
            told = answers(here)
            assert {text: told[at] for at, text in asked.items() if not is_refusal(told[at])} == {}
        assert here.app.market.engine.settings == before
        assert not (tmp_path / "state.json").exists()
        assert here.telegram.violations == []
        await here.said(f"PUMP {SYMBOLS[0]}", within_s=300)


def answers(here: Stage) -> dict[int, str]:
    """Id of what was typed → what was said to it."""
    return {message.reply_to: message.text for message in here.messages if message.reply_to is not None}


def batched(texts: list[str], size: int) -> list[list[str]]:
    return [texts[begin : begin + size] for begin in range(0, len(texts), size)]


def is_refusal(text: str) -> bool:
    return text.startswith(("❌", "❔"))
