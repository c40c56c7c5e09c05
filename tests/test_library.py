"""`import altmonitor` as other programs do: what it loads, what it offers, and that docs/library.md is true."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import importlib
import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import altmonitor
from altmonitor import positioning
from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import ExchangeBlocked, UnknownSymbol
from altmonitor.sim.control import RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket

ROOT = Path(__file__).parents[1]
T0 = 1_790_000_100_000

WATCHED = """
import sys
import msgspec                                  # what it loads for itself is its own
before = set(sys.modules)
seen = []
def hook(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.system", "sqlite3.")):
        seen.append(event)
    elif event == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so", ".pth")):
        seen.append(f"open {arguments[0]}")
sys.addaudithook(hook)
import altmonitor
import altmonitor.positioning
for name in altmonitor.positioning.__all__:
    getattr(altmonitor.positioning, name)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(seen, sorted(loaded - {"altmonitor", "numpy"}), "asyncio" in sys.modules, "logging" in sys.modules)
"""


def test_importing_it_touches_no_file_or_socket_and_loads_no_third_package_but_msgspec() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] [] False False"
    assert done.stderr == ""


def test_every_module_of_positioning_says_what_it_offers_and_explains_each_of_it() -> None:
    found = {path.stem for path in Path(positioning.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(positioning.__all__) == found
    wrong = []
    for name in positioning.__all__:
        module = importlib.import_module(f"altmonitor.positioning.{name}")
        for offered in module.__all__:
            value = getattr(module, offered)
            if (inspect.isfunction(value) or inspect.isclass(value)) and not inspect.getdoc(value):
                wrong.append(f"{name}.{offered} explains nothing")
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        public = {one for one in defined if not one.startswith("_")}
        wrong += [f"{name}.{one} is not in __all__" for one in public - set(module.__all__)]
    assert wrong == []
    with pytest.raises(AttributeError):
        positioning.whatever  # noqa: B018
    with pytest.raises(AttributeError):
        altmonitor.whatever  # noqa: B018
    assert set(altmonitor.__all__) <= set(dir(altmonitor)) | {"BinanceClient"}


@contextlib.contextmanager
def exchange_elsewhere() -> Iterator[SimExchange]:
    """On a loop of its own, for examples that run one: they would stop the clock of this one."""
    ready, over = threading.Event(), asyncio.Event()
    found: list[tuple[SimExchange, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        clock = ScaledClock(start_ms=T0, speed=0.01)  # what is asked later on a busy machine has the same answer
        market = SeededMarket(seed=7, start_ms=T0, symbols=60, frames_per_s=10)
        async with SimExchange(market, clock=clock) as exchange:
            found.append((exchange, asyncio.get_running_loop()))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    exchange, loop = found[0]
    try:
        yield exchange
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)


def test_the_examples_of_the_page_give_what_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with exchange_elsewhere() as exchange:
        monkeypatch.setenv("BINANCE_REST_URL", exchange.rest_url)
        monkeypatch.setenv("BINANCE_WEB_URL", exchange.web_url)
        results = doctest.testfile(str(ROOT / "docs/library.md"), module_relative=False, encoding="utf-8")
    assert results.failed == 0
    assert results.attempted >= 15


async def test_a_refusal_is_an_error_with_its_end_and_the_next_question_is_not_sent(tmp_path: Path) -> None:
    clock = ScaledClock(start_ms=T0, speed=1.0)
    market = SeededMarket(seed=7, start_ms=T0, symbols=60, frames_per_s=10)
    async with SimExchange(market, clock=clock) as exchange:
        exchange.faults.rest["/futures/data/openInterestHist"] = RestFault(status=429, retry_after="120")

        def client() -> altmonitor.BinanceClient:
            return altmonitor.BinanceClient(
                rest_url=exchange.rest_url, web_url=exchange.web_url, clock=clock, folder=tmp_path
            )

        async with client() as first:
            with pytest.raises(ExchangeBlocked) as refused:
                await first.fetch_open_interest("btc")
            assert 115_000 < refused.value.until_ms - clock.now_ms() <= 120_000
        exchange.faults.rest.clear()
        async with client() as another:
            with pytest.raises(ExchangeBlocked):
                await another.fetch_top_trader("btc")
            assert another.guard_status()["rest"].state == "blocked"
            assert (await another.fetch_smart_money("btc")) is not None, "the website is another host"


async def test_several_contracts_answer_each_for_itself_and_nonsense_is_refused_before_anything_is_sent() -> None:
    clock = ScaledClock(start_ms=T0, speed=1.0)
    market = SeededMarket(seed=7, start_ms=T0, symbols=60, frames_per_s=10)
    async with (
        SimExchange(market, clock=clock) as exchange,
        altmonitor.BinanceClient(rest_url=exchange.rest_url, web_url=exchange.web_url, clock=clock) as client,
    ):
        found = await client.fetch_each(client.fetch_open_interest, ["btc", "eth", "btc", "nosuchcoin"])
        assert list(found) == ["btc", "eth", "nosuchcoin"]
        assert isinstance(found["nosuchcoin"], UnknownSymbol)
        with pytest.raises(ValueError, match="is no symbol"):
            await client.fetch_each(client.fetch_smart_money, ["btc", "  "])
        with pytest.raises(ValueError, match="period"):
            await client.fetch_top_trader("btc", "99h")
