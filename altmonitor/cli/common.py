"""What every sub-command goes through: settings, clock, proxies, logging; one line per problem; exit codes.

Nothing heavy is imported here: `--help` answers at once, and so does the refusal of a wrong setting. What needs the
network, the database or the drawing of pictures is imported by the sub-command once its session is open.
"""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from altmonitor import config as configuration
from altmonitor.cli.first_steps import no_bot_yet
from altmonitor.config import Config
from altmonitor.core import log as logs
from altmonitor.core.clock import ScaledClock, SystemClock, clock_of
from altmonitor.core.errors import AltmonitorError, ConfigError, DatabaseRefused, NoFileLocks, TokenRefused
from altmonitor.core.files import close_to_others
from altmonitor.core.log_file import keep_log
from altmonitor.core.redaction import without_secrets
from altmonitor.settings.zones import zone_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from altmonitor.render.format import Style

log = logging.getLogger(__name__)

DONE, FAILED, WRONG_CONFIGURATION = 0, 1, 2
"""Exit codes. A signal's is 128 + its number."""
PIPED_WIDTH: Final = 200
LEAVE_WITHIN_S: Final = 4.5
"""From the signal to the end of the process, whatever hangs."""

ENV_FILE = click.Path(path_type=Path, dir_okay=False)


class Number(click.FloatRange):
    """The type of every number with a fraction on the command line. A plain float takes `nan`, which no range holds
    off: it is neither below the least nor above the most."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a sub-command lives on. warnings: of the settings, one line each. secrets: what no line may hold.

    env_file: where the settings were read; None: nowhere.
    """

    config: Config
    clock: SystemClock | ScaledClock
    warnings: tuple[str, ...]
    secrets: frozenset[str] = frozenset()
    env_file: Path | None = None

    @property
    def style(self) -> Style:
        """Language and zone of what is printed for a person."""
        from altmonitor.render.format import Style

        return Style(lang=self.config.alert_lang, tz=zone_of(self.config.alert_tz))

    def require_bot(self) -> None:
        """Raises: ConfigError when there is nobody to send alerts to."""
        given = {"TG_BOT_TOKEN": self.config.tg_bot_token, "TG_CHAT_ID": self.config.tg_chat_id}
        missing = [name for name, value in given.items() if not value]
        if missing:
            raise ConfigError([f"{' and '.join(missing)} not set.", *self.warnings, no_bot_yet(os.environ)])

    def log_as(self, level: str, *, style: str = "text") -> None:
        """Logging to stderr, with the session's secrets blacked out."""
        logs.configure(level=level, style=style, secrets=self.secrets)

    def log_as_set(self, *, beside: Path) -> None:
        """As LOG_LEVEL and LOG_FORMAT want it, for what runs long; the warnings come first. beside: the database next
        to which the last of it is kept."""
        self.log_as(self.config.log_level, style=self.config.log_format)
        keep_log(beside)
        file = self.env_file
        if file is not None and close_to_others(file, keep_group=True):
            log.warning("%s holds secrets and could be read by other users of this machine: not any more", file)
        for line in self.warnings:
            log.warning("%s", line)


def open_session(env_file: Path) -> Session:
    """Settings from the environment over `env_file`; proxies and certificates named there count for the libraries, too.

    Only errors are logged until `log_as` says otherwise. Raises: ConfigError.
    """
    config, warnings = configuration.load(os.environ, env_file=env_file)
    clock = clock_of(os.environ)
    for name, value in configuration.variables_for_libraries(env_file).items():
        os.environ.setdefault(name, value)
    secrets = configuration.secrets_given(os.environ, env_file)
    opened = Session(env_file=env_file, config=config, clock=clock, warnings=tuple(warnings), secrets=secrets)
    opened.log_as("ERROR")
    return opened


@contextmanager
def session(env_file: Path) -> Iterator[Session]:
    """`open_session`; its refusal ends the process, and so does what the sub-command raises and does not handle."""
    end_by_signals()
    with exit_codes():
        yield open_session(env_file)


@contextmanager
def exit_codes() -> Iterator[None]:
    """A ConfigError ends the process with 2 and a line per problem, any other error raised on purpose with 1 and its
    line."""
    try:
        yield
    except AltmonitorError as problem:
        leave(told(problem))


