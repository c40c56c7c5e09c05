"""What surrounds every page: language and zone, the way to the others, and whether the monitor sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from altmonitor import __version__
from altmonitor.core.health import Health, Reason, Status
from altmonitor.operations.context import OperationContext
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.texts.page_texts import say_page
from altmonitor.settings.zones import zone_of

PAGES: Final = ("overview", "alerts", "smart-money", "divergence", "statistics", "try", "settings", "status")
"""In the order of the menu; the first is the root."""

_BLIND: Final = (Reason.FEED_BLIND.value, Reason.NO_DATA_SINCE_START.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorState:
    """name: `ok`, `degraded`, `down`, `blind`, or `stored` where no monitor runs; it is the page's colour.

    text: of the corner. banner: what stands over the page, '' when all is well.
    """

    name: str
    text: str
    banner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    href: str
    text: str
    is_current: bool


async def page_style(context: OperationContext) -> Style:
    """Language and zone of the main chat, as they are now."""
    audience = (await context.settings()).audiences[0]
    return Style(lang=audience.lang, tz=zone_of(audience.tz))


def monitor_state(health: Health | None, lang: str) -> MonitorState:
    """health: None where no monitor runs in this process."""
    if health is None:
        return MonitorState(name="stored", text=say_page(lang, "state_stored"), banner="")
    feed = health.feed
    if any(code in _BLIND for code in health.reason_codes):
        age_s = feed.last_frame_age_s
        banner = "banner_blind_start" if age_s is None else "banner_blind"
        return MonitorState(
            name="blind",
            text=say_page(lang, "state_blind"),
            banner=say_page(lang, banner, age=n.duration(age_s, lang)),
        )
    if health.verdict is Status.DOWN:
        return MonitorState(name="down", text=say_page(lang, "state_down"), banner="")
    counts = {"covered": feed.symbols_covered, "expected": feed.symbols_expected}
    return MonitorState(name=health.status, text=say_page(lang, f"state_{health.status}", **counts), banner="")


def state_of(context: OperationContext, lang: str) -> MonitorState:
    return monitor_state(None if context.monitor is None else context.monitor.health(), lang)


def menu(current: str, root: str, lang: str) -> list[MenuEntry]:
    return [
        MenuEntry(
            href=root if name == "overview" else root + name,
            text=say_page(lang, f"nav_{name.replace('-', '_')}"),
            is_current=name == current,
        )
        for name in PAGES
    ]


def frame_values(context: OperationContext, style: Style, *, page: str, root: str, title: str) -> Mapping[str, object]:
    """page: one of `PAGES`, or another word for one that the menu does not name. root: the way up, `./` or `../`."""
    return {
        "lang": style.lang,
        "t": lambda key, **values: say_page(style.lang, key, **values),
        "root": root,
        "page": page,
        "title": title,
        "menu": menu(page, root, style.lang),
        "state": state_of(context, style.lang),
        "version": __version__,
    }
