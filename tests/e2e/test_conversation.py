"""A new user and a colleague get along with the bot for half an hour; `python -m tests.e2e.test_conversation` writes
down what they said into docs/conversation.md."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from altmonitor.sim.script import Pump
from altmonitor.sim.telegram.chats import buttons
from altmonitor.sim.telegram.values import SimMessage
from tests.e2e.conversation_kit import SPEED, TOPIC, Talk, started, talk
from tests.e2e.lately import LATELY
from tests.e2e.process import Program
from tests.e2e.stage import GROUP

HISTORY_S = 1_800.0
"""So long, in the talk's time, a day of history may take to be read on a busy machine."""


async def conversation(folder: Path, *, speed: float = SPEED) -> Talk:
    """The whole of it."""
    async with talk(folder, speed=speed, ALLOWED_CHAT_IDS=str(GROUP)) as here:
        here.market.add(*LATELY)
        async with here.world.program() as program:
            await first_steps(here, program)
            await how_many_alerts(here, program)
            await an_alert_and_its_buttons(here)
            await why_nothing_came_and_retuning(here)
            await for_single_symbols(here)
            await where_and_when(here)
            await questions_about_the_market(here)
            await conditions(here)
            await a_second_place(here)
            await killed(here, program)
        async with here.world.program() as program:
            await back_again(here, program)
            await taken_back(here)
        assert here.telegram.violations == []
        assert [line for run in here.world.runs for line in run.lines if re.match(r"\S+ (ERROR|CRITICAL)", line)] == []
    return here


async def test_a_new_user_is_understood_answered_and_remembered_over_a_kill(tmp_path: Path) -> None:
    here = await conversation(tmp_path)
    assert len(here.world.runs) == 2


# --- scenes ------------------------------------------------------------------------------------------------------


async def first_steps(here: Talk, program: Program) -> None:
    here.notify("## First steps\n\nThe bot has just been started. Anna has never used it.")
    greeting = await started(here, program)
    says(greeting, "watches 27 symbols", "PUMP +3 % · DUMP −3 %", "Volume 5× the median of 20 · cooldown 3 min")
    help_shown = await here.asks("/start")
    says(
        help_shown, "Data only, no advice.", "/why sol", "/budget [20 | off]", "/undo – take back the last change here"
    )
    status = await here.asks("/status")
    says(status, "Health: ok", "Feed: 27/27 symbols", "PUMP from 3 %", "OI below $1M is left out", "nothing is muted")
    misspelt = await here.asks("/statsu")
    says(misspelt, "There is no command /statsu.", "Did you mean /stats?")


async def how_many_alerts(here: Talk, program: Program) -> None:
    here.notify("## How many alerts a day?")
    presets = await here.asks("/preset")
    says(presets, "calm: PUMP from 8 %", "In force now: original")
    says(
        await here.asks("/preset normal"),
        "✅ PUMP from 3 % → 5 %",
        "✅ volume from 5× → 50×",
        "✅ cooldown 180 s → 300 s",
        "✅ move in 5 m: off → from 8 %",
    )
    says(await here.asks("/budget 20"), "counted over the last 0.", "A whole day is being read now")
    await program.line("a day of history is read", within_s=HISTORY_S / here.clock.speed)
    here.notify("Some minutes later the bot has read what the market did in the last 24 hours.")
    proposal = await here.asks("/budget 20")
    says(
        proposal,
        "About 20 alerts a day, counted over the last 1 d",
        "OI: no history to count from",
        "PUMP from 5 % → 6 %",
    )
    before, after = total(proposal)
    assert 25 <= before <= 33
    assert 17 <= after <= 22
    assert state(here)["pump_threshold"] == 5.0, "shown, not yet used"
    await here.presses(proposal, "Use these")
    accepted = await here.hears("Budget: about 20 alerts a day")
    assert total(accepted) == (before, after)
    await here.until(lambda: not list(buttons(proposal)))
    says(await here.asks("/budget"), "Budget: about 20 alerts a day.")
    assert state(here)["budget"]["per_day"] == 20


