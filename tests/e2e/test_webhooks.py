"""A receiver of alerts over HTTP, beside the chat: first the alert, then what is learned of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from altmonitor.sim.script import OiStep, Pump
from tests.delivery.test_webhooks import SECRET, Receiver, listening
from tests.e2e.stage import START_MS, SYMBOLS, stage

ONE = SYMBOLS[0]


async def test_a_receiver_is_told_the_alert_then_its_open_interest_and_what_followed(tmp_path: Path) -> None:
    script = (Pump(ONE, START_MS + 75_000, 4.0, over_s=5), OiStep(ONE, START_MS + 74_000, 2.5))
    receiver = Receiver()
    async with listening(receiver) as url:
        settings = {"WEBHOOK_URLS": url, "WEBHOOK_SECRET": SECRET, "WEBHOOK_ALLOW_PRIVATE": "true"}
        async with stage(tmp_path, *script, speed=20, **settings) as here:

            def told() -> list[dict[str, Any]]:
                return [one.json for one in receiver.attempts if one.symbol == ONE]

            await here.until(lambda: any(body["event"] == "alert.updated" for body in told()), within_s=300)
            first, learned = told()[0], next(body for body in told() if body["event"] == "alert.updated")
            assert (first["event"], first["alert"]["lsr"]) == ("alert", None)
            assert learned["alert"]["key"] == first["alert"]["key"]
            await here.until(lambda: any(body["alert"]["lsr"] for body in told()), within_s=60)
            await here.until(lambda: any(body.get("outcomes") for body in told()), within_s=1_500)
            outcomes = next(body["outcomes"] for body in told() if body.get("outcomes"))
            assert [one["horizon_min"] for one in outcomes] == [5, 15]
            assert all(one.is_signed for one in receiver.attempts)
            keys = [one.key for one in receiver.attempts]
            assert len(set(keys)) == len(keys), "nothing twice"