@contextmanager
def loading() -> Iterator[None]:
    """Around imports that make thousands of classes: looking for garbage among them takes a tenth of a start and finds
    none, then or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def told(problem: AltmonitorError) -> int:
    """Says it on stderr. Returns the exit code."""
    print(without_secrets(str(problem)), file=sys.stderr)  # noqa: T201
    return _code_of(problem)


def _code_of(problem: AltmonitorError) -> int:
    """2 for what no start on its own can mend: whoever restarts the program leaves it in peace then."""
    is_final = isinstance(problem, ConfigError | TokenRefused | NoFileLocks | DatabaseRefused)
    return WRONG_CONFIGURATION if is_final else FAILED


def leave(code: int) -> NoReturn:
    sys.exit(code)


# ---
# Answers.


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """values: for --json. lines: for a person, from top to bottom: text, or what `rich` draws. problem: why there is no
    answer, '' when there is one."""

    values: object
    lines: Sequence[RenderableType] = ()
    problem: str = ""


def print_answer(answer: Answer, *, as_json: bool) -> int:
    """Problems go to stderr, and as values to stdout with --json. Returns the exit code."""
    if as_json:
        import msgspec

        print(msgspec.json.encode(answer.values).decode())  # noqa: T201
    elif not answer.problem:
        print_lines(answer.lines)
    if answer.problem:
        print(without_secrets(answer.problem), file=sys.stderr)  # noqa: T201
    return FAILED if answer.problem else DONE


def print_lines(lines: Sequence[RenderableType]) -> None:
    """Broken at words where the terminal ends. Where there is none, as long as they are, and bare text."""
    if not lines:
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    is_terminal = console.is_terminal
    if not is_terminal:
        console.width = PIPED_WIDTH
    with console.capture() as captured:
        for line in lines:
            if isinstance(line, str):
                console.print(Text(line), soft_wrap=not is_terminal)
            else:
                console.print(line)
    shown = without_secrets(captured.get())
    sys.stdout.write(shown if is_terminal else "".join(f"{line.rstrip()}\n" for line in shown.splitlines()))
    sys.stdout.flush()


def refused_arguments(problem: click.ClickException) -> int:
    """Says on stderr what is wrong with the command line, without a secret that stood in it. Returns the exit code."""
    said = io.StringIO()
    problem.show(file=said)
    print(without_secrets(said.getvalue()), end="", file=sys.stderr)  # noqa: T201
    return problem.exit_code


def hide_secrets_in_tracebacks() -> None:
    """Of whatever ends the program before, after or beside its logging."""

    def show(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
        lines = traceback.format_exception(kind, problem, trace)
        print(without_secrets("".join(lines)), end="", file=sys.stderr)  # noqa: T201

    sys.excepthook = show


# ---
# Signals.


def end_by_signals() -> None:
    """While it loads: as process 1 a signal without a handler is ignored, and Ctrl-C deserves no stack trace."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: os._exit(128 + received))


def run_until_signal(
    work: Callable[[asyncio.Event], Awaitable[None]],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    leave_within_s: float = LEAVE_WITHIN_S,
) -> int:
    """Run `work` in a new event loop; SIGTERM and SIGINT set its stop event. Returns the exit code.

    Works as PID 1 too, where signals without a handler are ignored. A second signal, or `leave_within_s` after the
    first, ends the process at once: a thread that hangs must not keep a stopped program alive. loop_factory: None for
    the loop of this system.
    """
    received: list[int] = []

    async def main() -> int:
        stop = asyncio.Event()

        def on_signal(number: int) -> None:
            received.append(number)
            if len(received) > 1:
                os._exit(128 + number)
            _leave_later(128 + number, leave_within_s)
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            _handle(loop, number, on_signal)
        try:
            await work(stop)
        except ConfigError as problem:
            return told(problem)
        except AltmonitorError as problem:
            log.critical("%s", problem)
            return _code_of(problem)
        except Exception:
            log.critical("stopped by an unexpected error", exc_info=True)
            return FAILED
        return 128 + received[0] if received else DONE

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        code = runner.run(main())
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _handle(loop: asyncio.AbstractEventLoop, number: int, handler: Callable[[int], None]) -> None:
    try:
        loop.add_signal_handler(number, handler, number)
    except NotImplementedError:  # Windows: between two instructions of whatever runs, so it is handed to the loop
        signal.signal(number, lambda received, _frame: loop.call_soon_threadsafe(handler, received))


def _leave_later(code: int, within_s: float) -> None:
    timer = threading.Timer(within_s, os._exit, (code,))
    timer.daemon = True
    timer.start()
