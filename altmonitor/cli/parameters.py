"""Options and kinds of arguments that several sub-commands share. Everything heavy is imported inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from altmonitor.cli.common import ENV_FILE, Number
from altmonitor.core.types import LANGUAGES, Venue
from altmonitor.positioning.units import PERIODS

LANGUAGE = click.Choice(LANGUAGES)
VENUE = click.Choice(get_args(Venue))
PERIOD = click.Choice(PERIODS)
SERIES = click.Choice(["smart-money", "top-traders", "open-interest"])
OUT_FILE = click.Path(path_type=Path, dir_okay=False)

env_file_option = click.option(
    "--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read."
)
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
minutes_option = click.option(
    "--minutes", type=Number(1, 43_200), default=60.0, show_default=True, help="How far back."
)


class KindOfAlert(click.ParamType[str]):
    """Every kind there is; which those are is loaded when somebody asks."""

    name = "kind"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return self._choice().get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._choice().convert(value, param, ctx)

    @staticmethod
    def _choice() -> click.Choice[str]:
        from altmonitor.core.alert import Kind

        return click.Choice(get_args(Kind))


class SymbolFirst(click.Group):
    """`who BTC` is `who show BTC`: a first word that is no sub-command (they are lower case) is a symbol."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


def machine_options(command: Any) -> Any:
    """--json and --env-file."""
    return json_option(env_file_option(command))


class LazyCommands(click.Group):
    """Its sub-commands are rows of the table of operations, loaded when somebody asks for one."""

    def __init__(self, *args: Any, load: Callable[[Any], dict[str, click.Command]], **options: Any) -> None:
        """load: what adds --json and --env-file → the sub-commands by name."""
        super().__init__(*args, **options)
        self._load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, command in self._load(machine_options).items() if not command.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._load(machine_options).get(cmd_name)
