"""`altmonitor demo` and `altmonitor sim`: a simulated market, around the monitor or alone."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import altmonitor
from altmonitor import config as configuration
from altmonitor.app.app import App
from altmonitor.app.market import MarketOptions
from altmonitor.app.startup_message import WAIT_S
from altmonitor.cli.common import DONE, run_until_signal
from altmonitor.cli.terminal_chat import READER, TERMINAL_TOKEN, terminal_chat
from altmonitor.config import Config
from altmonitor.core import log as logs
from altmonitor.core.clock import Clock, ScaledClock, SystemClock
from altmonitor.core.errors import ConfigError
from altmonitor.core.supervisor import beside
from altmonitor.exchanges.rest.client import ANSWER_TIMEOUT_S
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.demo_script import DemoScript
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.tape import TapeMarket
from altmonitor.sim.terminal import chat_console

SPEED = 10.0
FRAMES_PER_S = 100.0  # of the market's time: at 10 × that is 1,000 a second
LEAVE_WITHIN_S = (
    30.0  # of the machine's time, for one that is busy: no service manager waits, and Ctrl-C twice ends at once
)
STALL_S = 2.0  # of the machine's time: a shorter silence of the feed may be the machine's own pause
LONGEST_HOLE_S = 3_600.0
DASHBOARD_PORT = 3001
_TRACKED = {  # so that the pages on followed traders have something to show
    "SMART_MONEY_INTERVAL_MIN": "10",
    "SMART_MONEY_POOL_MAX": "25",
    "TOP_TRADER_POOL_MAX": "25",
    "OI_POOL_MAX": "25",
}
DEMO_VENUES = "binance,bybit"
SECOND_VENUE_LAG_MS = 700
TAPE_LOOK_S = 5.0
TAPE_REST_S = 90.0  # after the last candle, at most: what still waits for the chat's pace


def demo_tape(file: Path, *, from_time: str | None, to_time: str | None) -> TapeMarket:
    """A recorded market as the demo plays it: its long holes are shortened. Raises ConfigError."""
    from_ms, to_ms = moment_ms("--from", from_time), moment_ms("--to", to_time)
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise ConfigError([f"--to {to_time} is not later than --from {from_time}"])
    return TapeMarket(file, from_ms=from_ms, to_ms=to_ms, skip_holes_over_s=LONGEST_HOLE_S)


def moment_ms(option: str, text: str | None) -> int | None:
    """`2022-05-12T08:00` (UTC unless it names a zone) → unix ms. Raises ConfigError with one clear line."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:
        raise ConfigError([f"{option} {text!r} is not a time such as 2022-05-12T08:00"]) from problem
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def opening_words(played: SeededMarket | TapeMarket, *, speed: float) -> str:
    """What is played, how fast, and how to write to it. speed: times life."""
    if isinstance(played, TapeMarket):
        what = f"{played.symbol} as it was from {_day(played.start_ms)} to {_day(played.end_ms)}"
    else:
        what = f"a simulated exchange with {len(played.contracts())} contracts"
    first = f"altmonitor demo: {what}, {speed:g} times as fast as life."
    return f"{first}\n{HOW_TO_TYPE} Ctrl-C ends it.\n"


HOW_TO_TYPE: Final = "Below is what arrives in the chat. Type /status or /help and Enter to write to the bot."

NEXT_STEP: Final = """\
That market was made up. The real one, here in this terminal:  {program} run --dry-run
In your own Telegram chat:  {setup}"""


def next_step() -> str:
    """As whoever runs it here would type it: from a clone, or installed."""
    root = Path(altmonitor.__file__).parent.parent
    if (root / "setup_wizard.py").exists():
        return NEXT_STEP.format(program=".venv/bin/altmonitor", setup="python3 setup_wizard.py")
    return NEXT_STEP.format(program="altmonitor", setup="altmonitor setup")


