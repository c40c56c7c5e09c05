"""Wheel and sdist: what is in them, and that an installed one works."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import altmonitor
from tests.ship.engine import ROOT

pytestmark = pytest.mark.timeout(300)
VERSION = altmonitor.__version__


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True)
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(dist / f"altmonitor-{VERSION}-py3-none-any.whl") as wheel:
        names = wheel.namelist()
        points = wheel.read(f"altmonitor-{VERSION}.dist-info/entry_points.txt").decode()

    assert {name.split("/")[0] for name in names} == {"altmonitor", f"altmonitor-{VERSION}.dist-info"}
    shipped = {name for name in names if name.startswith("altmonitor/")}
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "altmonitor").rglob("*") if path.is_file()}
    assert shipped == {name for name in here if "__pycache__" not in name}
    assert f"altmonitor-{VERSION}.dist-info/licenses/LICENSE" in names
    assert "altmonitor = altmonitor.cli.main:main" in points


def test_the_sdist_holds_what_a_build_and_a_deployment_need_and_no_secret(dist: Path) -> None:
    with tarfile.open(dist / f"altmonitor-{VERSION}.tar.gz") as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Dockerfile", "docker-compose.yml"} <= names
    assert {"deploy.py", "requirements.lock", "requirements-build.lock", "systemd/altmonitor.service"} <= names
    assert not {name for name in names if name.endswith((".db", ".pyc", "state.json")) or "/.env" in f"/{name}"}


def test_an_installed_wheel_gives_the_command_and_the_sdist_builds_the_same(dist: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    pip = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = subprocess.run(
        [*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")], capture_output=True, text=True, check=False
    )
    if lock.returncode:
        pytest.skip(f"the package index cannot be reached: {lock.stderr[-300:]}")
    for package in (f"altmonitor-{VERSION}-py3-none-any.whl", f"altmonitor-{VERSION}.tar.gz"):
        subprocess.run([*pip, "--no-deps", "--force-reinstall", str(dist / package)], check=True)
        told = subprocess.run([home / "bin/altmonitor", "--version"], capture_output=True, text=True, check=True)
        assert told.stdout == f"altmonitor {VERSION}\n"
    demo = [str(home / "bin/altmonitor"), "demo", "--seconds", "8"]
    shown = subprocess.run(demo, capture_output=True, text=True, check=True, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert "PUMP" in shown.stdout


def test_the_index_would_accept_them(dist: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    got = subprocess.run([home / "bin/python", "-m", "pip", "install", "-q", "twine"], capture_output=True, check=False)
    if got.returncode:
        pytest.skip("twine cannot be installed: the package index cannot be reached")
    files = [str(path) for path in dist.iterdir() if path.suffix in (".whl", ".gz")]
    checked = subprocess.run(
        [home / "bin/twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("PASSED") == 2
