"""What README and docs/settings.md say of settings, commands and packages is what the code does."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from altmonitor.cli.main import cli
from altmonitor.commands.table import COMMANDS
from altmonitor.settings.variables import VARIABLES
from tests.test_architecture import PACKAGES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def settings_table() -> str:
    """The table as the code has it; `python -m tests.test_readme` prints it."""
    rows = ["| variable | default | allowed | meaning |", "|---|---|---|---|"]
    for variable in VARIABLES:
        default = variable.default or "empty"
        rows.append(f"| `{variable.name}` | {default} | {variable.allowed} | {variable.meaning} |")
    return "\n".join(rows)


def test_the_settings_table_is_that_of_the_code() -> None:
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    shown = page.split("<!-- settings: checked against the code by tests/test_readme.py -->\n")[1]
    assert shown.split("\n<!-- /settings -->")[0] == settings_table()


def test_a_change_stands_once_in_the_changelog() -> None:
    newest = (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n## ")[1]
    entries = [" ".join(entry.split()) for entry in newest.split("\n- ")[1:]]
    assert [entry for entry, count in Counter(entries).items() if count > 1] == []
    assert len(entries) > 5


def test_every_setting_the_readme_names_exists() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_0-9]{3,})`", README.split("## Settings")[1].split("## ")[0]))
    assert named <= {variable.name for variable in VARIABLES}
    assert len(named) > 5


def test_every_chat_command_stands_in_the_readme_and_every_one_there_exists() -> None:
    told = set(re.findall(r"`/([a-z_]+)", README.split("## In the chat")[1].split("## Settings")[0]))
    known = {command.name for command in COMMANDS}
    assert told <= known
    assert known - told <= {"start"}


def test_every_sub_command_stands_in_the_readme_and_every_one_there_exists() -> None:
    told = set(re.findall(r"`altmonitor ([a-z]+)", README))
    assert told == set(cli.commands)


def test_the_map_has_one_line_per_package_in_the_order_of_imports() -> None:
    rows = re.findall(r"^\| `([a-z_./]+)` \|", README.split("## Where is what")[1].split("###")[0], re.MULTILINE)
    package = ROOT / "altmonitor"
    there = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")} | {"config.py"}
    assert set(rows) == there
    order = [row.removesuffix("/").removesuffix(".py") for row in rows]
    assert order == [name for name in PACKAGES if name in order]


def test_every_file_the_readme_points_at_exists() -> None:
    for target in re.findall(r"\]\(((?!https?:)[^)#]+)", README):
        assert (ROOT / target).exists(), target


if __name__ == "__main__":
    print(settings_table())
