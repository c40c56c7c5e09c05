"""What the sub-commands do: configuration and addresses → an `App` that runs until a signal; exit codes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from altmonitor import config as configuration
from altmonitor.app.app import App
from altmonitor.app.chat import MessagingSetup
from altmonitor.app.market import MarketOptions
from altmonitor.cli import demo as show
from altmonitor.config import Config
from altmonitor.core import log as logs
from altmonitor.core.clock import Clock, ScaledClock, SystemClock, clock_of
from altmonitor.core.errors import AltmonitorError, ConfigError, TokenRefused
from altmonitor.core.types import Destination, Secret
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.tape import TapeMarket
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.terminal import TerminalInbox
from altmonitor.telegram.bot import TelegramChannel, Timeouts

log = logging.getLogger(__name__)

DONE, FAILED, WRONG_CONFIGURATION = 0, 1, 2
LEAVE_WITHIN_S = 4.5
"""From the signal to the end of the process, whatever hangs."""
STALL_S = 0.8
"""Of the machine's time: on a fast clock a shorter silence of the exchange may be the machine's own pause."""

READER = Destination(chat_id=1)
"""The one chat of the simulated Telegram in a terminal."""
TERMINAL_TOKEN = Secret("100000:" + "terminal" * 5)

NO_BOT_YET = """\
altmonitor needs a Telegram bot to send alerts with:
  1. write to @BotFather in Telegram, send /newbot, and copy the token it gives you
  2. write any message to your new bot, and find your chat id (for instance with @userinfobot)
  3. put both into .env:
       TG_BOT_TOKEN=123456:ABC…
       TG_CHAT_ID=123456789
To see it without Telegram: altmonitor run --dry-run (real market), or altmonitor demo (simulated market)."""


def run(*, env_file: Path, is_dry_run: bool) -> int:
    """Watch the market until a signal comes. Returns the exit code."""
    try:
        config, warnings = configuration.load(os.environ, env_file=env_file)
        clock = clock_of(os.environ)
        for name, value in configuration.proxies_of(env_file).items():
            os.environ.setdefault(name, value)
    except ConfigError as problem:
        return _wrong(problem)
    if not is_dry_run and not (config.tg_bot_token and config.tg_chat_id):
        missing = [n for n, v in (("TG_BOT_TOKEN", config.tg_bot_token), ("TG_CHAT_ID", config.tg_chat_id)) if not v]
        print(f"{' and '.join(missing)} not set.\n{NO_BOT_YET}", file=sys.stderr)  # noqa: T201
        return WRONG_CONFIGURATION
    secrets = (config.tg_bot_token, config.api_token)
    logs.configure(level=config.log_level, style=config.log_format, secrets=secrets)
    for line in warnings:
        log.warning("%s", line)
    return run_until_signal(lambda stop: _watch(config, clock, stop, is_dry_run=is_dry_run))


def _wrong(problem: ConfigError) -> int:
    for line in problem.problems:
        print(line, file=sys.stderr)  # noqa: T201
    return WRONG_CONFIGURATION


async def _watch(config: Config, clock: Clock, stop: asyncio.Event, *, is_dry_run: bool) -> None:
    choices = MarketOptions(feed=FeedOptions(gather_ms=config.feed_gather_ms), service=os.environ)
    if isinstance(clock, ScaledClock):
        stall_s = STALL_S * clock.speed
        feed = replace(choices.feed, shortest_silence_s=stall_s)
        choices = replace(choices, feed=feed, answer_s=max(choices.answer_s, stall_s))
    if is_dry_run:
        async with terminal_chat(clock) as chat:
            await run_app(App(config, clock=clock, outlet=chat.outlet, choices=choices), stop)
    else:
        token, url = config.tg_bot_token, config.telegram_api_url
        channel = TelegramChannel(token, api_url=url, clock=clock, timeouts=_timeouts(clock))
        async with telegram_outlet(channel, config.destinations) as outlet:
            await run_app(App(config, clock=clock, outlet=outlet, choices=choices), stop)


@asynccontextmanager
async def telegram_outlet(
    channel: TelegramChannel, destinations: tuple[Destination, ...]
) -> AsyncIterator[MessagingSetup]:
    """A real bot (or the simulated one), ready to send and to listen."""
    await channel.start()
    try:
        yield MessagingSetup(channel=channel, destinations=destinations, bot=channel)
    finally:
        await channel.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalChat:
    outlet: MessagingSetup
    telegram: SimTelegram


@asynccontextmanager
async def terminal_chat(clock: Clock, *, port: int = 0) -> AsyncIterator[TerminalChat]:
    """A chat in this terminal: the real delivery path, with a Bot API on loopback at its end; typed lines are sent."""
    telegram = SimTelegram(clock=clock, token=TERMINAL_TOKEN.reveal())
    await telegram.start(port=port)
    inbox = TerminalInbox(telegram, sys.stdout, destination=READER, is_tty=sys.stdout.isatty())
    typing = asyncio.create_task(inbox.run(sys.stdin), name="terminal-inbox")
    try:
        channel = TelegramChannel(TERMINAL_TOKEN, api_url=telegram.url, clock=clock, timeouts=_timeouts(clock))
        async with telegram_outlet(channel, (READER,)) as outlet:
            yield TerminalChat(outlet=outlet, telegram=telegram)
    finally:
        typing.cancel()
        await asyncio.wait([typing])
        await telegram.stop()


def _timeouts(clock: Clock) -> Timeouts:
    """However fast the clock runs, the machine is as slow as ever."""
    usual = Timeouts()
    speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
    return replace(usual, call_s=usual.call_s * speed, poll_margin_s=usual.poll_margin_s * speed)


async def run_app(app: App, stop: asyncio.Event, *, before_end: Callable[[], Awaitable[None]] | None = None) -> None:
    """Run until `stop` is set or the app fails; raises what it failed with. before_end: while all is still open."""
    running = asyncio.create_task(app.run(), name="app")
    stopping = asyncio.create_task(stop.wait(), name="stop-signal")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if before_end is not None and not running.done():
            await before_end()
        app.stop()
        await running
    finally:
        stopping.cancel()
        running.cancel()
        await asyncio.wait({running, stopping})


def run_until_signal(work: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `work` in a new event loop; SIGTERM and SIGINT set its stop event. Returns the exit code.

    Works as PID 1 too, where signals without a handler are ignored. A second signal, or `LEAVE_WITHIN_S` after the
    first, ends the process at once: a thread that hangs must not keep a stopped program alive.
    """
    received: list[int] = []

    async def main() -> int:
        stop = asyncio.Event()

        def on_signal(number: int) -> None:
            received.append(number)
            if len(received) > 1:
                os._exit(128 + number)
            _leave_later(128 + number)
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal, number)
        try:
            await work(stop)
        except ConfigError as problem:
            return _wrong(problem)
        except TokenRefused as problem:
            log.critical("%s", problem)
            return WRONG_CONFIGURATION
        except AltmonitorError as problem:
            log.critical("%s", problem)
            return FAILED
        except Exception:
            log.critical("stopped by an unexpected error", exc_info=True)
            return FAILED
        return 128 + received[0] if received else DONE

    code = asyncio.run(main())
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _leave_later(code: int) -> None:
    timer = threading.Timer(LEAVE_WITHIN_S, os._exit, (code,))
    timer.daemon = True
    timer.start()


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
    code = run_until_signal(lambda stop: _play(choices, stop))
    return DONE if code == 128 + signal.SIGINT else code


