"""README's two journeys name the files that a kline and a command really pass."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import altmonitor
from altmonitor.sim.script import Pump
from tests.e2e.stage import READER, START_MS, stage

PACKAGE = Path(altmonitor.__file__).parent
README = (PACKAGE.parent / "README.md").read_text("utf-8")

KLINE_FILES_MAX = 15
COMMAND_FILES_MAX = 12
DECODED_IN_C = {"exchanges/binance/dialect.py"}
"""Its decoder is built once and runs without a line of Python per frame."""

ASKED_ON_THE_WAY = {
    "engine/alert_ranks.py",
    "engine/decision_log.py",
    "commands/arguments.py",
    "commands/message.py",
    "commands/outcome.py",
    "commands/replies.py",
    "commands/replies_settings.py",
    "settings/audience.py",
    "settings/changes.py",
    "settings/input.py",
    "settings/settings.py",
    "storage/state_format.py",
}
"""They hold values and pure functions; the kline or the command is not handed to them. `commands/message.py` is asked
which commands stand in a message, `engine/alert_ranks.py` which alert of its day this one is."""


def journey(heading: str) -> list[str]:
    """Files of the numbered list, in its order. `websockets.py` stands in brackets for `picows.py`."""
    section = README.split(f"### Life of {heading}")[1].split("\n### ")[0]
    steps = "\n".join(re.findall(r"^(?:\d\. |   ).*$", section, re.MULTILINE))
    return list(dict.fromkeys(re.findall(r"`([a-z_]+/[a-z_/]+\.py)", steps)))


@contextmanager
def followed(files: dict[str, None]) -> Iterator[None]:
    """Every file of the package in which a function begins, in this thread."""
    root = f"{PACKAGE}/"

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(root):
            files[frame.f_code.co_filename.removeprefix(root)] = None

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


def imported_by(path: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                found.add(name.removeprefix("altmonitor.").replace(".", "/") + ".py")
    return found


def test_every_file_of_a_journey_is_imported_by_one_before_it_by_its_own_folder_or_where_the_program_is_built() -> None:
    built = {str(path.relative_to(PACKAGE)) for path in (*PACKAGE.glob("app/*.py"), *PACKAGE.glob("exchanges/*.py"))}
    lost = []
    for heading in ("a kline", "`/set_pump 5`"):
        known = set().union(*(imported_by(path) for path in built)) | built
        for path in journey(heading):
            siblings = {str(other.relative_to(PACKAGE)) for other in (PACKAGE / path).parent.glob("*.py")} - {path}
            if path not in known.union(*(imported_by(other) for other in siblings)):
                lost.append(f"{heading}: {path}")
            known |= imported_by(path)
    assert lost == []


async def test_a_firing_kline_passes_the_files_that_readme_names(tmp_path: Path) -> None:
    named = journey("a kline")
    passed: dict[str, None] = {}
    async with stage(tmp_path, Pump("BTCUSDT", START_MS + 75_000, 4.0, over_s=5), speed=5) as here:
        await here.is_live()
        with followed(passed):
            await here.said("BTCUSDT", within_s=200)
    assert len(named) <= KLINE_FILES_MAX
    assert set(named) - DECODED_IN_C - set(passed) == set()
    on_the_way = {path for path in passed if path.startswith("engine/")} - ASKED_ON_THE_WAY
    assert on_the_way - set(named) - after_the_row(passed) == set()


def after_the_row(passed: dict[str, None]) -> set[str]:
    """Of the engine: what every kline meets, and what listens to alerts that are stored."""
    return {"engine/conditions.py", "engine/context.py", "engine/late_detection.py", "engine/restore.py"} & set(passed)


async def test_a_command_passes_the_files_that_readme_names(tmp_path: Path) -> None:
    named = journey("`/set_pump 5`")
    passed: dict[str, None] = {}
    async with stage(tmp_path, speed=5) as here:
        await here.is_live()
        with followed(passed):
            here.telegram.inject_message(READER, "/set_pump 5", user_id=READER)
            await here.said("5 %", within_s=100)
    assert len(named) <= COMMAND_FILES_MAX
    assert set(named) - set(passed) == set()
    on_the_way = {path for path in passed if path.startswith("commands/")} - ASKED_ON_THE_WAY
    assert on_the_way - set(named) == set()
