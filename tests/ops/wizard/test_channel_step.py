"""Channels for others to read, each with a preset, as the wizard asks for them at a real terminal."""

from __future__ import annotations

from pathlib import Path

from altmonitor.core.types import Destination
from altmonitor.ops.wizard.answers import WizardAnswers, changes
from altmonitor.ops.wizard.channel_step import channels_of
from tests.ops.stage import CHANNEL, GROUP, OWNER, code_shown, from_the_thresholds, gives_token, stage


async def test_channels_are_tried_and_written_with_their_presets_and_the_question_before_comes_again(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        here.telegram.inject_message(OWNER, await code_shown(screen, here), user_id=OWNER, user_name="ann")
        await screen.answers("Is that right?", "y")
        await screen.answers("How sensitive", "7")
        await screen.sees("Channels now: none")
        await screen.answers("What next?", "1")
        await screen.answers("Which channel?", "2")
        await screen.answers("Chat id", str(OWNER))
        await screen.answers("Is that right?", "y")
        await screen.sees("That is your own chat")
        await screen.answers("What next?", "3")
        code = await code_shown(screen, here)
        here.telegram.set_bot_status(CHANNEL, "administrator", can_post_messages=True)
        here.telegram.inject_message(CHANNEL, code, user_id=None, chat_type="channel")
        await screen.answers("Is that right?", "y")
        await screen.sees(f"Channels now: active={CHANNEL}")
        await screen.answers("What next?", "6")
        await from_the_thresholds(screen)
        assert (here.settings()["PRESET_CHANNELS"], here.settings()["TG_CHAT_ID"]) == (f"active={CHANNEL}", str(OWNER))


def test_channels_that_nobody_was_asked_about_stay_and_the_own_chat_is_none() -> None:
    mine, theirs = Destination(chat_id=CHANNEL), Destination(chat_id=GROUP, topic_id=3)
    before = WizardAnswers(destination=mine)
    given = {"PRESET_CHANNELS": f"calm={GROUP}/3"}
    assert "PRESET_CHANNELS" not in changes(before, given)
    assert dict(channels_of(before, given)) == {theirs: "calm"}
    assert dict(channels_of(before, {"PRESET_CHANNELS": "loud=1"})) == {}, "what cannot be read is asked anew"
    asked = WizardAnswers(destination=mine, channels={mine: "calm", theirs: "normal"})
    assert changes(asked, given)["PRESET_CHANNELS"] == f"normal={GROUP}/3"
