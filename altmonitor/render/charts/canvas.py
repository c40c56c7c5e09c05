"""A sheet in whole pixels, with text of any script and smoothed lines, that becomes a small PNG.

Pillow is loaded with the first picture: a monitor that draws none does without its 10 MB.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image, ImageFont

# ---
# Colours: few enough for a small picture, fixed so that the same chart is the same bytes.


Colour = tuple[int, int, int]

BACKGROUND: Colour = (14, 18, 24)
GRID: Colour = (34, 41, 51)
HATCH: Colour = (46, 54, 66)
TEXT: Colour = (233, 238, 243)
MUTED: Colour = (146, 158, 171)
UP: Colour = (38, 190, 138)
DOWN: Colour = (246, 78, 98)
UP_VOLUME: Colour = (26, 104, 81)
DOWN_VOLUME: Colour = (130, 48, 61)
OI: Colour = (86, 166, 255)
MARK: Colour = (255, 196, 64)
BAND: Colour = (52, 46, 30)
COLOURS_MAX = 64
_SHADES = 5


def mixed(over: Colour, under: Colour, share: float) -> Colour:
    """share of `over`: 0…1."""
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(over, under, strict=True))
    return red, green, blue


@cache
def palette() -> Image.Image:
    """Every colour, with the shades between those that meet in smoothed edges. Not to be changed."""
    from PIL import Image

    flat = [BACKGROUND, GRID, HATCH, TEXT, MUTED, UP, DOWN, UP_VOLUME, DOWN_VOLUME, OI, MARK, BAND]
    meeting = [(TEXT, BACKGROUND), (MUTED, BACKGROUND), (UP, BACKGROUND), (DOWN, BACKGROUND), (OI, BACKGROUND)]
    meeting += [(MARK, BACKGROUND), (MARK, BAND), (BACKGROUND, UP), (TEXT, DOWN)]
    shades = [mixed(a, b, step / (_SHADES + 1)) for a, b in meeting for step in range(1, _SHADES + 1)]
    colours = list(dict.fromkeys([*flat, *shades]))[:COLOURS_MAX]
    colours += [BACKGROUND] * (256 - len(colours))
    image = Image.new("P", (1, 1))
    image.putpalette([channel for colour in colours for channel in colour])
    return image


# ---
# The bundled letters, and what to do about characters they do not have.


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
CJK_FONTS = {
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
        from PIL import ImageFont

        found = _loaded.fonts[key] = ImageFont.truetype(
            BytesIO(_bytes_of(_FILES[weight])), size_px, layout_engine=ImageFont.Layout.BASIC
        )
    return found


def cjk_font(size_px: int, weight: Weight = "book") -> ImageFont.FreeTypeFont | None:
    """One of the machine's own, since such a font is twenty times the size of this program; None when it has none."""
    key = ("cjk", weight, size_px)
    if key not in _loaded.fonts:
        _loaded.fonts[key] = _first_of(CJK_FONTS[weight], size_px)
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
    from PIL import ImageFont

    for name in names:
        try:
            return ImageFont.truetype(name, size_px, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            continue
    return None


# ---


Side = Literal["left", "middle", "right"]
Point = tuple[float, float]

_SMOOTH = 3  # lines are drawn this much larger and reduced


class Canvas:
    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", (width, height), BACKGROUND)
        self.draw = ImageDraw.Draw(self.image)

    def text(
        self, at: Point, text: str, size_px: int, colour: Colour, *, side: Side = "left", weight: Weight = "book"
    ) -> float:
        """at: the baseline, at the text's left end, middle or right end. Returns the width in pixels."""
        pieces = runs(text, size_px, weight)
        width = sum(font.getlength(piece) for piece, font in pieces)
        x = at[0] - {"left": 0.0, "middle": width / 2, "right": width}[side]
        for piece, font in pieces:
            self.draw.text((round(x), at[1]), piece, fill=colour, font=font, anchor="ls")
            x += font.getlength(piece)
        return width

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Both edges inclusive, in whole pixels; never thinner than one."""
        x, y = round(left), round(top)
        self.draw.rectangle((x, y, max(x, round(right)), max(y, round(bottom))), fill=colour)

    def dashes(self, left: int, right: int, y: int, colour: Colour, *, dash: int = 6, gap: int = 6) -> None:
        for x in range(left, right, dash + gap):
            self.draw.line((x, y, min(x + dash - 1, right), y), fill=colour)

    def line(
        self, points: Sequence[Point], colour: Colour, *, width: int, frame: tuple[int, int, int, int], has_dot: bool
    ) -> None:
        """Smoothed, cut at the frame (left, top, right, bottom). has_dot: at its end."""
        from PIL import Image, ImageDraw

        left, top, right, bottom = frame
        mask = Image.new("L", ((right - left) * _SMOOTH, (bottom - top) * _SMOOTH), 0)
        pen = ImageDraw.Draw(mask)
        large = [((x - left) * _SMOOTH, (y - top) * _SMOOTH) for x, y in points]
        if len(large) > 1:
            pen.line(large, fill=255, width=width * _SMOOTH, joint="curve")
        if has_dot:
            radius = (width + 1) * _SMOOTH
            pen.ellipse([value + sign * radius for sign in (-1, 1) for value in large[-1]], fill=255)
        small = mask.reduce(_SMOOTH)
        self.image.paste(colour, (left, top, left + small.width, top + small.height), small)

    def triangle(self, tip: Point, size: int, colour: Colour, *, is_up: bool) -> None:
        """is_up: it points upwards, its body lies below the tip."""
        x, y = round(tip[0]), round(tip[1])
        base = y + size if is_up else y - size
        self.draw.polygon([(x, y), (x - size * 2 // 3, base), (x + size * 2 // 3, base)], fill=colour)

    def hatch(self, frame: tuple[int, int, int, int], colour: Colour, *, step: int = 12) -> None:
        from PIL import Image, ImageDraw

        left, top, right, bottom = frame
        if right <= left or bottom <= top:
            return
        tile = Image.new("L", (right - left, bottom - top), 0)
        pen = ImageDraw.Draw(tile)
        for x in range(-tile.height, tile.width, step):
            pen.line((x, tile.height, x + tile.height, 0), fill=255)
        self.image.paste(colour, (left, top), tile)

    def png(self) -> bytes:
        """64 fixed colours: a third of the size of true colour, and the same bytes for the same picture."""
        from PIL import Image

        small = self.image.quantize(palette=palette(), dither=Image.Dither.NONE)
        out = BytesIO()
        out.name = "chart.png"  # by it the library loads one format's code; asked for "PNG" it loads five
        small.save(out, compress_level=4)
        return out.getvalue()
