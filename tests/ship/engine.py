"""`docker` and `docker compose` on a real engine, for one project of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
IMAGE = "altmonitor:ship-test"
PROJECT = "altmonitor-ship-test"


def why_no_engine() -> str:
    """Empty when there is one."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return f"no Docker engine answers to {' '.join(command)!r} (DOCKER_HOST says where one is)"
    return ""


def gateway() -> str:
    """This machine as containers see it."""
    found = subprocess.run(
        ["docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


@dataclass(frozen=True, slots=True)
class Ran:
    code: int | None
    output: str


@dataclass(frozen=True, slots=True)
class Composed:
    """folder: holds the compose file and perhaps .env, as a user's clone does."""

    folder: Path

    async def compose(self, *arguments: str, stdin: bytes = b"", within_s: float = 180) -> Ran:
        return await self.docker("compose", "-p", PROJECT, *arguments, stdin=stdin, within_s=within_s)

    async def docker(self, *arguments: str, stdin: bytes = b"", within_s: float = 180) -> Ran:
        process = await asyncio.create_subprocess_exec(
            "docker",
            *arguments,
            cwd=self.folder,
            env={**os.environ, "ALTMONITOR_TAG": IMAGE.partition(":")[2]},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(stdin), within_s)
        return Ran(process.returncode, output.decode(errors="replace").strip())

    async def state(self) -> dict[str, Any]:
        """What `docker inspect` says of the container."""
        container = (await self.compose("ps", "-aq", "altmonitor")).output
        found: list[dict[str, Any]] = json.loads((await self.docker("inspect", container)).output)
        return found[0]

    async def inside(self, *command: str) -> Ran:
        return await self.compose("exec", "-T", "altmonitor", *command)

    async def is_well(self, *, within_s: float = 60) -> None:
        said = Ran(None, "")
        async with asyncio.timeout(within_s):
            while said.code != 0:
                said = await self.inside("python", "-m", "altmonitor.ops.health_probe", "--ok")


@contextmanager
def composed(folder: Path, *, settings: str | None) -> Iterator[Composed]:
    """A clone with an image that was built before; everything of it is gone afterwards."""
    for file in ROOT.glob("docker-compose*.yml"):
        shutil.copy(file, folder)
    if settings is not None:
        (folder / ".env").write_text(settings)
    try:
        yield Composed(folder)
    finally:
        subprocess.run(
            ["docker", "compose", "-p", PROJECT, "down", "-v", "-t", "2"], cwd=folder, capture_output=True, check=True
        )
