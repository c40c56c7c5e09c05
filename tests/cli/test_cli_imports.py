"""What a sub-command loads, seen in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def loaded_by(statement: str) -> set[str]:
    """Names of all modules after the statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_the_monitor_runs_without_the_simulator() -> None:
    loaded = loaded_by("import altmonitor.cli.run")
    assert "altmonitor.app.app" in loaded
    assert sorted(name for name in loaded if name.startswith("altmonitor.sim")) == []


def test_a_session_is_open_before_anything_heavy_is_loaded() -> None:
    loaded = loaded_by("import pathlib\nfrom altmonitor.cli import common\ncommon.open_session(pathlib.Path('no.env'))")
    assert sorted(loaded & {"aiohttp", "telegram", "numpy", "msgspec", "PIL", "websockets", "sqlite3"}) == []


WRITTEN = """
from altmonitor.render.charts.canvas import TEXT, Canvas
canvas = Canvas(40, 40)
canvas.text((2, 30), "OI", 20, TEXT)
canvas.png()
"""


def test_a_picture_loads_the_code_of_no_format() -> None:
    assert [name for name in sorted(loaded_by(WRITTEN)) if name.endswith("ImagePlugin")] == []


def test_streams_are_read_by_one_of_the_two_libraries() -> None:
    loaded = loaded_by("from altmonitor.exchanges.ws import pick_transport\npick_transport()")
    assert "picows" in loaded
    assert "websockets" not in loaded


def test_medians_do_without_the_masked_arrays_of_numpy() -> None:
    code = "import numpy as np\nfrom altmonitor.replay.measures import middle\nmiddle(np.array([3.0, 1.0]))"
    assert "numpy.ma" not in loaded_by(code)


def test_pillow_waits_for_the_first_picture() -> None:
    assert "PIL" not in loaded_by("import altmonitor.cli.run")
    assert "PIL" in loaded_by(WRITTEN)


def test_what_draws_on_a_terminal_is_loaded_by_commands_that_print() -> None:
    for statement in ("import altmonitor.cli.main", "import altmonitor.cli.run", "import altmonitor.ops.doctor.doctor"):
        assert sorted(name for name in loaded_by(statement) if name.partition(".")[0] in ("rich", "pygments")) == []
    assert "rich.console" in loaded_by("import altmonitor.cli.demo")


def test_the_kinds_of_alerts_are_loaded_when_somebody_asks_for_them() -> None:
    assert "msgspec" not in loaded_by("import altmonitor.cli.main")
    code = "from altmonitor.cli.main import cli\ncli(['history', '--help'], standalone_mode=False)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "--kind [price|oi|vol|" in done.stdout


def test_the_monitor_loads_nothing_that_it_does_not_need_at_its_start() -> None:
    """Each of these is megabytes: pictures, pages, terminals, stores of past days, what other programs bring along."""
    loaded = loaded_by("import altmonitor.cli.run")
    unwanted = ("PIL", "rich", "pygments", "jinja2", "polars", "mcp", "nats", "asyncpg", "cryptography", "selenium")
    unwanted += ("httpx", "httpcore", "anyio", "h11", "trio")  # the Telegram library's own HTTP client
    unwanted += ("prometheus_client", "wsgiref", "websockets")
    assert sorted({name.partition(".")[0] for name in loaded} & set(unwanted)) == []
    unwanted = ("altmonitor.sim", "altmonitor.mcp", "altmonitor.ops.wizard", "altmonitor.replay.report")
    unwanted += ("altmonitor.replay.exact", "altmonitor.replay.run", "altmonitor.replay.tape_engine")
    unwanted += ("altmonitor.web.pages", "altmonitor.web.openapi", "altmonitor.operations.table")
    assert sorted(name for name in loaded if name.startswith(unwanted)) == []


def test_of_the_telegram_library_only_what_reads_answers_is_loaded_and_the_rest_can_be_imported_afterwards() -> None:
    names = {name for name in loaded_by("import altmonitor.cli.run") if name.startswith("telegram")}
    assert {"telegram.error", "telegram.request._baserequest"} <= names
    assert len(names) < 20
    code = """
import altmonitor.telegram.bot
from altmonitor.telegram.errors import BadRequest
import telegram, telegram.error
from telegram.request import BaseRequest, HTTPXRequest
assert telegram.error.BadRequest is BadRequest
assert telegram.Bot('1:x').token == '1:x'
"""
    assert "httpx" in loaded_by(code)


def test_a_telegram_library_that_is_arranged_in_another_way_is_loaded_whole(tmp_path: Path) -> None:
    (tmp_path / "telegram" / "request").mkdir(parents=True)
    (tmp_path / "telegram" / "__init__.py").write_text("whole = True\n")
    (tmp_path / "telegram" / "request" / "__init__.py").write_text("class BaseRequest: ...\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import altmonitor.telegram
import telegram
assert telegram.whole
assert altmonitor.telegram.BaseRequest is telegram.request.BaseRequest
"""
    assert "telegram.request" in loaded_by(code)