def free_port(wanted: int) -> int:
    """That port of this machine, or another one while somebody else has it."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    return 0


def _day(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


async def end_of_tape(tape: TapeMarket, clock: Clock, *, is_waiting: Callable[[], bool]) -> None:
    """Returns when the tape is over and everything has been sent. is_waiting: true while something has not."""
    while not tape.is_over(clock.now_ms()):
        await clock.sleep(TAPE_LOOK_S)
    await clock.sleep(TAPE_LOOK_S)
    while is_waiting() and clock.now_ms() < tape.end_ms + TAPE_REST_S * 1000:
        await clock.sleep(TAPE_LOOK_S)


# ---
# The commands.


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoChoices:
    """Options of `altmonitor demo`; see its help."""

    tape: Path | None
    from_time: str | None
    to_time: str | None
    speed: float | None
    symbols: int
    seed: int
    seconds: float | None
    keep: Path | None
    lang: str


def demo(choices: DemoChoices) -> int:
    """A simulated exchange and a simulated chat around the real monitor. Returns the exit code."""
    logs.configure(level="WARNING")
    code = run_until_signal(lambda stop: _play(choices, stop), leave_within_s=LEAVE_WITHIN_S)
    return DONE if code == 128 + signal.SIGINT else code


async def _play(choices: DemoChoices, stop: asyncio.Event) -> None:
    """The demo: market, exchange, chat and monitor in one event loop, over real sockets, on one clock."""
    start_ms = SystemClock().now_ms() // MINUTE_MS * MINUTE_MS  # with the minute, so that every demo looks alike
    played: SeededMarket | TapeMarket
    if choices.tape is None:
        played = _made_up(start_ms, choices.symbols, choices.seed)
    else:
        played = demo_tape(choices.tape, from_time=choices.from_time, to_time=choices.to_time)
        start_ms = played.start_ms
    clock = ScaledClock(start_ms=start_ms, speed=choices.speed or (SPEED if choices.tape is None else 60))
    console = chat_console(sys.stdout)
    port = free_port(DASHBOARD_PORT)
    console.print(opening_words(played, speed=clock.speed), soft_wrap=not console.is_terminal)
    async with SimExchange(played, clock=clock) as exchange, terminal_chat(clock, console) as chat:
        exchange.venues["bybit"].lag_ms = SECOND_VENUE_LAG_MS
        chat.take_log(clock)
        with _folder(choices.keep) as folder:
            config = _demo_config(exchange, folder, choices, port=port)
            stall_s = STALL_S * clock.speed
            feed = FeedOptions(gather_ms=config.feed_gather_ms, shortest_silence_s=stall_s)
            options = MarketOptions(
                feed=feed,
                answer_s=max(ANSWER_TIMEOUT_S, stall_s),
                sweep_catch_up_s=stall_s,
                start_wait_s=WAIT_S * clock.speed,  # connecting is no faster than the machine
            )
            app = App(config, clock=clock, messaging_setup=chat.messaging_setup, options=options)
            app.on_listening = lambda port: console.print(f"Dashboard: http://127.0.0.1:{port}/\n", soft_wrap=True)
            if choices.seconds is not None:
                asyncio.get_running_loop().call_later(choices.seconds, stop.set)

            async def direct() -> None:
                if isinstance(played, SeededMarket):
                    await DemoScript(exchange, played, clock=clock, seed=choices.seed).run()
                else:
                    await end_of_tape(played, clock, is_waiting=lambda: app.store.outbox_status().queued > 0)
                    stop.set()

            async with beside(direct(), name="demo script") as director:
                await app.run_until(stop, before_end=lambda: _print_summary(app))
    if not director.cancelled():
        director.result()
    if choices.tape is None:
        console.print(f"\n{next_step()}", soft_wrap=not console.is_terminal)


def _made_up(start_ms: int, symbols: int, seed: int) -> SeededMarket:
    return SeededMarket(seed=seed, start_ms=start_ms, symbols=symbols, frames_per_s=FRAMES_PER_S)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the demo's files are: gone afterwards, or a folder to keep that holds none yet. Raises ConfigError."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="altmonitor-demo-") as folder:
            yield Path(folder)
        return
    if (keep / "alerts.db").exists():
        raise ConfigError([f"--keep {keep} already holds alerts.db of another run: name a new folder"])
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ConfigError([f"--keep {keep} cannot be made: {problem.strerror}"]) from problem
    yield keep


def _demo_config(exchange: SimExchange, folder: Path, choices: DemoChoices, *, port: int) -> Config:
    config, _ = configuration.load(
        {
            **exchange.environment(),
            "VENUES": DEMO_VENUES if choices.tape is None else "binance",
            "LIQUIDATIONS_USD": "500000",
            "STATE_FILE": str(folder / "state.json"),
            "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
            "DB_FILE": str(folder / "alerts.db"),
            "API_PORT": str(port),
            **_TRACKED,
            "ALERT_LANG": choices.lang,
        },
        env_file=None,
    )
    return config


async def _print_summary(app: App) -> None:
    """What was told in this demo, by kind and direction; for a tape, what an independent count is compared with."""
    alerts = await app.store.alerts_since(0)
    counts = Counter((alert.kind, alert.direction) for alert in alerts)
    told = ", ".join(f"{kind} {direction} {count}" for (kind, direction), count in sorted(counts.items()))
    print(f"{len(alerts)} alerts: {told or 'none'}")  # noqa: T201


def sim(*, port: int, telegram_port: int, symbols: int, seed: int) -> int:
    """Only the simulated exchange and Bot API, in real time, until a signal. Returns the exit code."""
    logs.configure(level="INFO")
    code = run_until_signal(
        lambda stop: _serve(stop, port=port, telegram_port=telegram_port, symbols=symbols, seed=seed),
        leave_within_s=LEAVE_WITHIN_S,
    )
    return DONE if code == 128 + signal.SIGINT else code


async def _serve(stop: asyncio.Event, *, port: int, telegram_port: int, symbols: int, seed: int) -> None:
    clock, console = SystemClock(), chat_console(sys.stdout)
    market = _made_up(clock.now_ms(), symbols, seed)
    exchange = SimExchange(market, clock=clock)
    await exchange.start(port=port)
    try:
        async with (
            beside(DemoScript(exchange, market, clock=clock, seed=seed).run(), name="demo script"),
            terminal_chat(clock, console, port=telegram_port) as chat,
        ):
            for name, value in (
                *exchange.environment().items(),
                ("TELEGRAM_API_URL", chat.telegram.url),
                ("TG_BOT_TOKEN", TERMINAL_TOKEN.reveal()),
                ("TG_CHAT_ID", READER),
            ):
                print(f"{name}={value}", flush=True)  # noqa: T201
            console.print(f"# A monitor with these settings sees a market that moves. {HOW_TO_TYPE}")
            await stop.wait()
    finally:
        await exchange.stop()
