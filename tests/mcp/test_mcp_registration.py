"""How clients come to know the server: README's lines as they stand, the bundle, server.json, and the inspector."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from altmonitor import __version__
from altmonitor.operations.table import OPERATIONS
from tests.tracker.processes import Town, town

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
READING = [row.name for row in OPERATIONS if row.tool and not row.writes]


def registered() -> dict[str, list[str]]:
    """Client → the command it starts, from README's lines and the JSON that others take."""
    section = README[README.index("## For AI clients") :]
    block = section[section.index("```sh") : section.index("```\n\n")]
    found = {}
    for line in block.splitlines():
        given = shlex.split(line, comments=True)
        if "mcp" in given and "--" in given:
            found[given[0]] = given[given.index("--") + 1 :]
        elif "--add-mcp" in given:
            entry = json.loads(given[-1])
            found[given[0]] = [entry["command"], *entry["args"]]
    servers = json.loads(re.search(r'`({"mcpServers".*})`', section)[1])["mcpServers"]  # type: ignore[index]
    (entry,) = servers.values()
    return {**found, "others": [entry["command"], *entry["args"]]}


async def tools_of(at: Town, command: list[str], **more: str) -> list[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = at.environment(API_PORT="0", PATH=path, **more)
    started = StdioServerParameters(command=command[0], args=command[1:], env=environment, cwd=at.folder)
    async with asyncio.timeout(60), Client(stdio_client(started), mode="auto") as client:
        told = await client.call_tool("get_open_interest", {"symbol": "eth"})
        assert told.structured_content["symbol"] == "ETHUSDT"
        return [tool.name for tool in (await client.list_tools()).tools]


async def test_what_the_readme_registers_starts_a_server_that_answers(tmp_path: Path) -> None:
    lines = registered()
    assert set(lines) == {"claude", "codex", "code", "others"}
    async with town(tmp_path) as at:
        for command in {tuple(one) for one in lines.values()}:
            assert await tools_of(at, list(command)) == READING


def built(folder: Path) -> Path:
    spec: dict[str, Any] = {"__name__": "bundle", "__file__": str(ROOT / "bundle/build.py")}
    exec(compile((ROOT / "bundle/build.py").read_text("utf-8"), spec["__file__"], "exec"), spec)  # noqa: S102
    found = spec["build"](folder)
    assert isinstance(found, Path)
    return found


def test_the_bundle_says_what_is_in_it_and_is_the_same_each_time(tmp_path: Path) -> None:
    file = built(tmp_path / "one")
    assert file.name == f"altmonitor-{__version__}.mcpb"
    assert file.read_bytes() == built(tmp_path / "two").read_bytes()
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        project = tomllib.loads(archive.read("pyproject.toml").decode())["project"]
    assert not [name for name in names if "__pycache__" in name or name.startswith("altmonitor/sim/")]
    assert manifest["manifest_version"] == "0.4"
    assert manifest["version"] == project["version"] == __version__
    assert manifest["server"]["entry_point"] in names
    assert [tool["name"] for tool in manifest["tools"]] == READING
    assert [prompt["name"] for prompt in manifest["prompts"]] == ["whale-cost"]
    assert set(manifest) <= {
        *("manifest_version", "name", "display_name", "version", "description", "author", "license", "keywords"),
        *("server", "tools", "prompts", "compatibility", "user_config"),
    }
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["dependencies"]) == {*needed["dependencies"], *needed["optional-dependencies"]["mcp"]}


async def test_the_bundle_serves_from_its_own_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path)) as archive:
        archive.extractall(tmp_path / "open")
    (tmp_path / "monitor").mkdir()
    async with town(tmp_path) as at:
        start = [sys.executable, str(tmp_path / "open/server.py"), "--env-file", os.devnull]
        found = await tools_of(at, start, ALTMONITOR_FOLDER=str(tmp_path / "monitor"))
        home = await tools_of(at, start, ALTMONITOR_FOLDER="${user_config.folder}", HOME=str(tmp_path / "home"))
    assert found == home == READING
    assert (tmp_path / "home/.altmonitor").is_dir()


def test_server_json_is_of_this_version_and_of_the_form_the_registry_takes() -> None:
    told = json.loads((ROOT / "server.json").read_text("utf-8"))
    (package,) = told["packages"]
    assert told["version"] == package["version"] == __version__
    assert re.fullmatch(r"[A-Za-z0-9.-]+/[A-Za-z0-9._-]+", told["name"])
    assert len(told["description"]) <= 100
    assert package["identifier"] == tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    assert package["transport"] == {"type": "stdio"}
    assert package["runtimeArguments"][0]["value"] == f"altmonitor[mcp]=={__version__}"
    assert package["packageArguments"][0]["value"] == "mcp"
    assert f"mcp-name: {told['name']}" in README


@pytest.mark.timeout(240)
async def test_the_inspector_lists_and_calls_the_tools(tmp_path: Path) -> None:
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("the inspector needs npx, and it is not here")

    async with town(tmp_path) as at:

        async def inspected(*arguments: str) -> tuple[int, str, str]:
            environment = {
                **at.environment(API_PORT="0"),
                "npm_config_fetch_retries": "0",
                "npm_config_update_notifier": "false",
            }
            process = await asyncio.create_subprocess_exec(
                *(npx, "-y", "@modelcontextprotocol/inspector", "--cli"),
                *(sys.executable, "-m", "altmonitor", "mcp", *arguments),
                env=environment,
                cwd=at.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(150):
                out, err = await process.communicate()
            return process.returncode or 0, out.decode(), err.decode()

        code, out, err = await inspected("--method", "tools/list")
        if code and "npm error" in err.replace("ERR!", "error"):
            pytest.skip(f"npm cannot fetch the inspector: {err.strip().splitlines()[0][:100]}")
        assert code == 0, err
        assert [tool["name"] for tool in json.loads(out)["tools"]] == READING
        call = ("--method", "tools/call", "--tool-name", "get_open_interest", "--tool-arg", "symbol=eth")
        code, out, err = await inspected(*call)
        assert code == 0, err
        assert json.loads(out)["structuredContent"]["symbol"] == "ETHUSDT"
