"""`altmonitor doctor`: look, tell, and say READY or NOT READY."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from altmonitor import __version__
from altmonitor import config as configuration
from altmonitor.config import Config
from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.env_file import read_env_text
from altmonitor.core.errors import AltmonitorError, ConfigError
from altmonitor.core.log_file import kept_lines
from altmonitor.core.redaction import secrets_in
from altmonitor.ops.doctor import bundle
from altmonitor.ops.doctor import report as render
from altmonitor.ops.doctor.bundle import PublicText, ids_in
from altmonitor.ops.doctor.names import hosts_in, names_of_this_machine
from altmonitor.ops.doctor.report import CheckResult, CheckVerdict, Report, run
from altmonitor.ops.wizard import env_file as env_files
from altmonitor.ops.wrapping import wrapped
from altmonitor.settings.variables import SECRET_VARIABLES, VARIABLES

DONE, FAILED, WRONG_CONFIGURATION = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRequest:
    """Options of `altmonitor doctor`; see its help."""

    env_file: Path
    is_live: bool = False
    as_json: bool = False
    bundle: Path | None = None


def doctor(wanted: DoctorRequest) -> int:
    """Returns the exit code: 0 READY, 1 NOT READY, 2 when the configuration itself is wrong."""
    logging.getLogger().addHandler(logging.NullHandler())
    settings = read_settings(wanted.env_file, os.environ)
    tables = (os.environ, settings.given)
    config = settings.config
    folders = {Path.cwd(), config.db_file.absolute().parent, config.state_file.absolute().parent}
    public = PublicText(
        secrets_in(*tables, ours=SECRET_VARIABLES),
        ids=ids_in(*tables),
        home=str(Path.home()),
        folders=map(str, folders),
        names=names_of_this_machine() | hosts_in(settings.given),
    )
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0

    def notify(finding: CheckResult) -> None:
        if not wanted.as_json:
            print(public.without_secrets(render.line(finding, is_coloured=is_coloured, width=width)), flush=True)  # noqa: T201

    clock = SystemClock()
    checking = _look(wanted, settings, clock=clock, notify=notify)
    report = Report(version=__version__, at_ms=clock.now_ms(), findings=asyncio.run(checking))
    if wanted.as_json:
        print(public.without_secrets(json.dumps(render.as_json(report), ensure_ascii=False, indent=1)))  # noqa: T201
    else:
        verdict = render.verdict(report)
        print(f"\n{wrapped(verdict, width) if width else verdict}")  # noqa: T201
    if wanted.bundle is not None:
        try:
            log = [*kept_lines(config.smart_money_db_path), *kept_lines(config.db_file)]
            bundle.write(wanted.bundle, bundle.content(report, settings.given, public, log=log))
        except AltmonitorError as problem:
            print(public.without_secrets(str(problem)), file=sys.stderr)  # noqa: T201
            return FAILED
        name = public.without_secrets(str(wanted.bundle))
        print(f"{name}: without secrets, ids, names and addresses; to be shown to anybody", file=sys.stderr)  # noqa: T201
    if settings.problems:
        return WRONG_CONFIGURATION
    return DONE if report.is_ready else FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorSettings:
    """given: the environment over the file, every name. config: what is wrong in them replaced by its default.

    hindrances: variables for which nothing outside can be asked, whatever the network is like.
    """

    given: Mapping[str, str]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    config: Config
    hindrances: tuple[str, ...] = ()


def read_settings(env_file: Path, environ: Mapping[str, str]) -> DoctorSettings:
    """Proxies named in the file are put into the real environment, where the network libraries read them."""
    try:
        given = {name: text for name, text in env_files.values(read_env_text(env_file)).items() if text.strip()}
    except ConfigError as problem:
        config, _ = configuration.load({}, env_file=None)
        return DoctorSettings(given={}, problems=tuple(problem.problems), warnings=(), config=config)
    for name, text in configuration.variables_for_libraries(env_file).items():
        os.environ.setdefault(name, text)
    given |= {name: text for name, text in environ.items() if text.strip()}
    try:
        config, warnings = configuration.load(environ, env_file=env_file)
    except ConfigError as problem:
        return DoctorSettings(
            given=given,
            problems=tuple(problem.problems),
            warnings=(),
            config=_allowed_part(given),
            hindrances=tuple(line.partition("=")[0] for line in configuration.problems_of_libraries(os.environ)),
        )
    return DoctorSettings(given=given, problems=(), warnings=tuple(warnings), config=config)


def _allowed_part(given: Mapping[str, str]) -> Config:
    allowed: dict[str, str] = {}
    for variable in VARIABLES:
        with suppress(ValueError):
            variable.read(given.get(variable.name, "").strip() or variable.default)
            allowed[variable.name] = given.get(variable.name, "")
    allowed.pop("API_HOST", None)  # it may be refused for what another variable lacks
    return configuration.load(allowed, env_file=None)[0]


async def _look(
    wanted: DoctorRequest, settings: DoctorSettings, *, clock: Clock, notify: Callable[[CheckResult], None]
) -> tuple[CheckResult, ...]:
    """Libraries first: what looks at the network is made of them."""
    from altmonitor.ops.doctor.checks import configuration_check, file_checks, live_check, local_checks

    first = [*local_checks(), configuration_check(settings.problems, settings.warnings)]
    found = await run(first, clock=clock, notify=notify)
    if any(finding.name == "libraries" and finding.verdict is CheckVerdict.FAILED for finding in found):
        return found
    from altmonitor.ops.doctor.outside import OutsideDeps, look_outside

    files = file_checks(settings.config, wanted.env_file, clock=clock)
    last = [live_check(settings.config)] if wanted.is_live else []
    destination = OutsideDeps(
        config=settings.config, given=settings.given, clock=clock, hindrance=", ".join(settings.hindrances)
    )
    return found + await look_outside(destination, files, last, notify=notify)
