"""state.json: what commands changed, and nothing else, so that editing the environment still changes the rest.

Reading is all or nothing: a file with one wrong value is damaged as a whole, kept aside and reported. Writing is atomic
and finished when it returns: temporary file, fsync, rename, fsync of the directory.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import stat
import tempfile
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from altmonitor.config import Config
from altmonitor.core.causes import CauseCode, file_cause_code
from altmonitor.core.clock import Clock
from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.core.files import close_to_others
from altmonitor.core.types import Destination
from altmonitor.interfaces.storage import StateStore
from altmonitor.settings.audience import Overrides
from altmonitor.settings.settings import SETTINGS, Settings
from altmonitor.settings.state import EnvironmentDefaults, State
from altmonitor.storage.overrides_format import StateDamaged
from altmonitor.storage.state_format import BYTES_MAX, decode, encode

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedState:
    """problem: one line for the operator when the file was damaged, '' otherwise. aside: where it
    was kept, a file or a key of the table meta; None: it was left.

    unwritable: one line when changes could not be saved as things stand, '' otherwise.
    """

    state: State
    problem: str = ""
    aside: Path | str | None = None
    unwritable: str = ""

    @property
    def overrides(self) -> Overrides:
        """Of the main destination."""
        return self.state.main


class LoadableState(StateStore, Protocol):
    """Where a monitor keeps what commands changed. `str()` names it for a person."""

    async def load(self) -> LoadedState:
        """What is damaged is put aside and told. Raises: NewerSchemaError, StorageError."""


def base_settings(config: Config) -> Settings:
    """What the environment says."""
    numbers: dict[str, Any] = {
        setting.key: getattr(config, setting.variable.lower()) for setting in SETTINGS if setting.variable
    }
    is_adaptive = config.threshold_mode == "adaptive"
    return Settings(
        **numbers,
        vol_burst_lookback=config.vol_burst_lookback,
        rolling=config.rolling,
        vol_burst_early=config.vol_burst_early,
        adaptive_sigmas=config.adaptive_sigmas if is_adaptive else 0.0,
        adaptive_floor_pct=config.adaptive_floor_pct,
        adaptive_volume_mult=config.adaptive_volume_mult if is_adaptive else 0.0,
        adaptive_volume_floor=config.adaptive_volume_floor,
    )


def home_of(config: Config, destinations: Sequence[Destination] | None = None) -> EnvironmentDefaults:
    """What the environment says about destinations. destinations: those instead, the main one first."""
    chats = config.chats if destinations is None else tuple(destinations)
    return EnvironmentDefaults(
        destinations=chats,
        presets=MappingProxyType({at: name for at, name in config.preset_channels.items() if at in chats}),
        lang=config.alert_lang,
        tz=config.alert_tz,
        budget_per_day=config.alert_budget_per_day,
        outcome_line=config.outcome_line,
    )


def which_won(base: Settings, overrides: Overrides) -> list[str]:
    """One line per number that state.json decides, for the log at the start; the environment decides the others."""
    numbers = overrides.numbers_in_force
    return [
        f"{setting.key} = {numbers[setting.key]:g} from state.json"
        + (f" (the environment's {setting.variable} is {setting.of(base):g})" if setting.variable else "")
        for setting in SETTINGS
        if setting.key in numbers
    ]


class StateFile:
    """The file at `path`; a symbolic link stays one. One writer per process."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._turn = asyncio.Lock()
        self._writing = threading.Lock()
        self._must_not_write = ""

    def __str__(self) -> str:
        return str(self._path)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._turn:
            yield

    async def load(self) -> LoadedState:
        """Nothing changed yet when there is no file. A damaged one is moved to `<name>.corrupt-<unix seconds>`.

        Raises:
            NewerSchemaError: written by a newer altmonitor; the file is left as it is.
            StorageError: the file cannot be read; it is left as it is.
        """
        return await asyncio.to_thread(self._load)

    async def look(self) -> State:
        """For a program beside the monitor: nothing on disk is changed, whatever is found.

        Raises: StorageError, also for a file that is damaged or of a newer altmonitor.
        """

        def read() -> State:
            content = self._read()
            return State() if content is None else decode(content)

        try:
            return await asyncio.to_thread(read)
        except (StateDamaged, NewerSchemaError) as problem:
            raise StorageError(f"{self._path} {problem}", code=CauseCode.DAMAGED) from problem

    async def save(self, state: State, *, who: str) -> None:
        """Raises StorageError: the file is as it was before."""
        content = encode(state)
        await asyncio.to_thread(self._write, content)
        _log.info("settings saved for %r: %s", who, " ".join(content.decode().split()))

    # --- in a thread ---------------------------------------------------------------------------------------------

    def _load(self) -> LoadedState:
        try:
            content = self._read()
            state = State() if content is None else decode(content)
            self._close_to_others()
            return LoadedState(state=state, unwritable=self._why_unwritable())
        except StateDamaged as damage:
            return self._set_aside(str(damage))
        except NewerSchemaError as problem:
            self._must_not_write = f"{self._path} {problem}"
            raise NewerSchemaError(f"{self._must_not_write}: update altmonitor, or move the file away") from None
        except StorageError as problem:
            self._must_not_write = str(problem)
            raise

    def _read(self) -> bytes | None:
        """None without a file."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not hold the start up
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise StorageError(f"{self._path} is not a file: set STATE_FILE to a file")
                return file.read(BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise StorageError(
                f"{self._path} cannot be read ({problem.strerror}): {_way_out(problem)}", code=file_cause_code(problem)
            ) from problem

    def _close_to_others(self) -> None:
        """It was readable by all in older versions; what was kept aside still may be."""
        real = Path(os.path.realpath(self._path))
        close_to_others(real)
        for aside in real.parent.glob("*.corrupt-*"):
            if aside.name.startswith(f"{real.name}.corrupt-") and not aside.is_symlink():
                close_to_others(aside)

    def _why_unwritable(self) -> str:
        """Tried with a file that leaves nothing behind, so that it is known before the first command needs it."""
        try:
            with tempfile.TemporaryFile(dir=Path(os.path.realpath(self._path)).parent):
                return ""
        except OSError as problem:
            return f"{self._path} cannot be written ({problem.strerror}): {_way_out(problem)}"

    def _set_aside(self, damage: str) -> LoadedState:
        real = Path(os.path.realpath(self._path))
        second = self._clock.now_ms() // 1000
        while os.path.lexists(aside := real.with_name(f"{real.name}.corrupt-{second}")):
            second += 1
        try:
            os.rename(real, aside)
        except OSError as problem:
            self._must_not_write = f"{self._path} is damaged and could not be kept aside ({problem.strerror})"
            line = f"{self._must_not_write}: {damage}; the environment's values are used and changes are refused"
            return LoadedState(state=State(), problem=line)
        line = f"{self._path} is damaged ({damage}): kept as {aside.name}, the environment's values are used"
        return LoadedState(state=State(), problem=line, aside=aside)

    def _write(self, content: bytes) -> None:
        if self._must_not_write:
            raise StorageError(f"{self._must_not_write}: move it away and start again", code=CauseCode.DAMAGED)
        real = Path(os.path.realpath(self._path))
        temporary = real.with_name(f"{real.name}.tmp")
        with self._writing:  # a cancelled save goes on in its thread; the next one must not share its temporary file
            try:
                temporary.unlink(missing_ok=True)
                with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, real)
                _sync_directory(real.parent)
            except OSError as problem:
                _forget(temporary)
                raise StorageError(
                    f"{self._path} cannot be written ({problem.strerror}): {_way_out(problem)}",
                    code=file_cause_code(problem),
                ) from problem


async def stored_state(config: Config, *, clock: Clock) -> State:
    """What the chat has changed, for a program beside the monitor. Raises: StorageError."""
    if config.database_url:
        from altmonitor.storage.postgres.reader import postgres_state

        return await postgres_state(config.database_url)
    return await StateFile(config.state_file, clock).look()


def _sync_directory(directory: Path) -> None:
    """Without it the rename itself may be lost when the power goes. The rename is done: not every disk can do more."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as problem:
        _log.warning("%s cannot be synchronised: %s", directory, problem.strerror)


def _forget(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError as problem:
        _log.debug("%s stays behind: %s", temporary, problem.strerror)


def _way_out(problem: OSError) -> str:
    match problem.errno:
        case errno.EBUSY:
            return "it is mounted as a single file; mount its directory instead"
        case errno.ENOSPC | errno.EDQUOT:
            return "free some space"
        case errno.EROFS:
            return "the disk is read-only; set STATE_FILE to a place that can be written"
        case errno.ENOENT | errno.ENOTDIR:
            return "its directory does not exist; create it or set STATE_FILE"
        case errno.EISDIR:
            return "it is a directory; set STATE_FILE to a file"
        case _:
            return "check the rights of the file and its directory, or set STATE_FILE"
