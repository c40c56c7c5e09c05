"""The wizard at a real terminal: the market, and the ways to start."""

from __future__ import annotations

from pathlib import Path

from tests.ops.stage import (
    OWNER,
    TOKEN,
    code_shown,
    gives_token,
    stage,
    to_the_test_alert,
)


async def test_a_number_of_alerts_a_day_can_be_named_instead(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        here.telegram.inject_message(OWNER, await code_shown(screen, here), user_id=OWNER, user_name="ann")
        await screen.answers("Is that right?", "y")
        await screen.answers("How sensitive", "budget")
        await screen.answers("About how many alerts a day", "lots")
        await screen.sees("A whole number from 1 to 1000,")
        await screen.answers("About how many alerts a day", "25")
        await screen.answers("Do you see it?", "y")
        await screen.sees("Written")
        assert here.settings() == {"TG_BOT_TOKEN": TOKEN, "TG_CHAT_ID": "77", "ALERT_BUDGET_PER_DAY": "25"}


async def test_a_container_that_is_healthy_is_called_running(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    docker = tools / "docker"
    docker.write_text(
        '#!/bin/sh\n[ "$2" = up ] && exit 0\n'
        """echo '{"Service": "altmonitor", "State": "running", "Health": "healthy"}'\n"""
    )
    docker.chmod(0o755)
    async with stage(tmp_path) as here, here.wizard(PATH=f"{tools}:/usr/bin:/bin") as screen:
        await to_the_test_alert(screen, here)
        screen.types("y")
        await screen.answers("Where should it run?", "docker")
        await screen.answers("Write it into .env too?", "n")
        await screen.sees("It runs. altmonitor: running healthy")
        assert await screen.ended() == 0


async def test_a_market_that_only_acknowledges_is_told_before_the_start(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        here.exchange.faults.mute = True
        await to_the_test_alert(screen, here)
        screen.types("y")
        await screen.sees("acknowledged, and no candle within 10 s")
        await screen.sees("Alerts will not come until that is solved")
        await screen.sees("Where should it run?")
        assert here.env.exists()


async def test_every_exchange_that_shall_be_watched_is_looked_at_before_the_start(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        settings = {**here.exchange.environment(), "VENUES": "binance,bybit,okx"}
        here.exchange.venues["okx"].faults.mute = True
        async with here.wizard(**settings) as screen:
            await to_the_test_alert(screen, here)
            screen.types("y")
            await screen.sees("✓ Exchange, candles: a candle of")
            await screen.sees("✓ Bybit: ")
            await screen.sees("✗ OKX: its market does not come in here")
            await screen.sees("Where should it run?")
            assert "Alerts will not come" not in screen.all


async def test_the_monitor_started_here_goes_on_in_this_terminal(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await to_the_test_alert(screen, here)
        screen.types("y")
        await screen.answers("Number [1]", "1")
        await screen.sees("HTTP on 127.0.0.1")
        await here.telegram.wait_for(lambda: any("watches" in text for text in here.said(OWNER)), timeout_s=60)
        assert await screen.interrupted() == 130
        assert TOKEN not in screen.all


async def test_a_docker_that_fails_is_not_called_running(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    docker = tools / "docker"
    docker.write_text("#!/bin/sh\necho 'failed to build'\nexit 17\n")
    docker.chmod(0o755)
    async with stage(tmp_path) as here, here.wizard(PATH=f"{tools}:/usr/bin:/bin") as screen:
        await to_the_test_alert(screen, here)
        screen.types("y")
        await screen.answers("Number [1]", "2")
        await screen.answers("Write it into .env too?", "n")
        await screen.sees("$ docker compose up -d")
        await screen.sees("failed to build")
        await screen.sees("That failed (exit code 17): docker compose up -d")
        await screen.sees("Where should it run?")
        assert "It runs" not in screen.all


async def test_a_way_that_is_not_there_is_told_with_its_way_out(tmp_path: Path) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    async with stage(tmp_path) as here, here.wizard(PATH=str(empty)) as screen:
        await to_the_test_alert(screen, here)
        screen.types("y")
        await screen.answers("Number [1]", "2")
        await screen.sees("docker is not installed here: https://docs.docker.com/engine/install/")
        await screen.answers("Number [1]", "4")
        await screen.sees("deploy.py is not beside setup_wizard.py")
        assert "It runs" not in screen.all
