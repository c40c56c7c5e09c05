"""What the account says of the chat of a day."""

from __future__ import annotations

from altmonitor.sim.telegram.html import ParsedHtml
from altmonitor.sim.telegram.values import SimMessage
from tests.chaos.chat import chat_problems
from tests.chaos.ledger import Row
from tests.chaos.stalls import Stalls

DETECTED_MS = 1_790_000_000_000
OLD = ["old news as if it were new: #2 price:DOTUSDT:PUMP:1m:1789999980000 at 14:13:20 in message 10"]


def told_after(seconds: float, *, first_line: str = "📈 PUMP DOTUSDT +3.2 %", pause: tuple[float, float]) -> list[str]:
    """pause: from … until, seconds after the alert was made."""
    row = Row(
        id=2,
        key="price:DOTUSDT:PUMP:1m:1789999980000",
        kind="price",
        symbol="DOTUSDT",
        direction="PUMP",
        ts=DETECTED_MS / 1000,
        event_ms=DETECTED_MS,
        candle_ms=1_789_999_980_000,
        metric=3.2,
        note="1m",
        late=False,
        told_before_pct=None,
        episode_key=None,
        is_unfinished=False,
        state="sent",
        message_id=10,
        attempts=1,
    )
    message = SimMessage(
        message_id=10,
        chat_id=77,
        thread_id=None,
        html=first_line,
        parsed=ParsedHtml(text=first_line, entities=()),
        date_ms=DETECTED_MS + round(seconds * 1000),
    )
    stalls = Stalls(speed=90)
    stalls.late((pause[1] - pause[0]) / 90, now_ms=DETECTED_MS + pause[1] * 1000)
    return list(chat_problems([message], [row], stalls))


def test_what_waited_ten_minutes_and_a_minute_of_its_way_is_old_news() -> None:
    assert told_after(660, pause=(0, 0)) == []
    assert told_after(661, pause=(0, 0)) == OLD
    assert told_after(661, first_line="⏳ LATE · PUMP DOTUSDT +3.2 %", pause=(0, 0)) == []


def test_only_a_pause_while_the_message_was_on_its_way_excuses_it() -> None:
    assert told_after(700, pause=(620, 660)) == []
    assert told_after(700, pause=(620, 659)) == OLD
    assert told_after(700, pause=(100, 600)) == OLD
    assert told_after(500, pause=(400, 620)) == []