async def an_alert_and_its_buttons(here: Talk) -> None:
    here.notify("## An alert\n\nSUI rises by 12 % within seconds.")
    await here.in_a_minute(lambda at_ms: Pump("SUIUSDT", at_ms, 12.0, over_s=8))
    alert = await here.hears("PUMP SUIUSDT")
    says(alert, "price ↑", "Price ", "1 m volume $", "Funding ", "24 h ", " UTC", "#SUI")
    assert "1st today" not in alert.text
    await here.presses(alert, "Why")
    why = await here.hears("Why SUIUSDT")
    says(why, "Told:", "PUMP SUIUSDT", "price, candle · +", "OI, 5 m · ", "volume · ")
    await here.presses(alert, "Chart")
    await here.until(lambda: any(m.photo and m.reply_to == alert.message_id for m in here.said()))
    await here.until(lambda: "📊 chart · anna" in alert.text and "❔ why · anna" in alert.text)
    says(await here.asks("/why ltc"), "Why LTCUSDT now", "No alert in this minute.", "➖ below the threshold")
    says(await here.asks("/why sushi"), "no such contract", "sushi is not listed; did you mean SUIUSDT?")


async def why_nothing_came_and_retuning(here: Talk) -> None:
    here.notify("## Too strict\n\nLINK rises by 4.5 %, and nothing comes.")
    await here.in_a_minute(lambda at_ms: Pump("LINKUSDT", at_ms, 4.5, over_s=3))
    await here.clock.sleep(12)
    why = await here.asks("/why link")
    says(why, "No alert in this minute.", "price, candle · +4.", "➖ below the threshold")
    before = here.newest()
    says(await here.asks("/set_pump 4"), "PUMP from ", " → 4 %")
    alert = await here.hears("PUMP LINKUSDT +4.", after=before)
    says(alert, "price ↑")
    refused = await here.asks("/set_pump 4%%")
    says(refused, "is not a number", "Nothing was changed", "Usage: /set_pump 5")
    says(await here.asks("/set_move 5m 5"), "✅ move in 5 m from 8 % → 5 %")
    says(await here.asks("/set_liq 24h 2M"), "✅ 24 h volume floor: off → $2M")


async def for_single_symbols(here: Talk) -> None:
    here.notify("## One symbol is too loud, another too restless")
    says(await here.asks("/set sui pump 8"), "✅ SUIUSDT · PUMP: default → from 8 %")
    says(await here.asks("/set"), "Symbols with thresholds of their own: 1", "SUIUSDT PUMP from 8 %")
    says(await here.asks("/mute doge 2h"), "DOGEUSDT muted until ")
    says(await here.asks("/mute dogge"), "no such contract", "dogge is not listed; did you mean DOGEUSDT?")
    here.notify("DOGE rises by 9 %: nothing comes.")
    await here.in_a_minute(lambda at_ms: Pump("DOGEUSDT", at_ms, 9.0, over_s=3))
    await here.clock.sleep(12)
    says(await here.asks("/why doge"), "price, candle · +", "🔇 muted until ")
    assert not any("PUMP DOGEUSDT" in message.text for message in here.said())


async def where_and_when(here: Talk) -> None:
    here.notify("## Language, zone, night")
    says(await here.asks("/lang ru"), "✅ язык: английский → русский")
    says(await here.asks("/mute"), "Заглушено: 1", "DOGEUSDT до ")
    says(await here.asks("/lang en"), "✅ language: Russian → English")
    says(await here.asks("/tz Europe/Berlin"), "✅ time zone: UTC → Europe/Berlin")
    says(await here.asks("/tz"), "Time zone: Europe/Berlin", "UTC+02")
    says(await here.asks("/quiet 23:00-07:00"), "✅ quiet hours: off → 23:00-07:00")
    says(await here.asks("/quiet"), "Quiet hours 23:00-07:00", "come as a digest at the end")
    before = here.newest()
    says(await here.asks("/test"), "Samples are on their way", "price, OI, volume")
    sample = await here.hears("A sample for /test: nothing happened.", after=before)
    says(sample, "BTCUSDT", "UTC+02")
    await here.until(lambda: sum("A sample for /test" in m.text for m in here.said()) == 3)


