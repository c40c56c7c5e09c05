"""What a chat sees of a machine that slept and of a Telegram that asks to wait, for docs/interruptions.md."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from altmonitor.sim.script import Pump
from altmonitor.sim.telegram.values import SimMessage
from tests.e2e.stage import START_MS, SYMBOLS, stage
from tests.e2e.test_asleep import ASLEEP_S, FELL_ASLEEP_S, fall_asleep

WAIT_S = 40
MOVED_S = tuple(152.0 + 2 * number for number in range(12))


async def asleep(folder: Path) -> list[SimMessage]:
    """The first contract jumps by 8 % while the machine sleeps."""
    moved_ms = START_MS + (FELL_ASLEEP_S + 105) * 1000
    async with stage(folder, Pump(SYMBOLS[0], moved_ms, 8.0, over_s=5), CHART="false") as here:
        await here.is_live()
        await here.until(lambda: here.since_start_s() >= FELL_ASLEEP_S, within_s=FELL_ASLEEP_S + 30)
        before = len(here.messages)
        here.exchange.faults.drop_all()
        await fall_asleep(here, ASLEEP_S)
        await here.said("Data is back", within_s=120)
        await here.until(lambda: any(SYMBOLS[0] in one.text for one in here.messages[before:]), within_s=120)
        return list(here.messages[before:])


async def flooded(folder: Path) -> list[SimMessage]:
    """Telegram refuses a message and names a wait; twelve contracts move meanwhile."""
    pumps = (
        Pump(symbol, START_MS + round(at_s * 1000), 4.0, over_s=3)
        for symbol, at_s in zip(SYMBOLS, MOVED_S, strict=False)
    )
    async with stage(folder, *pumps, CHART="false") as here:
        await here.is_live()
        await here.said("watches", within_s=120)
        before = len(here.messages)
        here.telegram.faults.refuse_next("sendMessage", 429, retry_after_s=WAIT_S)
        moved = SYMBOLS[: len(MOVED_S)]
        await here.until(
            lambda: all(any(symbol in one.text for one in here.messages[before:]) for symbol in moved), within_s=300
        )
        assert here.telegram.violations == []
        return list(here.messages[before:])


async def test_a_sleep_is_one_notice_and_what_moved_meanwhile_is_told_as_late(tmp_path: Path) -> None:
    told = await asleep(tmp_path)
    (back,) = [one.text for one in told if "Data is back" in one.text]
    assert "Not seen: " in back
    (late,) = [one.text for one in told if SYMBOLS[0] in one.text]
    assert late.startswith("⏳ LATE")
    assert "PUMP" in late


async def test_a_wait_that_telegram_names_is_kept_and_what_came_meanwhile_leaves_together(tmp_path: Path) -> None:
    told = await flooded(tmp_path)
    assert min(one.date_ms for one in told) >= START_MS + round(MOVED_S[0] * 1000) + WAIT_S * 1000
    (digest,) = [one.text for one in told if one.text.startswith("📋")]
    assert sum(symbol in digest for symbol in SYMBOLS[: len(MOVED_S)]) >= len(MOVED_S) - 2


PAGE = Path(__file__).parents[2] / "docs" / "interruptions.md"
TITLE = "## The machine sleeps"
ASLEEP = f"""\
{TITLE}

From here on written down by `python -m tests.e2e.test_interruptions`. A laptop is shut for five minutes and a contract
jumps by 8 % while it is. The moment it wakes the gap is known to its first second, the minutes are fetched, and what
they hold comes as late:
"""
FLOOD = f"""
## Telegram asks to wait

Telegram answers a message with "retry after {WAIT_S}" (its limit against floods) while twelve contracts move. Nothing
is written before that time is over. Then what waited leaves together, because one after the other would take longer
than ten seconds. There is no notice: nothing was lost and nothing has to be done.
"""
PORT = """
A flood of connections on the HTTP port is not seen in the chat at all: two hundred connections that never ask anything
are held off with what the port may have, and alerts come as ever (`tests/e2e/test_http.py`).
"""


def shown(messages: Sequence[SimMessage]) -> str:
    """Markdown; the bot's words are the HTML it sent."""
    parts = []
    for message in messages:
        lines = (f"> {line}<br>" for line in message.html.split("\n"))
        parts += [f"\n**{_time(message)}**\n", *lines]
    return "\n".join(parts)


def _time(message: SimMessage) -> str:
    return datetime.fromtimestamp(message.date_ms / 1000, UTC).strftime("%H:%M:%S")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="altmonitor-interruptions-") as folder:
        paths = [Path(folder) / name for name in ("asleep", "flooded")]
        for path in paths:
            path.mkdir()
        slept, waited = asyncio.run(asleep(paths[0])), asyncio.run(flooded(paths[1]))
    kept = PAGE.read_text(encoding="utf-8").split(TITLE)[0].rstrip()
    text = f"{kept}\n\n{ASLEEP}{shown(slept)}\n{FLOOD}{shown(waited)}\n{PORT}"
    PAGE.write_text(text, encoding="utf-8")
    print(PAGE, file=sys.stderr)


if __name__ == "__main__":
    main()
