"""Clients of the MCP server: the SDK's own in this process and over both transports, and bare JSON-RPC."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from mcp import Client, StdioServerParameters, stdio_client

from altmonitor.mcp.server import McpDeps, build_server
from altmonitor.operations.table import OPERATIONS
from tests.operations.operations_kit import Bench
from tests.patient_clock import patiently
from tests.tracker.processes import Town

ERAS = ("legacy", "2026-07-28")
MODULE = ("-m", "altmonitor", "mcp", "--env-file", os.devnull)


def bench_server(bench: Bench | None = None, *, allow_writes: bool = False, rows: Sequence[Any] = OPERATIONS) -> Any:
    """Over a market that never changes."""
    context = (bench or Bench()).context()

    async def answer(row: Any, arguments: msgspec.Struct) -> msgspec.Struct:
        found: msgspec.Struct = await row.answer(context, arguments)
        return found

    return build_server(McpDeps(rows=rows, answer=answer, clock=context.clock, allow_writes=allow_writes))


def bench_client(bench: Bench | None = None, *, mode: str = "legacy", allow_writes: bool = False) -> Client:
    return Client(bench_server(bench, allow_writes=allow_writes), mode=mode)


def stdio_parameters(at: Town, *arguments: str) -> StdioServerParameters:
    environment = at.environment(API_PORT="0")
    return StdioServerParameters(command=sys.executable, args=[*MODULE, *arguments], env=environment, cwd=at.folder)


def over_stdio(at: Town, *, mode: str) -> Client:
    return Client(stdio_client(stdio_parameters(at)), mode=mode)


@asynccontextmanager
async def http_server(at: Town, *arguments: str, **more: str) -> AsyncIterator[str]:
    """Its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *MODULE, "--http", "--port", "0", *arguments),
        env=at.environment(**{"API_PORT": "0", **more}),
        cwd=at.folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while True:
                line = (await process.stderr.readline()).decode()
                assert line, "it ended before it listened"
                found = re.search(r"http://\S+", line)
                if found:
                    break
        reading = asyncio.create_task(process.stderr.read())
        yield found[0]
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(20):
            await process.wait()
        await reading


@dataclass
class Bare:
    """JSON-RPC on the pipes of a server, line by line."""

    process: asyncio.subprocess.Process
    number: int = 0
    noise: list[str] = field(default_factory=list)

    async def send(self, message: object) -> None:
        assert self.process.stdin is not None
        text = message if isinstance(message, str) else json.dumps(message)
        self.process.stdin.write(text.encode() + b"\n")
        await self.process.stdin.drain()

    async def receive(self) -> Any:
        assert self.process.stdout is not None
        line = await patiently(self.process.stdout.readline(), of_pid=self.process.pid, within_s=40)
        assert line, "the session was dropped"
        return json.loads(line)

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        self.number += 1
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": self.number, "method": method}
        if params is not None:
            message["params"] = params
        await self.send(message)
        while True:
            answer = await self.receive()
            if answer.get("id") == self.number:
                return answer
            self.noise.append(answer)


@asynccontextmanager
async def bare(at: Town, *arguments: str) -> AsyncIterator[Bare]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *MODULE, *arguments),
        env=at.environment(API_PORT="0"),
        cwd=at.folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=8 * 1024 * 1024,
    )
    assert process.stderr is not None
    reading = asyncio.create_task(process.stderr.read())
    try:
        yield Bare(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        async with asyncio.timeout(20):
            await process.wait()
        await reading