async def questions_about_the_market(here: Talk) -> None:
    here.notify("## Questions about the market")
    await here.in_the_middle_of_a_minute()
    says(await here.asks("/top 5m"), "Largest moves in 5 m, 27 symbols", "↑ up", "↓ down", "DOGEUSDT")
    says(await here.asks("/price btc"), "💲 BTCUSDT", "24 h volume $", "mark price ")
    says(await here.asks("/oi btc"), "BTCUSDT open interest $", " BTC", "1 m ")
    says(await here.asks("/funding btc"), "BTCUSDT funding ", "every 8 h", "next 18:00:00 UTC+02")
    chart = await here.asks("/chart btc")
    assert chart.photo is not None
    says(chart, "BTCUSDT")


async def conditions(here: Talk) -> None:
    here.notify("## Something asked for by name")
    price = live_price(await here.asks("/price btc"))
    level = round(price * 1.01, -1)
    says(await here.asks(f"/alert btc > {level:.0f}"), f"✅ #1 BTCUSDT price ≥ {level:,.0f}", "Told once when")
    says(await here.asks("/alert sol move 5m 4"), "✅ #2 SOLUSDT moves 4 % within 5 m")
    says(await here.asks("/alert btc funding > 0.05%"), "✅ #3 BTCUSDT funding ≥ +0.05")
    here.notify("BTC rises by 1.5 %.")
    await here.in_a_minute(lambda at_ms: Pump("BTCUSDT", at_ms, 1.5, over_s=5))
    told = await here.hears("CONDITION BTCUSDT")
    says(told, f"btc > {level:.0f}")
    assert live_price(told) >= level
    says(await here.asks("/alert"), "Conditions here: 3", "#2 SOLUSDT moves 4 % within 5 m · anna")
    says(await here.asks("/alert delete 3"), "Deleted: #3 BTCUSDT funding")
    question = await here.asks("/alert delete all")
    says(question, "would change this:", "Nothing was changed yet")
    await here.presses(question, "No")
    assert [kept["id"] for kept in state(here)["conditions"]] == [1, 2]


async def a_second_place(here: Talk) -> None:
    here.notify("## A topic of the desk's group\n\nBob wants only large price moves there, and no bell.")
    says(await here.asks("/status", **bob()), "Health: ok")
    says(await here.asks("/route price silent", **bob()), "route: nothing → price", "sound: loud → silent")
    says(await here.asks("/set_pump 10", **bob()), "PUMP from 4 % → 10 %")
    says(await here.asks("/set_move 5m 0", **bob()), "move in 5 m: from 5 % → off")
    says(
        await here.asks("/route", **bob()),
        "main chat Reader (77): price, OI, volume, funding, liquidations, basis, loud",
        "price, silent ← here",
    )
    here.notify("AVAX rises by 6 %, then ETH by 11 %.")
    await here.in_a_minute(lambda at_ms: Pump("AVAXUSDT", at_ms, 6.0, over_s=4))
    await here.hears("PUMP AVAXUSDT")
    await here.in_a_minute(lambda at_ms: Pump("ETHUSDT", at_ms, 11.0, over_s=6))
    alert = await here.hears("PUMP ETHUSDT", chat_id=GROUP)
    assert (alert.thread_id, alert.silent) == (TOPIC, True)
    await here.hears("PUMP ETHUSDT")
    assert not any("AVAXUSDT" in message.text for message in here.said(GROUP))
    toast = await here.presses(alert, "1 h", by="Bob")
    assert "ETHUSDT" in toast
    await here.until(lambda: "🔇 muted 1 h · bob" in alert.text)
    assert "ETHUSDT" in state(here)["chats"][f"{GROUP}/{TOPIC}"]["muted"]
    assert "ETHUSDT" not in state(here)["muted"]


async def killed(here: Talk, program: Program) -> None:
    here.notify("## The machine is switched off\n\nThe process is killed (`kill −9`) and started again a minute later.")
    await program.kill()
    await here.clock.sleep(60)


