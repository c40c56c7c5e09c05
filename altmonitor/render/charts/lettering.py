"""The bundled letters, and what to do about characters they do not have."""

from __future__ import annotations

import threading
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Literal

from PIL import ImageFont

Weight = Literal["book", "bold"]

_FILES = {"book": "DejaVuSansCondensed.ttf", "bold": "DejaVuSansCondensed-Bold.ttf"}
# Characters both files have; a test compares.
COVERED = (
    (0x20, 0x7E),
    (0xA0, 0x17F),
    (0x384, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x45F),
    (0x490, 0x491),
    (0x2010, 0x2027),
    (0x2030, 0x2030),
    (0x20A0, 0x20B5),
    (0x2190, 0x2193),
    (0x2212, 0x2212),
    (0x2248, 0x2248),
    (0x2260, 0x2260),
    (0x2264, 0x2265),
    (0x25A1, 0x25A1),
    (0x25B2, 0x25B2),
    (0x25BC, 0x25BC),
    (0x25CF, 0x25CF),
)
_CJK_FONTS = {
    "book": ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "PingFang.ttc", "msyh.ttc", "wqy-microhei.ttc"),
    "bold": ("NotoSansCJK-Bold.ttc", "NotoSansSC-Bold.otf", "PingFang.ttc", "msyhbd.ttc", "wqy-microhei.ttc"),
}
CJK = ((0x2E80, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFF00, 0xFFEF))


class _Loaded(threading.local):
    """FreeType's faces must not be shared between threads."""

    def __init__(self) -> None:
        self.fonts: dict[tuple[str, str, int], ImageFont.FreeTypeFont | None] = {}


_loaded = _Loaded()


def font(size_px: int, weight: Weight = "book") -> ImageFont.FreeTypeFont:
    key = ("own", weight, size_px)
    found = _loaded.fonts.get(key)
    if found is None:
        found = _loaded.fonts[key] = ImageFont.truetype(
            BytesIO(_bytes_of(_FILES[weight])), size_px, layout_engine=ImageFont.Layout.BASIC
        )
    return found


def cjk_font(size_px: int, weight: Weight = "book") -> ImageFont.FreeTypeFont | None:
    """One of the machine's own, since such a font is twenty times the size of this program; None when it has none."""
    key = ("cjk", weight, size_px)
    if key not in _loaded.fonts:
        _loaded.fonts[key] = _first_of(_CJK_FONTS[weight], size_px)
    return _loaded.fonts[key]


def runs(text: str, size_px: int, weight: Weight = "book") -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """The text in pieces with the font of each.

    What no font here can show becomes one `…` per stretch, so `币安USDT` is `…USDT` where there are no Chinese letters:
    shorter than the truth, and nothing else than it.
    """
    own = font(size_px, weight)
    pieces: list[tuple[str, ImageFont.FreeTypeFont]] = []
    is_missing = False
    for sign in text:
        used = _font_of(sign, own, size_px, weight)
        if used is None and is_missing:
            continue
        is_missing = used is None
        shown, used = ("…", own) if used is None else (sign, used)
        if pieces and pieces[-1][1] is used:
            pieces[-1] = (pieces[-1][0] + shown, used)
        else:
            pieces.append((shown, used))
    return pieces


def _font_of(sign: str, own: ImageFont.FreeTypeFont, size_px: int, weight: Weight) -> ImageFont.FreeTypeFont | None:
    if is_in(sign, COVERED):
        return own
    return cjk_font(size_px, weight) if is_in(sign, CJK) else None


def is_in(sign: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(sign) <= last for first, last in ranges)


@cache
def _bytes_of(name: str) -> bytes:
    return resources.files("altmonitor.render.charts").joinpath("fonts", name).read_bytes()


def _first_of(names: tuple[str, ...], size_px: int) -> ImageFont.FreeTypeFont | None:
    for name in names:
        try:
            return ImageFont.truetype(name, size_px, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            continue
    return None
