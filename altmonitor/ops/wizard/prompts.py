"""Asking a person at a terminal. Every question understands "back" and "quit"; Ctrl-C and Ctrl-D quit too."""

from __future__ import annotations

import getpass
import importlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from altmonitor.ops.wizard.texts import Texts
from altmonitor.ops.wrapping import width_of, wrapped

BACK_WORDS = frozenset({"b", "back", "<", "назад", "返回"})
QUIT_WORDS = frozenset({"q", "quit", "exit", "выход", "退出"})
YES_WORDS = frozenset({"y", "yes", "д", "да", "是"})
NO_WORDS = frozenset({"n", "no", "н", "нет", "否"})


ANSWER_COLUMNS = 12
"""Beside a question, so that what is typed does not begin at the edge."""


class Back(Exception):
    """The person wants the step before, or the one of this name."""

    def __init__(self, to: str = "") -> None:
        self.to = to
        super().__init__(to)


class Quit(Exception):
    """The person wants to stop here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    key: str
    label: str


class PlainTerminal:
    """Nothing but the standard library. The questions raise Back or Quit when that is the answer.

    texts: replaced when the language is chosen.
    """

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        if sys.stdin.isatty():
            _line_editing()

    def say(self, text: str, *, sign: str = "") -> None:
        """sign: ✓ ✗ or another, in front of the first line."""
        print(self._fitting(f"{sign} {text}" if sign else text), flush=True)  # noqa: T201

    def progress(self, text: str) -> None:
        """One line that is kept up to date; '' takes it away. Nothing where nobody watches."""
        if sys.stdout.isatty():
            shown = text if width_of(text) < self._width() else text[: self._width() // 2 - 2] + "…"
            sys.stdout.write(f"\r\x1b[K{shown}")
            sys.stdout.flush()

    def _width(self) -> int:
        return shutil.get_terminal_size().columns

    def _fitting(self, text: str) -> str:
        return wrapped(text, self._width())

    def ask(self, prompt: str, *, default: str = "", is_hidden: bool = False) -> str:
        shown = self.texts.say("prompt_default" if default else "prompt", prompt=prompt, default=default)
        space = shown[len(shown.rstrip()) :]
        shown = wrapped(shown.rstrip(), self._width() - ANSWER_COLUMNS) + space
        before, line_break, shown = shown.rpartition("\n")  # the editing of a line counts its columns from the first
        if line_break:
            self.say(before)
        try:
            said = (getpass.getpass(shown) if is_hidden else input(shown)).strip()
        except EOFError:
            self.say("")
            raise Quit from None
        word = said.casefold()
        if word in BACK_WORDS:
            raise Back
        if word in QUIT_WORDS:
            raise Quit
        return said or default

    def choose(self, title: str, options: Sequence[Option], *, default: str) -> str:
        """The key of an option, chosen by number or by key. default: '' for none, then Enter alone chooses nothing."""
        self.say(title)
        for number, option in enumerate(options, 1):
            self.say(f"  {number}) {option.label}")
        usual = str([option.key for option in options].index(default) + 1) if default else ""
        while True:
            said = self.ask(self.texts.say("choose"), default=usual)
            if said.isascii() and said.isdigit() and 1 <= int(said) <= len(options):
                return options[int(said) - 1].key
            if any(option.key == said.casefold() for option in options):
                return said.casefold()
            self.say(self.texts.say("choose_again", count=len(options)), sign="✗")

    def confirm(self, question: str, *, default: bool = True) -> bool:
        while True:
            said = self.ask(f"{question} {self.texts.say('yes_no' if default else 'no_yes')}").casefold()
            if said in YES_WORDS or (not said and default):
                return True
            if said in NO_WORDS or not said:
                return False
            self.say(self.texts.say("yes_or_no"), sign="✗")


class ArrowTerminal(PlainTerminal):
    """Menus with arrow keys (questionary) and colours (rich) where those are installed."""

    _COLOURS = {"✓": "green", "✗": "red", "!": "yellow"}  # noqa: RUF012 — a constant table

    def __init__(self, texts: Texts, *, questionary: ModuleType | None, rich_console: ModuleType | None) -> None:
        super().__init__(texts)
        self._questionary = questionary
        self._console = None if rich_console is None else rich_console.Console(highlight=False, soft_wrap=True)

    def say(self, text: str, *, sign: str = "") -> None:
        if self._console is None:
            super().say(text, sign=sign)
            return
        self._console.print(
            self._fitting(f"{sign} {text}" if sign else text), style=self._COLOURS.get(sign), markup=False
        )

    def choose(self, title: str, options: Sequence[Option], *, default: str) -> str:
        if self._questionary is None or not default:  # a menu always points at something, and Enter takes it
            return super().choose(title, options, default=default)
        make = self._questionary.Choice
        choices = [make(option.label, value=option.key) for option in options]
        choices += [make(self.texts.say("go_back"), value="<"), make(self.texts.say("leave"), value="q")]
        asked = self._questionary.select(
            self._fitting(title), choices=choices, default=default, instruction=self.texts.say("arrow_keys")
        )
        chosen = str(asked.unsafe_ask())
        if chosen in ("<", "q"):
            raise Back if chosen == "<" else Quit
        return chosen


def open_terminal(texts: Texts) -> PlainTerminal:
    questionary, rich_console = _installed("questionary"), _installed("rich.console")
    if questionary is None and rich_console is None:
        return PlainTerminal(texts)
    return ArrowTerminal(texts, questionary=questionary, rich_console=rich_console)


def _installed(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _line_editing() -> None:
    """Arrow keys in `input`, where Python was built with it."""
    _installed("readline")