async def back_again(here: Talk, program: Program) -> None:
    before = state(here)
    greeting = await started(here, program)
    says(greeting, "PUMP +4 %", "Restored: ")
    status = await here.asks("/status")
    says(
        status,
        "PUMP from 4 % · changed by command",
        "move in 5 m from 5 %",
        "no alerts below $2M of 24 h volume",
        "budget: was about 20 a day",
        "thresholds of their own: SUIUSDT",
        "quiet hours 23:00-07:00",
        "DOGEUSDT until ",
    )
    says(await here.asks("/alert"), "Conditions here: 2")
    says(await here.asks("/set", **bob()), "SUIUSDT PUMP from 8 %")
    says(await here.asks("/status", **bob()), "PUMP from 10 %", "route: price, silent", "ETHUSDT until ")
    assert state(here) == before
    here.notify("SOL rises by 4.5 %: the condition was armed before the kill.")
    await here.in_a_minute(lambda at_ms: Pump("SOLUSDT", at_ms, 4.5, over_s=4))
    says(await here.hears("CONDITION SOLUSDT"), "sol move 5m 4")


async def taken_back(here: Talk) -> None:
    here.notify("## Second thoughts")
    before = state(here)
    says(await here.asks("/preset active"), "PUMP from 4 % → 3 %")
    question = await here.asks("/alert delete all")
    await here.presses(question, "Yes")
    await here.until(lambda: "conditions" not in state(here))
    changes = await here.asks("/changes 3")
    says(changes, "anna · /alert delete all", "anna · /preset active", "PUMP from 4 % → 3 %")
    says(await here.asks("/undo"), "Taken back: ", "/alert delete all", "+ condition sol move 5m 4")
    says(await here.asks("/undo"), "Taken back: ", "/preset active", "PUMP from 3 % → 4 %")
    assert state(here) == before, "as if neither had been typed"
    says(await here.asks("/changes 4"), "↩️ taken back later")
    says(await here.asks("/history 3"), "Last 3 alerts, newest first", "sent")
    says(await here.asks("/stats"), " alerts in 24 h", "price ", "Most frequent:", "SUIUSDT")


# --- what is read off --------------------------------------------------------------------------------------------


def says(message: SimMessage, *texts: str) -> None:
    missing = [text for text in texts if text not in message.text]
    assert missing == [], f"{missing} not in:\n{message.text}"


def bob() -> dict[str, Any]:
    return {"by": "Bob", "chat_id": GROUP, "thread_id": TOPIC}


def state(here: Talk) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(here.world.state.read_text("utf-8"))
    return kept


def total(proposal: SimMessage) -> tuple[float, float]:
    """Alerts a day before and after."""
    found = re.search(r"Together: ([\d.]+) → ([\d.]+) a day", proposal.text)
    assert found is not None, proposal.text
    return float(found[1]), float(found[2])


def live_price(message: SimMessage) -> float:
    found = re.search(r"(?:💲 BTCUSDT|Price) ([\d,.]+)", message.text)
    assert found is not None, message.text
    return float(found[1].replace(",", ""))


PAGE = Path(__file__).parents[2] / "docs" / "conversation.md"
HEAD = """\
# Half an hour with the bot

Written down by `python -m tests.e2e.test_conversation`: the real program between a simulated exchange and a simulated
Telegram, on a clock that runs {speed:.0f} times as fast. The same conversation is one of the tests. Buttons are shown
as <kbd>keys</kbd>; times are UTC.
"""


def main() -> None:
    """With another speed as argument where the machine is busy."""
    speed = float(sys.argv[1]) if len(sys.argv) > 1 else SPEED
    with tempfile.TemporaryDirectory(prefix="altmonitor-conversation-") as folder:
        here = asyncio.run(conversation(Path(folder), speed=speed))
    PAGE.write_text(f"{HEAD.format(speed=speed)}\n{here.transcript()}", encoding="utf-8")
    print(PAGE, file=sys.stderr)


if __name__ == "__main__":
    main()
