"""The wizard at a real terminal: back, quit, Ctrl-C, and coming again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.screen import CTRL_D, Screen
from tests.ops.stage import (
    CALM,
    NORMAL,
    OWNER,
    TOKEN,
    Stage,
    code_shown,
    gives_token,
    left_in,
    stage,
    to_the_test_alert,
)


async def test_back_leads_to_the_step_before_with_the_answers_kept(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        await screen.answers("Where should alerts go?", "b")
        await screen.answers("There is a bot token already: 1234...hijk", "b")
        await screen.sees("Language")
        screen.types("2")
        await screen.sees("每一步都可以输入：b = 返回，q = 退出")  # it was told in English before
        await screen.sees("已有机器人 token：1234...hijk")
        await screen.sees("[Y/n]：")
        assert not here.env.exists()


@pytest.mark.parametrize(
    ("step", "before"),
    [
        ("Paste the token", "Language"),
        ("Where should alerts go?", "There is a bot token already"),
        ("How sensitive", "Alerts go to: private chat"),
        ("Do you see it?", "How sensitive"),
    ],
)
async def test_back_works_at_every_step(tmp_path: Path, step: str, before: str) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await walks_to(step, screen, here)
        screen.types("b")
        await screen.sees(before)
        assert not here.env.exists()


async def test_back_from_the_start_leads_to_the_thresholds_and_the_file_is_written_anew(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await to_the_test_alert(screen, here)
        screen.types("y")
        await screen.answers("Where should it run?", "b")
        await screen.sees(f"Thresholds stand there already: PUMP_THRESHOLD={NORMAL}")
        await screen.answers("How sensitive", "calm")
        await screen.answers("Do you see it?", "y")
        await screen.sees("Written: .env")
        assert here.settings()["PUMP_THRESHOLD"] == CALM


async def test_a_second_run_keeps_what_is_there(tmp_path: Path) -> None:
    before = f"# mine\nTG_BOT_TOKEN='{TOKEN}'  # secret\nTG_CHAT_ID=77\nPUMP_THRESHOLD=9\nOTHER=x\n"
    async with stage(tmp_path) as here:
        here.env.write_text(before)
        async with here.wizard() as screen:
            await screen.answers("Number [1]", "")
            await screen.answers("There is a bot token already: 1234...hijk", "")
            await screen.answers("Alerts go to: private chat “Reader” (77)", "")
            await screen.sees("Thresholds stand there already: PUMP_THRESHOLD=9")
            await screen.answers("Number [1]", "")
            await screen.answers("Do you see it?", "")
            await screen.sees("already says all this")
            await screen.answers("Number [1]", "6")
            assert await screen.ended() == 0
        assert here.env.read_text() == before
        assert not (tmp_path / ".env.bak").exists()


STEPS = ("Number [", "Paste the token", "Where should alerts go?", "waiting for", "How sensitive", "Do you see it?")


async def walks_to(step: str, screen: Screen, here: Stage) -> None:
    """To the question at which this step waits; the other answers are the usual ones."""
    await screen.sees("Number [")
    if step == STEPS[0]:
        return
    screen.types("1")
    await screen.sees(STEPS[1])
    if step == STEPS[1]:
        return
    screen.types(TOKEN)
    if step == STEPS[2]:
        await screen.sees(STEPS[2])
        return
    code = await code_shown(screen, here)
    if step == STEPS[3]:
        return
    here.telegram.inject_message(OWNER, code, user_id=OWNER, user_name="ann")
    await screen.answers("Is that right?", "y")
    await screen.sees(STEPS[4])
    if step == STEPS[5]:
        screen.types("2")
        await screen.sees(STEPS[5])


@pytest.mark.parametrize("step", STEPS)
async def test_ctrl_c_at_any_step_ends_it_and_nothing_is_written(tmp_path: Path, step: str) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await walks_to(step, screen, here)
        assert await screen.interrupted() == 130
        assert screen.all.rstrip().endswith("Stopped. Nothing was written.")
        assert "Traceback" not in screen.all
        assert left_in(tmp_path) == []


@pytest.mark.parametrize("word", ["q", "quit", "выход", CTRL_D])
async def test_quit_ends_it_and_nothing_is_written(tmp_path: Path, word: str) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await walks_to(STEPS[2], screen, here)
        await screen.sees("Number [1]: ")
        screen.types(word, enter=word != CTRL_D)
        assert await screen.ended() == 1
        assert screen.all.rstrip().endswith("Stopped. Nothing was written.")
        assert left_in(tmp_path) == []


async def test_ctrl_c_after_the_file_is_written_says_so(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await to_the_test_alert(screen, here)
        screen.types("y")
        await screen.sees("Where should it run?")
        await screen.sees("Number [1]: ")
        assert await screen.interrupted() == 130
        assert ".env is written; run the setup again to start" in screen.all
        assert here.settings()["TG_CHAT_ID"] == "77"


async def test_a_file_that_cannot_be_written_is_told_and_a_new_try_finishes_the_job(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await to_the_test_alert(screen, here)
        here.env.mkdir()
        screen.types("y")
        await screen.sees("Nothing was written: .env cannot be")
        here.env.rmdir()
        await screen.answers("Number [1]", "1")
        await screen.sees("Written: .env")
        assert here.settings()["TG_CHAT_ID"] == "77"
