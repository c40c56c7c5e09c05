"""The curl lines of docs/api.md, run as they stand against a server."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
from datetime import UTC
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.delivery.webhooks import signed_headers
from altmonitor.operations.errors import OPERATION_ERRORS
from altmonitor.render.format import Style
from altmonitor.web.commands import HttpCommands
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import EventStream
from tests.commands.executor_kit import MAIN, healthy
from tests.operations.operations_kit import Bench

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
TOKEN = "the token of the samples"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_every_sample_of_the_page_is_answered() -> None:
    bench, clock = Bench(), SystemClock()
    style = Style(lang="en", tz=UTC)
    commands = HttpCommands(bench.desk.desk, clock=clock, main=lambda: MAIN, style=lambda where: style)
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,  # type: ignore[arg-type]
            operations=bench.context(),
            clock=clock,
            token=Secret(TOKEN),
            live=EventStream(clock),
            commands=lambda: commands,
        )
    )
    await server.start()
    try:
        lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl")]
        assert len(lines) >= 10
        for line in lines:
            filled = line.replace("localhost:3001", f"127.0.0.1:{server.port}").replace("$API_TOKEN", TOKEN)
            is_stream = "/api/stream" in line
            words = [*shlex.split(filled), "--fail-with-body", *(["--max-time", "1"] if is_stream else [])]
            process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
            output, _ = await process.communicate()
            if is_stream:
                assert output.startswith(b"retry: "), line
            else:
                assert process.returncode == 0, (line, output)
                json.loads(output)
        assert bench.desk.settings.pump_threshold == 5.0
    finally:
        await server.stop()


def test_the_receiver_of_the_page_knows_our_signature() -> None:
    (sample,) = blocks("python")
    names: dict[str, object] = {}
    exec(sample, names)  # noqa: S102 — the page's own
    is_ours = names["is_ours"]
    headers = signed_headers(b'{"event":"alert"}', key="k", secret=Secret("sixteen letters!"), at_s=1)
    assert is_ours(b"sixteen letters!", headers, b'{"event":"alert"}')  # type: ignore[operator]
    assert not is_ours(b"another secret!!", headers, b'{"event":"alert"}')  # type: ignore[operator]


def test_every_code_that_the_page_names_is_one_of_ours() -> None:
    ours = {error.code for error in OPERATION_ERRORS} | {"unauthorized", "csrf"}
    named = set(re.findall(r"`([a-z_]+)`", PAGE.partition("## Errors")[2].partition("## Following")[0]))
    assert named - {"status", "title", "detail", "code", "until_ms"} <= ours
