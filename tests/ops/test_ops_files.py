"""What is shipped beside the package agrees with it and with itself."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import altmonitor
from altmonitor.ops import container as keep_running
from altmonitor.ops.deploy import docker
from altmonitor.ops.deploy.deploy import NEEDED_FILES
from altmonitor.ops.health_probe import TIMEOUT_S
from altmonitor.render.charts.canvas import CJK_FONTS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def pins(name: str) -> dict[str, str]:
    """Package → everything that stands in the lock file for it, hashes included."""
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", text_of(name))
    return {block.partition("==")[0]: block.strip() for block in blocks if block.strip()}


def test_the_version_stands_in_one_place() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "altmonitor/__init__.py"
    own = f'"{altmonitor.__version__}"'
    assert [path.name for path in (ROOT / "altmonitor").rglob("*.py") if own in path.read_text("utf-8")] == [
        "__init__.py"
    ]
    assert f"## {altmonitor.__version__}" in text_of("CHANGELOG.md")


def test_the_build_tool_is_pinned_as_everywhere_else() -> None:
    everything = pins("requirements-dev.lock")

    build = pins("requirements-build.lock")

    assert "hatchling" in build
    assert {name: everything[name] for name in build} == build


def locks_installed_by(target: str, venv: Path) -> list[str]:
    """Lock files that `make TARGET` installs from into a `.venv` that is not there yet."""
    commands = subprocess.run(
        ["make", "--dry-run", f"VENV={venv}", target], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return re.findall(r"install .*-r (\S+)", commands.stdout)


def test_the_demo_installs_what_running_needs_and_the_rest_everything(tmp_path: Path) -> None:
    assert locks_installed_by("demo", tmp_path / "venv") == ["requirements.lock"]
    assert locks_installed_by("check", tmp_path / "venv") == ["requirements-dev.lock"]


@pytest.mark.parametrize("name", [*map("requirements{}.lock".format, ("", "-dev", "-build", "-cluster"))])
def test_every_pin_has_a_hash_and_no_address(name: str) -> None:
    for package, block in pins(name).items():
        assert "--hash=sha256:" in block, package
    assert "://" not in text_of(name)


@pytest.mark.parametrize("name", NEEDED_FILES)
def test_what_a_deployment_needs_is_here(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_image_lets_nothing_in_that_is_not_named() -> None:
    lines = [line for line in text_of(".dockerignore").splitlines() if line and not line.startswith("#")]

    assert lines[0] == "*"
    assert [line for line in lines if line.startswith("!")] == [
        "!altmonitor",
        "!pyproject.toml",
        "!requirements.lock",
        "!requirements-build.lock",
        "!requirements-cluster.lock",
        "!README.md",
        "!LICENSE",
    ]


def test_the_image_runs_as_a_user_with_a_check_and_hashes() -> None:
    dockerfile = text_of("Dockerfile")

    assert re.findall(r"(?m)^FROM (.*)$", dockerfile) == ["python:3.12-slim AS build", "python:3.12-slim"]
    assert re.findall(r"(?m)^USER (.*)$", dockerfile) == ["10001:10001"]
    installs = re.findall(r"pip (?:--python \S+ )?install (.*)", dockerfile)
    assert [("--require-hashes" in line) != ("--no-index" in line) for line in installs] == [True, True, True]
    assert json.loads(re.findall(r"(?m)^ENTRYPOINT (.*)$", dockerfile)[0]) == [
        "python",
        "-m",
        keep_running.__name__,
    ]


def test_pythons_own_modules_are_compiled_in_the_image_where_nothing_is_written_later() -> None:
    last_stage = text_of("Dockerfile").rpartition("\nFROM ")[2]
    assert "PYTHONDONTWRITEBYTECODE=1" in last_stage
    assert "python -m compileall" in last_stage.partition("USER ")[0]


def test_a_health_check_has_more_time_to_start_than_the_monitor_has_to_answer() -> None:
    (timeout_s,) = re.findall(r"HEALTHCHECK .*--timeout=(\d+)s", text_of("Dockerfile"))
    assert float(timeout_s) >= 5 * TIMEOUT_S


def test_the_image_holds_a_font_with_chinese_letters_that_pictures_look_for() -> None:
    assert "fonts-wqy-microhei" in text_of("Dockerfile")
    assert all("wqy-microhei.ttc" in names for names in CJK_FONTS.values())


def test_the_container_and_the_service_wait_equally_long_for_a_sign_of_life() -> None:
    assert keep_running.WATCHDOG_S == 120.0
    assert "WatchdogSec=120\n" in text_of("systemd/altmonitor.service")


def test_what_a_cluster_needs_is_pinned_as_everything_else_is() -> None:
    cluster, everything = pins("requirements-cluster.lock"), pins("requirements-dev.lock")
    assert cluster == {name: block for name, block in everything.items() if name in ("asyncpg", "nats-py")}


@pytest.mark.parametrize("role", ["feed", "notify", "web"])
def test_each_role_has_a_service_that_is_locked_down_like_the_one_process(role: str) -> None:
    alone, unit = text_of("systemd/altmonitor.service"), text_of(f"systemd/altmonitor-{role}.service")
    assert f"-m altmonitor run --role {role} --env-file /dev/null\n" in unit
    assert unit.partition("DynamicUser=yes")[2] == alone.partition("DynamicUser=yes")[2]
    assert "RestartPreventExitStatus" not in unit, "a database that comes late is no wrong setting"
    assert f"StateDirectory=altmonitor-{role}\n" in unit
    assert ("Type=notify\n" in unit) == (role == "feed")


def test_the_names_in_the_compose_file_are_those_a_deployment_looks_for() -> None:
    compose = text_of("docker-compose.yml")

    assert f"name: {docker.PROJECT}\n" in compose
    assert re.findall(r"(?m)^  (\w+):$", compose.partition("services:")[2].partition("volumes:\n  data")[0])[:1] == [
        docker.SERVICE
    ]
    assert "image: altmonitor:${ALTMONITOR_TAG:-local}" in compose