async def _play(choices: DemoChoices, stop: asyncio.Event) -> None:
    """The demo: market, exchange, chat and monitor in one event loop, over real sockets, on one clock."""
    start_ms = SystemClock().now_ms() // MINUTE_MS * MINUTE_MS  # with the minute, so that every demo looks alike
    market: SeededMarket | TapeMarket
    if choices.tape is None:
        market = show.market(start_ms=start_ms, symbols=choices.symbols, seed=choices.seed)
    else:
        market = show.tape(choices.tape, from_time=choices.from_time, to_time=choices.to_time)
        start_ms = market.start_ms
    clock = ScaledClock(start_ms=start_ms, speed=choices.speed or (show.SPEED if choices.tape is None else 60))
    print(show.opening_words(market, speed=clock.speed), flush=True)  # noqa: T201
    async with SimExchange(market, clock=clock) as exchange, terminal_chat(clock) as chat:
        with _folder(choices.keep) as folder:
            config = _demo_config(exchange, folder, choices)
            feed = FeedOptions(gather_ms=config.feed_gather_ms, shortest_silence_s=show.STALL_S * clock.speed)
            app = App(config, clock=clock, outlet=chat.outlet, choices=MarketOptions(feed=feed))
            directing = show.direct(
                market,
                exchange,
                clock,
                stop,
                seconds=choices.seconds,
                is_waiting=lambda: app.store.outbox_status().queued > 0,
            )
            director = asyncio.create_task(directing)
            try:
                await run_app(app, stop, before_end=lambda: _print_summary(app))
            finally:
                director.cancel()
                await asyncio.wait([director])
    if not director.cancelled():
        director.result()


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


def _demo_config(exchange: SimExchange, folder: Path, choices: DemoChoices) -> Config:
    config, _ = configuration.load(
        {
            "BINANCE_REST_URL": exchange.rest_url,
            "BINANCE_WS_URL": exchange.ws_url,
            "BINANCE_WEB_URL": exchange.web_url,
            "STATE_FILE": str(folder / "state.json"),
            "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
            "DB_FILE": str(folder / "alerts.db"),
            "API_PORT": "0",
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
        lambda stop: _serve(stop, port=port, telegram_port=telegram_port, symbols=symbols, seed=seed)
    )
    return DONE if code == 128 + signal.SIGINT else code


async def _serve(stop: asyncio.Event, *, port: int, telegram_port: int, symbols: int, seed: int) -> None:
    clock = SystemClock()
    market = show.market(start_ms=clock.now_ms(), symbols=symbols, seed=seed)
    exchange = SimExchange(market, clock=clock)
    await exchange.start(port=port)
    try:
        async with terminal_chat(clock, port=telegram_port) as chat:
            for name, value in (
                ("BINANCE_REST_URL", exchange.rest_url),
                ("BINANCE_WS_URL", exchange.ws_url),
                ("BINANCE_WEB_URL", exchange.web_url),
                ("TELEGRAM_API_URL", chat.telegram.url),
                ("TG_BOT_TOKEN", TERMINAL_TOKEN.reveal()),
                ("TG_CHAT_ID", READER),
            ):
                print(f"{name}={value}", flush=True)  # noqa: T201
            await stop.wait()
    finally:
        await exchange.stop()
