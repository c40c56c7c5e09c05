"""Two processes with one address keep to one limit, and a file that cannot be used keeps nobody from working."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from altmonitor.config import load
from altmonitor.core.errors import BudgetExhausted
from altmonitor.exchanges.binance.rest import FUTURES_DATA, FUTURES_DATA_FILE, binance_guard
from altmonitor.exchanges.binance.smart_money import REQUESTS_FILE, web_guard
from altmonitor.exchanges.hyperliquid.wallets import WEIGHT_FILE, hyperliquid_guard
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import Guard, RestAnswer
from altmonitor.exchanges.rest.shared_pool import SharedPool
from altmonitor.interfaces.exchange import Priority
from tests.movable_clock import MovableClock

HOST = "www.example"


def pool(path: Path, clock: MovableClock, *, host: str = HOST, limit: int = 10) -> SharedPool:
    return SharedPool(limit=limit, window_s=60.0, path=path, host=host, clock=clock)


def test_what_one_sent_the_other_counts(tmp_path: Path) -> None:
    clock, path = MovableClock(), tmp_path / "requests"
    monitor, tracker = pool(path, clock), pool(path, clock)
    for _ in range(5):
        monitor.take(clock.monotonic())
        clock.stop(1)
    for _ in range(4):
        tracker.take(clock.monotonic())
    assert monitor.wait_s(clock.monotonic()) == 0
    tracker.take(clock.monotonic())
    assert monitor.wait_s(clock.monotonic()) == tracker.wait_s(clock.monotonic()) == pytest.approx(55.0)
    clock.stop(55.1)
    assert monitor.wait_s(clock.monotonic()) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_share_of_the_limit_is_that_of_all_together(tmp_path: Path) -> None:
    clock, path = MovableClock(), tmp_path / "requests"
    monitor, tracker = pool(path, clock), pool(path, clock)
    for _ in range(8):
        monitor.take(clock.monotonic())
    assert tracker.wait_s(clock.monotonic(), 0.8) == pytest.approx(60.0)
    assert tracker.wait_s(clock.monotonic(), 0.9) == 0


def test_another_process_writes_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    code = (
        "import sys; from pathlib import Path; from altmonitor.core.clock import SystemClock; "
        "from altmonitor.exchanges.rest.shared_pool import SharedPool; clock = SystemClock(); "
        f"p = SharedPool(limit=1000, window_s=600.0, path=Path(sys.argv[1]), host={HOST!r}, clock=clock); "
        "[p.take(clock.monotonic()) for _ in range(100)]"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]
    assert len(path.read_text("ascii").split("\n")) == 1 + 300


def test_a_file_that_is_none_of_ours_or_cannot_be_used_stops_nobody(tmp_path: Path) -> None:
    clock, odd = MovableClock(), tmp_path / "odd"
    odd.write_bytes(b"\xff\x00 not ours\n12\nabc\n99999999999999999999\n")
    elsewhere = tmp_path / "elsewhere"
    pool(elsewhere, clock, host="other.example", limit=1).take(clock.monotonic())
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "link").symlink_to(target)
    for path in (odd, elsewhere, tmp_path / "link", tmp_path / "no" / "folder"):
        lonely = pool(path, clock, limit=1)
        assert lonely.wait_s(clock.monotonic()) == 0
        lonely.take(clock.monotonic())
        assert lonely.wait_s(clock.monotonic()) == pytest.approx(60.0)  # by itself it keeps to the limit
    assert target.read_text() == "mine"


def test_the_file_stays_small_however_many_leave_and_counts_those_in_the_window_alone(tmp_path: Path) -> None:
    clock, path = MovableClock(), tmp_path / "requests"
    monitor, tracker = pool(path, clock, limit=1_200), pool(path, clock, limit=1_200)
    sizes, held = [], set()
    for number in range(600):
        (monitor, tracker)[number % 2].take(clock.monotonic(), 20)
        clock.stop(2.0)
        sizes.append(path.stat().st_size)
        if number >= 30:
            held |= {monitor.held(clock.monotonic()), tracker.held(clock.monotonic())}
    assert held == {580}  # 29 of 20 within the last 60 s
    assert max(sizes) < 14 * 2_000
    assert tracker.wait_s(clock.monotonic(), 0.5, 20) == 0
    monitor.take(clock.monotonic(), 20)
    assert tracker.wait_s(clock.monotonic(), 0.5, 20) == pytest.approx(2.0)


def test_what_another_program_left_in_the_file_is_written_over_not_appended_to(tmp_path: Path) -> None:
    clock, path = MovableClock(), tmp_path / "requests"
    path.write_text(f"other.example\n{clock.now_ms()}")
    ours = pool(path, clock)
    assert ours.held(clock.monotonic()) == 0
    ours.take(clock.monotonic())
    ours.take(clock.monotonic())
    assert path.read_text("ascii") == f"{HOST}\n{clock.now_ms()}\n{clock.now_ms()}"


def test_a_clock_that_is_set_back_leaves_nobody_waiting_for_the_future(tmp_path: Path) -> None:
    clock, path = MovableClock(), tmp_path / "requests"
    before = pool(path, clock, limit=1)
    before.take(clock.monotonic())
    clock.jump(-3_600)
    assert pool(path, clock, limit=1).wait_s(clock.monotonic()) == 0


async def test_the_gates_of_website_and_statistics_share_theirs(tmp_path: Path) -> None:
    clock = MovableClock()

    async def send(target: str) -> RestAnswer:
        return RestAnswer(200, {}, b"{}")

    websites = [web_guard("https://www.example", clock=clock, block_file=tmp_path / "b.json") for _ in range(2)]
    for number in range(8):
        ask = Ask(target="/x", priority=Priority.TRACKING, weight=0, pool="smart_money")
        await websites[number % 2].fetch(ask, send, wait_s=0)
    assert [guard._admission._room_s(ask) for guard in websites] == [pytest.approx(60.0)] * 2
    assert (tmp_path / REQUESTS_FILE).exists()

    exchange = binance_guard("fapi.example", clock=clock, block_file=tmp_path / "e.json")
    await exchange.fetch(Ask(target="/x", priority=Priority.SWEEP, weight=0, pool=FUTURES_DATA), send, wait_s=0)
    assert (tmp_path / FUTURES_DATA_FILE).exists()


def hyperliquid(folder: Path, clock: MovableClock) -> Guard:
    config, _ = load({"DB_FILE": str(folder / "alerts.db")}, env_file=None)
    return hyperliquid_guard(config, clock=clock)


async def test_all_that_ask_hyperliquid_from_here_weigh_together_and_a_question_goes_before_history(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    monitor, pages = hyperliquid(tmp_path, clock), hyperliquid(tmp_path, clock)

    async def send(target: str) -> RestAnswer:
        return RestAnswer(200, {}, b"{}")

    history = Ask(target="/x", priority=Priority.BACKFILL, weight=21)
    account = Ask(target="/x", priority=Priority.ENRICH, weight=142)
    for number in range(27):
        await (monitor, pages)[number % 2].fetch(history, send, wait_s=0)
    for guard in (monitor, pages):
        with pytest.raises(BudgetExhausted):
            await guard.fetch(history, send, wait_s=0)
    await pages.fetch(account, send, wait_s=0)
    assert monitor.status().weight_used == pages.status().weight_used == 709
    assert monitor.status().weight_limit == 1_200
    with pytest.raises(BudgetExhausted):
        await monitor.fetch(account, send, wait_s=0)
    assert (tmp_path / WEIGHT_FILE).exists()
