"""The panel as one dark page of HTML: every style stands inline, nothing is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.render import format as n
from altmonitor.render.panel import Fact, Panel, PanelSide

WIDTH_PX = 520
_GREEN, _RED, _TEXT, _MUTED, _LINE = "#26be8a", "#f64e62", "#e9eef3", "#929eab", "#222933"
_BOX = f"background:#131820;border:1px solid {_LINE};border-radius:12px;padding:14px 16px"


def panel_page(panel: Panel, *, lang: str) -> str:
    """A whole document; names from outside are escaped. lang: of its words."""
    sides = "".join(_side(side, colour) for side, colour in zip(panel.sides, (_GREEN, _RED), strict=True))
    bar = _LINE
    if panel.long_share is not None:
        split = f"{panel.long_share * 100:.1f}%"
        bar = f"linear-gradient(90deg,{_GREEN} 0 {split},{_RED} {split} 100%)"
    long, short = (_e(side.name) for side in panel.sides)
    base = _e(panel.base)
    body = (
        f'<div style="display:flex;justify-content:space-between;align-items:baseline;gap:12px">'
        f'<div><span style="font-size:24px;font-weight:700">{base}</span> '
        f'<span style="color:{_MUTED}">{_e(panel.title)}</span></div>'
        f'<div style="font-size:22px;font-weight:700">{_e(panel.price)}</div></div>'
        f'<div style="{_BOX};margin-top:14px"><div style="display:flex;gap:12px">{_columns(panel.stats)}</div>'
        f'<div style="height:8px;border-radius:4px;margin-top:14px;background:{bar}"></div>'
        f'<div style="display:flex;justify-content:space-between;font-size:12px;margin-top:5px">'
        f'<span style="color:{_GREEN}">{long}</span><span style="color:{_RED}">{short}</span></div></div>'
        f"{sides}"
        f'<div style="{_BOX};margin-top:12px">{_rows(panel.footer)}</div>'
        f'<div style="color:{_MUTED};font-size:12px;margin-top:12px">{_e(panel.foot)}<br>{_e(panel.disclaimer)}</div>'
    )
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{base}</title></head>'
        f'<body style="margin:0;background:#0e1218;color:{_TEXT};font:15px/1.45 system-ui,sans-serif">'
        f'<div style="max-width:{WIDTH_PX}px;box-sizing:border-box;margin:0 auto;padding:18px">{body}</div>'
        "</body></html>\n"
    )


def _side(side: PanelSide, colour: str) -> str:
    badge = ""
    if side.is_gaining is not None:
        shade = _GREEN if side.is_gaining else _RED
        badge = (
            f'<span style="border:1px solid {shade};color:{shade};border-radius:9px;padding:1px 9px;font-size:12px">'
            f"{_e(side.badge)}</span>"
        )
    filled = 0.0 if side.profit_share is None else side.profit_share * 100
    return (
        f'<div style="{_BOX};margin-top:12px;border-left:4px solid {colour}">'
        f'<div style="display:flex;justify-content:space-between;gap:12px;margin-bottom:6px">'
        f'<div><b style="color:{colour}">{_e(side.name)}</b> '
        f'<span style="color:{_MUTED};font-size:13px">{_e(side.held_by)}</span></div>{badge}</div>'
        f"{_rows((*side.facts, side.profit))}"
        f'<div style="height:6px;border-radius:3px;background:{_LINE};margin-top:6px;overflow:hidden">'
        f'<div style="height:6px;width:{filled:.1f}%;background:{colour}"></div></div></div>'
    )


def _columns(facts: Sequence[Fact]) -> str:
    return "".join(
        f'<div style="flex:1"><div style="color:{_MUTED};font-size:12px">{_e(label)}</div>'
        f'<div style="font-size:18px;font-weight:600">{_e(value)}</div></div>'
        for label, value in facts
    )


def _rows(facts: Sequence[Fact]) -> str:
    return "".join(
        f'<div style="display:flex;justify-content:space-between;gap:12px"><span style="color:{_MUTED}">{_e(label)}'
        f"</span><span>{_e(value)}</span></div>"
        for label, value in facts
    )


def _e(text: str) -> str:
    return n.escape(text)
