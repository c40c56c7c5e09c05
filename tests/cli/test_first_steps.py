"""Without a bot: the next step is the wizard, by the name it has here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from altmonitor.cli.first_steps import no_bot_yet, places
from altmonitor.ops.origin import Origin, origin, setup_command
from altmonitor.settings.variables import VARIABLES

ROOT = Path(__file__).parents[2]


def clone(folder: Path) -> Path:
    (folder / "setup_wizard.py").write_text("")
    return folder


def test_from_a_clone_the_wizard_is_named_as_it_is_started_from_here(tmp_path: Path) -> None:
    here = clone(tmp_path)
    assert "\n  python3 setup_wizard.py   (asks for a bot" in no_bot_yet({}, source=here, here=here)
    elsewhere = no_bot_yet({}, source=here, here=Path("/"))
    assert f"\n  python3 {here}/setup_wizard.py   (asks" in elsewhere
    assert f"put both into {here}/.env, start it in that folder (an example: .env.example):" in elsewhere
    assert setup_command({}, here) == "python3 setup_wizard.py"


def test_installed_as_a_package_it_is_a_sub_command_and_the_folder_of_the_data_is_named(tmp_path: Path) -> None:
    said = no_bot_yet({}, source=tmp_path, here=Path("/home/ann"))
    assert "\n  altmonitor setup   (asks for a bot" in said
    assert "put both into /home/ann/.env, and start it in that folder" in said
    assert "alerts and settings are kept there, too: /home/ann; DB_FILE and STATE_FILE name other places" in said
    assert "setup_wizard.py" not in said
    assert setup_command({}, tmp_path) == "altmonitor setup"


def test_in_the_container_it_is_started_on_the_machine_around_it(tmp_path: Path) -> None:
    environ = {"ALTMONITOR_IN": "container"}
    said = no_bot_yet(environ, source=tmp_path)
    assert "beside docker-compose.yml: python3 setup_wizard.py" in said
    assert "docker compose up -d" in said
    assert origin(environ, clone(tmp_path)) is Origin.CONTAINER
    assert setup_command(environ, tmp_path) == "python3 setup_wizard.py"
    assert "ALTMONITOR_IN=container" in (ROOT / "Dockerfile").read_text()


def test_where_things_are_is_told_as_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places(Path("alerts.db"), Path("state.json")) == (
        f"alerts are kept in {tmp_path}/alerts.db, live settings in {tmp_path}/state.json"
    )


def test_the_example_of_settings_is_there_and_only_names_settings_that_are_allowed() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = dict(line.removeprefix("# ").split("=", 1) for line in lines if re.fullmatch(r"(?:# )?[A-Z_]+=\S*", line))
    known = {variable.name: variable for variable in VARIABLES}
    assert {"TG_BOT_TOKEN", "TG_CHAT_ID"} <= given.keys()
    assert set(given) - set(known) == {"HTTPS_PROXY"}
    for name, value in given.items():
        if value and name in known:
            known[name].read(value)
    assert (given["TG_BOT_TOKEN"], given["TG_CHAT_ID"], given["API_TOKEN"]) == ("", "", "")
