"""setup_wizard.py itself: the part that runs before anything is installed."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.ops.screen import terminal

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "setup_wizard.py"


def loaded(folder: Path) -> ModuleType:
    """The script as it would be in this folder."""
    return loaded_from(Path(shutil.copy(SCRIPT, folder / "setup_wizard.py")))


def loaded_from(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_wizard_copy", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_needs_the_standard_library_alone() -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
    assert not [node for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]


def test_an_old_python_could_read_it() -> None:
    assert ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 7)).body


def test_an_old_python_is_told_which_one_is_needed() -> None:
    pretended = (
        "import runpy, sys; sys.version_info = (3, 9, 18, 'final', 0); "
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", pretended], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stdout.startswith("altmonitor needs Python 3.11 or newer; this is 3.9.\n")


def test_without_a_terminal_it_prints_the_steps_and_makes_nothing(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path)
    process = subprocess.Popen(
        [sys.executable, "setup_wizard.py"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.read()
    assert process.wait(10) == 1
    process.stdout.close()
    if process.stdin is not None:
        process.stdin.close()
    assert "@BotFather" in said
    assert "--require-hashes -r requirements.lock" in said
    assert os.listdir(tmp_path) == ["setup_wizard.py"]


async def test_what_is_installed_already_is_not_installed_again(tmp_path: Path) -> None:
    module = loaded(tmp_path)
    (tmp_path / "requirements.lock").write_text("click==8\n")
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    stand_in = bin_folder / "python"
    stand_in.write_text('#!/bin/sh\necho "went on with: $*"\n')
    stand_in.chmod(0o755)
    assert not module.is_installed()
    (tmp_path / ".venv" / ".altmonitor-installed").write_text(module.lock_hash())
    assert module.is_installed()
    command = (sys.executable, "setup_wizard.py", "--env-file", "a b.env")
    async with terminal(command, environ={}, folder=tmp_path) as screen:
        assert await screen.ended() == 0
        assert screen.all.strip() == "went on with: -m altmonitor setup --env-file a b.env"
    (tmp_path / "requirements.lock").write_text("click==9\n")
    assert not module.is_installed()


async def test_a_folder_in_which_nothing_can_be_made_is_one_clear_message(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / ".venv").write_text("a file in its place")
    async with terminal((sys.executable, "setup_wizard.py"), environ={}, folder=tmp_path) as screen:
        assert await screen.ended() == 1
        assert "Python could not make .venv." in screen.all
        assert "run this again" in screen.all
        assert "Traceback" not in screen.all


async def test_a_package_index_that_cannot_be_reached_is_told_and_a_new_run_begins_there(tmp_path: Path) -> None:
    module = loaded(tmp_path)
    (tmp_path / "requirements.lock").write_text(f"click==8.5.1 \\\n    --hash=sha256:{'0' * 64}\n")
    environ = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    async with terminal((sys.executable, "setup_wizard.py"), environ=environ, folder=tmp_path) as screen:
        assert await screen.ended(within_s=90) == 1
        assert "Installing failed." in screen.all
        assert "check the network" in screen.all
        assert "Traceback" not in screen.all
    assert (tmp_path / ".venv" / "bin" / "python").exists()
    assert not module.is_installed()


async def test_ctrl_c_while_it_installs_leaves_a_job_that_can_be_finished(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "requirements.lock").write_text("")
    async with terminal((sys.executable, "setup_wizard.py"), environ={}, folder=tmp_path) as screen:
        await screen.sees("Making .venv")
        assert await screen.interrupted() == 130
        assert screen.all.rstrip().endswith("Stopped. Run this again to go on.")


@pytest.mark.parametrize(
    ("said", "way_out"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "free some space (about 300 MB)"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "get the repository anew; do not go around this"),
        ("WARNING: ProxyError\nERROR: x", "check HTTPS_PROXY"),
        ("ERROR: SSL: CERTIFICATE_VERIFY_FAILED", "check the clock of this machine"),
        ("ERROR: Could not find a version\nERROR: No matching distribution found", "check the network"),
        ("odd", "see above"),
    ],
)
def test_what_pip_says_comes_with_what_to_do(tmp_path: Path, said: str, way_out: str) -> None:
    explained = loaded(tmp_path).explain(said)
    assert way_out in explained
    assert explained.startswith("Seen: ")


def test_every_word_before_the_wizard_is_in_the_language_of_the_terminal() -> None:
    text = SCRIPT.read_text("utf-8")
    module = loaded_from(SCRIPT)
    asked = {
        node.args[0].value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "say"
        and isinstance(node.args[0], ast.Constant)
    }
    assert asked
    for table in (module.RUSSIAN, module.CHINESE):
        assert asked - table.keys() == set()
        for english, translated in table.items():
            blanks = [set(re.findall(r"\{\w+\}", each)) for each in (english, translated)]
            assert blanks[0] == blanks[1], english
    assert module.RUSSIAN.keys() == module.CHINESE.keys()


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("ru_RU.UTF-8", "altmonitor нужен Python 3.11 или новее; это 3.9.\n"),
        ("zh_CN.UTF-8", "altmonitor 需要 Python 3.11 或更新版本；当前是 3.9。\n"),
        ("de_DE.UTF-8", "altmonitor needs Python 3.11 or newer; this is 3.9.\n"),
    ],
)
def test_a_terminal_without_the_letters_is_spoken_to_in_english(lang: str, said: str) -> None:
    pretended = (
        "import runpy, sys; sys.version_info = (3, 9, 18, 'final', 0); "
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    for encoding, expected in (("utf-8", said), ("ascii", "altmonitor needs Python 3.11 or newer; this is 3.9.\n")):
        ran = subprocess.run(
            [sys.executable, "-c", pretended],
            env={"LANG": lang, "PYTHONIOENCODING": encoding},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert ran.stdout.decode(encoding).startswith(expected)


def test_the_command_works_in_a_folder_with_a_space_and_a_quote(tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    module = loaded(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True)
    package = folder / "altmonitor"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import sys; print('called with', sys.argv[1:])\n")
    module.make_importable()
    ran = subprocess.run(
        [str(folder / ".venv" / "bin" / "altmonitor"), "run", "--x"],
        cwd="/",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "called with ['run', '--x']\n"
