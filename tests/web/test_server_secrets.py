"""No address gives away a secret of the configuration."""

from __future__ import annotations

from dataclasses import replace

import aiohttp

from altmonitor.config import load
from altmonitor.core.clock import SystemClock
from altmonitor.operations.table import OPERATIONS
from altmonitor.web.pages.site import PAGES
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import healthy
from tests.operations.operations_kit import Bench

SECRETS = {
    "TG_BOT_TOKEN": "123456:" + "Never-shown-0123456789-abcdefghijkl",
    "TG_CHAT_ID": "-1009876543210",
    "API_TOKEN": "the token for everything here",
    "API_READ_TOKEN": "a reader of the green table",
    "WEBHOOK_URLS": "https://hooks.example/of-the-receiver",
    "WEBHOOK_SECRET": "the key of signatures",
    "HTTPS_PROXY": "http://me:of-the-proxy@proxy.example:3128",
}
HIDDEN = (
    "Never-shown",
    "9876543210",
    "for everything here",
    "green table",
    "of-the-receiver",
    "key of signatures",
    "of-the-proxy",
)


async def test_no_answer_and_no_page_holds_a_secret() -> None:
    config, _ = load(SECRETS, env_file=None)
    bench, clock = Bench(), SystemClock()
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,  # type: ignore[arg-type]
            operations=replace(bench.context(), config=config),
            clock=clock,
            token=config.api_token,
            read_token=config.api_read_token,
        )
    )
    await server.start()
    asked = [path.replace("{symbol}", "SOLUSDT") for path in PAGES]
    asked += ["/health", "/metrics", "/openapi.json", "/api/session", "/nowhere", "/api/stream", "/sign-in?wrong=1"]
    for row in OPERATIONS:
        method, _, path = (row.route or "").partition(" ")
        for example in row.examples if method == "GET" else ():
            query = "&".join(
                f"{name}={value}" for name, value in example.arguments.items() if f"{{{name}}}" not in path
            )
            asked.append(f"{path.format(**example.arguments)}?{query}")
    wrong = []
    try:
        headers = {"Authorization": f"Bearer {SECRETS['API_TOKEN']}"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", headers=headers) as session:
            for address in asked:
                async with session.get(address) as answer:
                    said = await answer.text() + str(dict(answer.headers))
                    wrong += [f"{address}: {word}" for word in HIDDEN if word in said]
    finally:
        await server.stop()
    assert len(asked) > 30
    assert wrong == []
