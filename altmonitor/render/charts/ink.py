"""Colours: few enough for a small picture, fixed so that the same chart is the same bytes."""

from __future__ import annotations

from functools import cache

from PIL import Image

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
    flat = [BACKGROUND, GRID, HATCH, TEXT, MUTED, UP, DOWN, UP_VOLUME, DOWN_VOLUME, OI, MARK, BAND]
    meeting = [(TEXT, BACKGROUND), (MUTED, BACKGROUND), (UP, BACKGROUND), (DOWN, BACKGROUND), (OI, BACKGROUND)]
    meeting += [(MARK, BACKGROUND), (MARK, BAND), (BACKGROUND, UP), (TEXT, DOWN)]
    shades = [mixed(a, b, step / (_SHADES + 1)) for a, b in meeting for step in range(1, _SHADES + 1)]
    colours = list(dict.fromkeys([*flat, *shades]))[:COLOURS_MAX]
    colours += [BACKGROUND] * (256 - len(colours))
    image = Image.new("P", (1, 1))
    image.putpalette([channel for colour in colours for channel in colour])
    return image
