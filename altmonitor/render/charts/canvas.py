"""A sheet in whole pixels, with text of any script and smoothed lines, that becomes a small PNG.

A pixel is the number of its colour from the start: a true-colour sheet that is reduced at the end costs three times as
much. Where something smoothed is laid over a pixel, a table says which colour comes out.

Pillow draws letters and lines, and is loaded with the first picture: a monitor that draws none does without its 10 MB.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from io import BytesIO
from math import ceil, modf
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy import uint8, uint16
    from numpy.typing import NDArray
    from PIL import Image, ImageDraw, ImageFont

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
def colours() -> tuple[Colour, ...]:
    """Every colour, with the shades between those that meet in smoothed edges; a pixel is an index of these."""
    flat = [BACKGROUND, GRID, HATCH, TEXT, MUTED, UP, DOWN, UP_VOLUME, DOWN_VOLUME, OI, MARK, BAND]
    meeting = [(TEXT, BACKGROUND), (MUTED, BACKGROUND), (UP, BACKGROUND), (DOWN, BACKGROUND), (OI, BACKGROUND)]
    meeting += [(MARK, BACKGROUND), (MARK, BAND), (BACKGROUND, UP), (TEXT, DOWN)]
    shades = [mixed(a, b, step / (_SHADES + 1)) for a, b in meeting for step in range(1, _SHADES + 1)]
    return tuple(dict.fromkeys([*flat, *shades]))[:COLOURS_MAX]


def _nearest(wanted: NDArray[Any]) -> NDArray[uint8]:
    """The index of the colour that is most like each of these, whose last axis is red, green and blue."""
    import numpy as np

    known = np.array(colours(), dtype=np.int32)
    return np.stack([((row[..., None, :] - known) ** 2).sum(axis=-1).argmin(axis=-1) for row in wanted]).astype("uint8")


@cache
def index_of(colour: Colour) -> int:
    import numpy as np

    return int(_nearest(np.array([colour], dtype=np.int32))[0])


@cache
def _blends(colour: Colour) -> NDArray[uint8]:
    """Coverage 0…255 × `COLOURS_MAX` + index below → index of what is seen."""
    import numpy as np

    over, under = np.array(colour, dtype=np.int32), np.zeros((COLOURS_MAX, 3), dtype=np.int32)
    under[: len(colours())] = colours()
    cover = np.arange(256, dtype=np.int32)[:, None, None]
    return _nearest((over * cover + under * (255 - cover) + 127) // 255).ravel()


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
    if text.isascii() and text.isprintable():
        return [(text, own)] if text else []
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

_DASH = 6  # as long as the gap behind it
_HATCH_STEP = 12
_SMOOTH = 3  # lines are drawn this much larger and reduced


class Canvas:
    def __init__(self, width: int, height: int) -> None:
        import numpy as np

        self._pixels: NDArray[uint8] = np.full((height, width), index_of(BACKGROUND), dtype=np.uint8)

    def text(
        self, at: Point, text: str, size_px: int, colour: Colour, *, side: Side = "left", weight: Weight = "book"
    ) -> float:
        """at: the baseline, at the text's left end, middle or right end. Returns the width in pixels."""
        pieces = [(piece, font, font.getlength(piece)) for piece, font in runs(text, size_px, weight)]
        width = sum(length for _, _, length in pieces)
        x = at[0] - {"left": 0.0, "middle": width / 2, "right": width}[side]
        beneath, row = modf(at[1])
        for piece, font, length in pieces:
            self._lay(_letters(piece, font, size_px, beneath), round(x), int(row), colour)
            x += length
        return width

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Both edges inclusive, in whole pixels; never thinner than one."""
        x, y = round(left), round(top)
        x_end, y_end = max(x, round(right)) + 1, max(y, round(bottom)) + 1
        if x_end > 0 and y_end > 0:
            self._pixels[max(0, y) : y_end, max(0, x) : x_end] = index_of(colour)

    def dashes(self, left: int, right: int, y: int, colour: Colour) -> None:
        for x in range(left, right, 2 * _DASH):
            self.box(x, y, min(x + _DASH - 1, right), y, colour)

    def line(
        self, points: Sequence[Point], colour: Colour, *, width: int, frame: tuple[int, int, int, int], has_dot: bool
    ) -> None:
        """Smoothed, cut at the frame (left, top, right, bottom). has_dot: at its end."""
        around = 2 * width
        left = max(frame[0], int(min(x for x, _ in points)) - around)
        right = min(frame[2], int(max(x for x, _ in points)) + around)
        top = max(frame[1], int(min(y for _, y in points)) - around)
        bottom = min(frame[3], int(max(y for _, y in points)) + around)
        if right <= left or bottom <= top:
            return
        mask, pen = _sheet((right - left) * _SMOOTH, (bottom - top) * _SMOOTH)
        large = [((x - left) * _SMOOTH, (y - top) * _SMOOTH) for x, y in points]
        if len(large) > 1:
            pen.line(large, fill=255, width=width * _SMOOTH, joint="curve")
        if has_dot:
            radius = (width + 1) * _SMOOTH
            pen.ellipse([value + sign * radius for sign in (-1, 1) for value in large[-1]], fill=255)
        self._lay(_stencil(mask.reduce(_SMOOTH), left, top), 0, 0, colour)

    def dot(self, middle: Point, radius: int, colour: Colour) -> None:
        mask, pen = _sheet(2 * radius + 1, 2 * radius + 1)
        pen.ellipse((0, 0, 2 * radius, 2 * radius), fill=255)
        self._lay(_stencil(mask, -radius, -radius), round(middle[0]), round(middle[1]), colour)

    def triangle(self, tip: Point, size: int, colour: Colour, *, is_up: bool) -> None:
        """is_up: it points upwards, its body lies below the tip."""
        x, y = round(tip[0]), round(tip[1])
        half = size * 2 // 3 + 1
        end, base = (0, size) if is_up else (size, 0)
        mask, pen = _sheet(2 * half + 1, size + 1)
        pen.polygon([(half, end), (half - size * 2 // 3, base), (half + size * 2 // 3, base)], fill=255)
        self._lay(_stencil(mask, -half, -end), x, y, colour)

    def hatch(self, frame: tuple[int, int, int, int], colour: Colour) -> None:
        left, top, right, bottom = frame
        if right <= left or bottom <= top:
            return
        mask, pen = _sheet(right - left, bottom - top)
        for x in range(-mask.height, mask.width, _HATCH_STEP):
            pen.line((x, mask.height, x + mask.height, 0), fill=255)
        self._lay(_stencil(mask, left, top), 0, 0, colour)

    def png(self) -> bytes:
        """At most 64 fixed colours: a third of the size of true colour, and the same bytes for the same picture."""
        import numpy as np

        height, width = self._pixels.shape
        rows = np.empty((height, width + 1), dtype=np.uint8)
        rows[:, 0] = _AS_ABOVE
        rows[0, 1:] = self._pixels[0]
        np.subtract(self._pixels[1:], self._pixels[:-1], out=rows[1:, 1:])
        packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
        return b"".join(
            (
                b"\x89PNG\r\n\x1a\n",
                _chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, _INDEXED, 0, 0, 0)),
                _chunk(b"PLTE", bytes(channel for colour in colours() for channel in colour)),
                _chunk(b"IDAT", packer.compress(rows.data) + packer.flush()),
                _chunk(b"IEND", b""),
            )
        )

    def _lay(self, stencil: _Stencil | None, left: int, top: int, colour: Colour) -> None:
        """The colour over what is there, as far as the stencil lets it; what lies outside the sheet is cut off."""
        if stencil is None:
            return
        left, top, cover = left + stencil.left, top + stencil.top, stencil.cover
        x, y = max(0, left), max(0, top)
        below = self._pixels[y : max(0, top + cover.shape[0]), x : max(0, left + cover.shape[1])]
        if below.size:
            cover = cover[y - top :, x - left :][: below.shape[0], : below.shape[1]]
            below[...] = _blends(colour).take(cover + below)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stencil:
    """Where something covers the pixels below. left, top: from the place it was made for. cover: coverage 0…255 of each
    pixel times `COLOURS_MAX`, so that with the pixel below added it is a place in `_blends`."""

    left: int
    top: int
    cover: NDArray[uint16]


def _stencil(mask: Image.Image, left: int, top: int) -> _Stencil | None:
    """What is inked of a mask that lies there; None: nothing."""
    import numpy as np

    inked = mask.getbbox()
    if inked is None:
        return None
    cover = np.asarray(mask.crop(inked)).astype(np.uint16) * COLOURS_MAX
    return _Stencil(left=left + inked[0], top=top + inked[1], cover=cover)


@lru_cache(maxsize=128)
def _letters(text: str, font: ImageFont.FreeTypeFont, size_px: int, beneath: float) -> _Stencil | None:
    """From the left end of the baseline. Charts of the same minutes have most of their labels in common."""
    base, edge = size_px + size_px // 2, size_px // 2
    mask, pen = _sheet(ceil(font.getlength(text)) + 2 * edge, 2 * size_px + edge)
    pen.text((edge, base + beneath), text, fill=255, font=font, anchor="ls")
    return _stencil(mask, -edge, -base)


# A PNG's own numbers.
_INDEXED = 3
_AS_ABOVE = 2
"""Each row as the difference to the one above it: most of a chart runs downwards, and zeros are packed fast."""


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A mask that covers nothing yet, and what draws on it."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", (width, height), 0)
    return mask, ImageDraw.Draw(mask)
