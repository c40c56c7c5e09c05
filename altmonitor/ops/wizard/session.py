"""The surroundings of a wizard's run: the terminal, the file, and a way to ask Telegram and to explain its silence."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.env_file import read_env_text
from altmonitor.core.errors import ChatUnreachable, RetryLater
from altmonitor.core.proxies import proxy_to
from altmonitor.core.types import Secret
from altmonitor.ops import telegram as reach
from altmonitor.ops.wizard import env_file
from altmonitor.ops.wizard.answers import proxy_in
from altmonitor.ops.wizard.prompts import Back, Option, PlainTerminal
from altmonitor.settings.variables import VARIABLES
from altmonitor.telegram.bot import SOMEBODY_WAITS, TelegramChannel

T = TypeVar("T")
DEFAULTS = {variable.name: variable.default for variable in VARIABLES}


@dataclass(slots=True, kw_only=True)
class WizardSession:
    """environ: the real environment; a proxy typed in is put there, where every network library reads it.

    is_written: `.env` holds the answers.
    """

    terminal: PlainTerminal
    folder: Path
    env_file: Path
    environ: MutableMapping[str, str]
    clock: Clock
    runner: asyncio.Runner
    proxy: str = ""
    is_written: bool = False
    given: dict[str, str] = field(default_factory=dict)

    def read_env_file(self) -> None:
        """Raises ConfigError."""
        self.given = {name: text for name, text in env_file.values(read_env_text(self.env_file)).items() if text}

    def setting(self, name: str) -> str:
        """As the monitor would see it."""
        return self.environ.get(name) or self.given.get(name) or DEFAULTS.get(name, "")

    def say(self, key: str, *, sign: str = "", **names: object) -> None:
        self.terminal.say(self.text(key, **names), sign=sign)

    def text(self, key: str, **names: object) -> str:
        return self.terminal.texts.say(key, **names)

    def command(self, sub_command: str) -> str:
        """How a person types it here."""
        is_usual = self.env_file.resolve() == (self.folder / ".env").resolve()
        named = () if is_usual else ("--env-file", str(self.env_file))
        beside = Path(sys.executable).with_name("altmonitor")
        if shutil.which("altmonitor", path=self.environ.get("PATH")):
            program: tuple[str, ...] = ("altmonitor",)
        elif beside.exists():
            is_inside = beside.is_relative_to(self.folder)
            program = (str(beside.relative_to(self.folder) if is_inside else beside),)
        else:
            program = (sys.executable, "-m", "altmonitor")
        return shlex.join((*program, sub_command, *named))

    def menu(self, title: str, *keys: str) -> str:
        """Options whose labels are texts of the same names; the first is the usual one."""
        options = [Option(key=key, label=self.text(key)) for key in keys]
        return self.terminal.choose(title, options, default=keys[0])

    def ask_bot(self, token: Secret, question: Callable[[TelegramChannel], Awaitable[T]]) -> T:
        """Until Telegram answers, yes or no; its silence is explained and the person decides how to go on.

        Raises every DeliveryError but ChatUnreachable and RetryLater; Back and Quit.
        """
        while True:
            try:
                return self._shown(self._ask(token, question))
            except RetryLater as problem:
                self.say("retry_later", sign="✗", seconds=round(problem.retry_after_s))
                self.menu(self.text("go_on"), "try_again")
            except ChatUnreachable as problem:
                self._explain(problem)

    def _shown(self, work: Coroutine[Any, Any, T]) -> T:
        """With a line that says that something is going on."""
        self.terminal.progress(self.text("telegram_asking"))
        try:
            return self.runner.run(work)
        finally:
            self.terminal.progress("")

    async def _ask(self, token: Secret, question: Callable[[TelegramChannel], Awaitable[T]]) -> T:
        channel = TelegramChannel(
            token, api_url=self.setting("TELEGRAM_API_URL"), clock=self.clock, timeouts=SOMEBODY_WAITS
        )
        await channel.start()
        try:
            return await question(channel)
        finally:
            await channel.stop()

    def _explain(self, problem: ChatUnreachable) -> None:
        url = self.setting("TELEGRAM_API_URL")
        trouble, host = self._shown(self._look_around(problem)), reach.address_of(url)
        proxy = proxy_to(url)
        shown = str(reach.address_of(proxy)) if proxy else ""
        self.say(f"trouble_{trouble.value}", sign="✗", host=host, proxy=shown)
        choice = self.menu(self.text("go_on"), "try_again", "type_proxy")
        if choice == "type_proxy":
            self._take_proxy()

    async def _look_around(self, problem: ChatUnreachable) -> reach.Trouble:
        url, other_url = self.setting("TELEGRAM_API_URL"), self.setting("BINANCE_REST_URL")
        telegram, elsewhere = await asyncio.gather(
            reach.reach(reach.address_of(url), clock=self.clock),
            reach.reach(reach.address_of(other_url), clock=self.clock),
        )
        return reach.judge(
            telegram=telegram,
            elsewhere=elsewhere,
            has_proxy=proxy_to(url) is not None,
            is_answered_by_stranger=problem.cause.code is CauseCode.NOT_TELEGRAM,
        )

    def _take_proxy(self) -> None:
        while True:
            try:
                typed = self.terminal.ask(self.text("proxy_prompt"))
            except Back:
                return
            proxy = proxy_in(typed)
            if proxy is not None:
                self.proxy = proxy
                for name in ("HTTPS_PROXY", "HTTP_PROXY"):
                    self.environ[name] = proxy
                return
            self.say("proxy_wrong", sign="✗")
