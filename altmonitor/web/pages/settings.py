"""The settings in force as a table, and what was changed lately."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.render import format as n
from altmonitor.render.blocks import mute_end, setting_value
from altmonitor.render.format import Style
from altmonitor.render.texts.page_texts import say_page
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.settings import EVERY_SYMBOL, SETTINGS, Setting, Unit
from altmonitor.settings.state import SettingsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """input: the value as it is typed; step: of the field, `any` or `1`."""

    key: str
    name: str
    command: str
    variable: str
    value: str
    environment: str
    is_changed: bool
    allowed: str
    unit: str
    input: str
    low: str
    high: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsView:
    lines: list[SettingLine]
    watchlist: list[str]
    muted: list[str]


def settings_view(store: SettingsStore, now_s: float, style: Style) -> SettingsView:
    settings = store.audiences[0].settings
    return SettingsView(
        lines=[_line(setting, setting.of(settings), setting.of(store.base), style) for setting in SETTINGS],
        watchlist=sorted(settings.watchlist),
        muted=[
            f"{say_page(style.lang, 'every_symbol') if symbol == EVERY_SYMBOL else symbol} "
            f"{mute_end(until_s, now_s, style)}".strip()
            for symbol, until_s in sorted(settings.muted.items())
            if settings.is_muted(symbol, now_s)
        ],
    )


def _line(setting: Setting, value: float, environment: float, style: Style) -> SettingLine:
    size = abs(value)
    low, high = setting_value(setting, setting.low, style), setting_value(setting, setting.high, style)
    return SettingLine(
        key=setting.key,
        name=n.capital(say_reply(style.lang, setting.key)),
        command=f"/{setting.command}",
        variable=setting.variable,
        value=setting_value(setting, value, style),
        environment=setting_value(setting, environment, style),
        is_changed=value != environment,
        allowed=say_page(style.lang, "range_off" if setting.has_off else "range_text", low=low, high=high),
        unit={Unit.PERCENT: "%", Unit.MULTIPLE: "×", Unit.SECONDS: "s", Unit.USD: "USD"}[setting.unit],
        input=n.exact(size),
        low="0" if setting.has_off else n.exact(setting.low),
        high=n.exact(setting.high),
        step="1" if setting.is_whole else "any",
    )
