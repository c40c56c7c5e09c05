"""Live settings: what is in force for the main chat, and changing it as the chat would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from altmonitor.commands.replies import (
    NumbersChanged,
    SaveFailed,
    Unrecorded,
    plain,
)
from altmonitor.core.errors import StorageError
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, Forbidden, NoMonitor, Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Setting, Settings, Sign
from altmonitor.settings.state import SettingsStore


class NoArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SettingValue(msgspec.Struct, frozen=True, kw_only=True):
    """One number. value: in force, in `unit`. environment: what it is without a command's change. low, high: inclusive
    bounds of its size. has_off: 0 switches it off. command: the chat's, without the slash."""

    key: str
    unit: str
    value: float
    environment: float
    low: float
    high: float
    has_off: bool
    command: str


class AdaptiveBounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that follow from each contract: of prices `sigmas` of its usual minute, at least `floor_pct` percent; of
    volume `volume_mult` of its busy minutes (95th percentile), at least `volume_floor` medians; 0: that kind has those
    that are set, as long as too few minutes are known both have."""

    sigmas: float
    floor_pct: float
    volume_mult: float
    volume_floor: float


class SettingsInForce(msgspec.Struct, frozen=True, kw_only=True):
    """Of the main chat. watchlist: empty means every contract. muted: symbol → unix second it ends, null: for good.

    symbols: contracts with numbers of their own. kinds: what is told. quiet: `23:00-07:00`. budget_per_day: 0: none.
    outcome_line: alerts say how those like them went on. adaptive: null: the numbers hold for every contract.
    """

    numbers: tuple[SettingValue, ...]
    symbols: dict[str, dict[str, float]]
    watchlist: tuple[str, ...]
    muted: dict[str, int | None]
    kinds: tuple[str, ...]
    lang: str
    tz: str
    quiet: str | None
    budget_per_day: int
    outcome_line: bool = True
    adaptive: AdaptiveBounds | None = None


def settings_in_force(store: SettingsStore) -> SettingsInForce:
    audience = store.audiences[0]
    return SettingsInForce(
        numbers=tuple(_value(setting, audience, store) for setting in SETTINGS),
        symbols={
            symbol: {setting.key: setting.of(own) for setting in SETTINGS if setting.is_per_symbol}
            for symbol, own in sorted(audience.settings.of_symbol.items())
        },
        watchlist=tuple(sorted(audience.settings.watchlist)),
        muted=dict(sorted(audience.settings.muted.items())),
        kinds=tuple(sorted(audience.kinds)),
        lang=audience.lang,
        tz=audience.tz,
        quiet=None if audience.quiet is None else str(audience.quiet),
        budget_per_day=audience.budget_per_day,
        outcome_line=audience.outcome_line,
        adaptive=_adaptive(audience.settings),
    )


def _adaptive(settings: Settings) -> AdaptiveBounds | None:
    if not settings.is_adaptive:
        return None
    return AdaptiveBounds(
        sigmas=settings.adaptive_sigmas,
        floor_pct=settings.adaptive_floor_pct,
        volume_mult=settings.adaptive_volume_mult,
        volume_floor=settings.adaptive_volume_floor,
    )


def _value(setting: Setting, audience: Audience, store: SettingsStore) -> SettingValue:
    return SettingValue(
        key=setting.key,
        unit=setting.unit.suffixes[0],
        value=setting.of(audience.settings),
        environment=setting.of(store.base),
        low=setting.low,
        high=setting.high,
        has_off=setting.has_off,
        command=setting.command,
    )


async def get_settings(context: OperationContext, arguments: NoArguments) -> SettingsInForce:
    return settings_in_force(await context.settings())


# --- changing -----------------------------------------------------------------------------------------------------


def _kept(setting: Setting) -> Any:
    """The type of one number as it is kept: a threshold for falls is below zero, 0 switches off what can be."""
    low, high = (-setting.high, -setting.low) if setting.sign is Sign.NEGATED else (setting.low, setting.high)
    words = f"{setting.unit.suffixes[0]}; what /{setting.command} sets"
    meta = msgspec.Meta(
        ge=0 if setting.has_off else low,
        le=high,
        description=words + ("; 0 switches it off" if setting.has_off else ""),
        extra_json_schema={"anyOf": [{"const": 0}, {"minimum": low}]} if setting.has_off and low > 0 else {},
    )
    return Annotated[int if setting.is_whole else float, meta]


SettingsChange = msgspec.defstruct(
    "SettingsChange",
    [(setting.key, _kept(setting) | msgspec.UnsetType, msgspec.UNSET) for setting in SETTINGS],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    module=__name__,
)
"""One field per row of `SETTINGS`; what is left out stays as it is."""


class NumberChanged(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    unit: str
    old: float
    new: float


class SettingsChanged(msgspec.Struct, frozen=True, kw_only=True):
    """changes: each number that was named, also where old equals new. warning: null when all is well, else that the
    change holds and is saved but stands in no record, so /undo does not know it."""

    changes: tuple[NumberChanged, ...]
    warning: str | None
    settings: SettingsInForce


async def set_settings(context: OperationContext, arguments: msgspec.Struct) -> SettingsChanged:
    """Saved, in force from the next update on, and recorded, as the chat's commands are."""
    if context.change_settings is None and context.monitor is None:
        raise NoMonitor("settings are changed by a running monitor: start `altmonitor run`")
    if context.change_settings is None:
        raise Forbidden("settings cannot be changed here: that needs a running monitor, its chat and API_TOKEN")
    numbers = {
        name: value for name in SETTING_OF if (value := getattr(arguments, name, msgspec.UNSET)) is not msgspec.UNSET
    }
    for key, value in numbers.items():
        if not SETTING_OF[key].accepts(value):
            setting = SETTING_OF[key]
            raise BadArgument(f"{key}: {value!r} is not in {setting.low:g} to {setting.high:g}, 0 for off")
    if not numbers:
        return SettingsChanged(changes=(), warning=None, settings=settings_in_force(await context.settings()))
    words = " ".join(f"{SETTING_OF[key].key}={value:g}" for key, value in numbers.items())
    reply = await context.change_settings(numbers, words)
    if reply is None:
        raise Forbidden("this client may not change settings")
    told = plain(reply)
    if isinstance(told, SaveFailed):
        raise StorageError(told.problem.text, code=told.problem.code)
    if not isinstance(told, NumbersChanged):
        raise Unavailable(f"the change was not made: {type(told).__name__}")
    return SettingsChanged(
        changes=tuple(
            NumberChanged(key=change.setting.key, unit=change.setting.unit.suffixes[0], old=change.old, new=change.new)
            for change in told.changes
        ),
        warning=f"the change is in force but not recorded: {reply.problem}" if isinstance(reply, Unrecorded) else None,
        settings=settings_in_force(await context.settings()),
    )


SETTINGS_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_settings",
        summary="The thresholds and lists in force for the main chat, with their units and ranges.",
        arguments=NoArguments,
        result=SettingsInForce,
        run=get_settings,
        route="GET /api/settings",
        chat="status",
    ),
    Operation(
        name="set_settings",
        summary="Changes thresholds of the main chat at once, with the chat's own checks and record.",
        arguments=SettingsChange,
        result=SettingsChanged,
        run=set_settings,
        writes=True,
        route="PUT /api/settings",
        examples=(Example(title="a higher bound for pumps", arguments={"pump_threshold": 5}),),
    ),
)
