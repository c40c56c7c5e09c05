"""Arrow-key menus and colours where questionary and rich are installed; plain prompts where they are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from altmonitor.ops.wizard.prompts import ArrowTerminal, Back, Option, PlainTerminal, Quit, open_terminal
from altmonitor.ops.wizard.texts import Texts

OPTIONS = (Option(key="calm", label="Calm"), Option(key="normal", label="Normal"))


@dataclass(slots=True)
class Select:
    """What questionary gives for a menu: answered with the choice at this place."""

    values: list[str]
    at: int

    def unsafe_ask(self) -> str:
        if self.at < 0:
            raise KeyboardInterrupt
        return self.values[self.at]


@dataclass(slots=True)
class Menus:
    """Stands in for the questionary module."""

    at: int
    asked: list[dict[str, Any]] = field(default_factory=list)

    def Choice(self, title: str, *, value: str) -> tuple[str, str]:  # noqa: N802 — the name of the library
        return title, value

    def select(self, title: str, *, choices: list[tuple[str, str]], default: str, instruction: str) -> Select:
        labels = [label for label, _ in choices]
        self.asked.append({"title": title, "labels": labels, "default": default, "instruction": instruction})
        return Select([value for _, value in choices], self.at)


def arrows(at: int) -> tuple[ArrowTerminal, Menus]:
    menus = Menus(at)
    module: Any = menus
    return ArrowTerminal(Texts("en"), questionary=module, rich_console=None), menus


def test_a_menu_offers_the_options_and_the_ways_out() -> None:
    terminal, menus = arrows(1)
    assert terminal.choose("How?", OPTIONS, default="normal") == "normal"
    labels = ["Calm", "Normal", "← back", "quit"]
    assert menus.asked == [
        {"title": "How?", "labels": labels, "default": "normal", "instruction": "(arrow keys, then Enter)"}
    ]


def test_without_a_default_a_number_has_to_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A menu points at its first line, and Enter would take it."""
    terminal, menus = arrows(0)
    typed = iter(["", "3", "2"])
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    assert terminal.choose("How?", OPTIONS, default="") == "normal"
    assert menus.asked == []


@pytest.mark.parametrize(("at", "expected"), [(2, Back), (3, Quit), (-1, KeyboardInterrupt)])
def test_back_quit_and_ctrl_c_mean_the_same_as_at_a_plain_prompt(at: int, expected: type[BaseException]) -> None:
    terminal, _ = arrows(at)
    with pytest.raises(expected):
        terminal.choose("How?", OPTIONS, default="calm")


def test_colours_leave_the_text_as_it_is() -> None:
    said: list[tuple[str, str | None, bool]] = []

    class Console:
        def __init__(self, **options: object) -> None:
            assert options == {"highlight": False, "soft_wrap": True}

        def print(self, text: str, *, style: str | None, markup: bool) -> None:
            said.append((text, style, markup))

    rich_console = ModuleType("rich.console")
    rich_console.__dict__["Console"] = Console
    terminal = ArrowTerminal(Texts("en"), questionary=None, rich_console=rich_console)
    terminal.say("[bold]not markup[/bold]")
    terminal.say("good", sign="✓")
    terminal.say("bad", sign="✗")
    assert said == [("[bold]not markup[/bold]", None, False), ("✓ good", "green", False), ("✗ bad", "red", False)]


def test_with_neither_installed_the_prompts_are_plain() -> None:
    terminal = open_terminal(Texts("zh"))
    assert isinstance(terminal, PlainTerminal)
    assert terminal.texts.say("keep") == "保留吗？"
