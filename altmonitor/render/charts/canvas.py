"""A sheet in whole pixels, with text of any script and smoothed lines, that becomes a small PNG."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Literal

from PIL import Image, ImageDraw

from altmonitor.render.charts.ink import BACKGROUND, Colour, palette
from altmonitor.render.charts.lettering import Weight, runs

Side = Literal["left", "middle", "right"]
Point = tuple[float, float]

_SMOOTH = 3  # lines are drawn this much larger and reduced


class Canvas:
    def __init__(self, width: int, height: int) -> None:
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
        small = self.image.quantize(palette=palette(), dither=Image.Dither.NONE)
        out = BytesIO()
        small.save(out, "PNG", compress_level=4)
        return out.getvalue()
