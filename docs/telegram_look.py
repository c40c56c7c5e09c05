"""Messages as a phone with Telegram's dark theme shows them, drawn with Pillow: for pictures in the README."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby

from PIL import Image, ImageDraw

from altmonitor.interfaces.delivery import Keyboard
from altmonitor.render.charts.canvas import Colour, Weight, colours, mixed, runs
from altmonitor.sim.telegram.html import parse_html

WIDTH = 964  # a chart keeps its 900 pixels
_WALL: Colour = (14, 22, 33)
_BUBBLE: Colour = (24, 37, 51)
_KEY: Colour = (36, 52, 69)
_WORDS: Colour = (240, 244, 248)
_LINK: Colour = (106, 179, 243)
_QUIET: Colour = (122, 140, 158)
_RED: Colour = (232, 76, 86)
_GREEN: Colour = (66, 190, 120)
_SKY: Colour = (62, 142, 222)
_WHITE: Colour = (246, 248, 250)
_RULE: Colour = (205, 213, 221)
_EDGE, _INSET, _RADIUS, _GAP = 24, 26, 26, 10
_TEXT_PX, _LINE_PX, _SMALL_PX = 34, 47, 26
_KEY_HEIGHT = 72
_SMOOTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """html: Telegram's subset, a caption when there is a picture. at: the time it carries, `23:00`. reply_to: the first
    line of the message it answers, plain."""

    html: str
    at: str
    buttons: Keyboard = ()
    png: bytes | None = None
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    weight: Weight
    colour: Colour


def conversation(bubbles: Sequence[Bubble]) -> Image.Image:
    """One below the other, `WIDTH` wide and as high as needed."""
    drawn = [_bubble(bubble) for bubble in bubbles]
    height = sum(image.height + _GAP for image in drawn) + 2 * _EDGE - _GAP
    wall = Image.new("RGB", (WIDTH, height), _WALL)
    y = _EDGE
    for image in drawn:
        wall.paste(image, (_EDGE, y))
        y += image.height + _GAP
    return wall.quantize(palette=_palette(), dither=Image.Dither.NONE)


def _palette() -> Image.Image:
    """Those of a chart and those that meet in the smoothed edges of a bubble."""
    meeting = [(_WORDS, _BUBBLE), (_LINK, _BUBBLE), (_QUIET, _BUBBLE), (_WORDS, _KEY), (_QUIET, _KEY), (_BUBBLE, _WALL)]
    meeting += [(_KEY, _WALL), (_WHITE, _BUBBLE), (_SKY, _BUBBLE), (_RED, _WHITE), (_WHITE, _KEY)]
    shades = [mixed(over, under, step / 8) for over, under in meeting for step in range(9)]
    chart = [channel for colour in colours() for channel in colour]
    flat = [channel for colour in dict.fromkeys([*shades, _GREEN, _RULE]) for channel in colour]
    image = Image.new("P", (1, 1))
    image.putpalette([*chart, *flat])
    return image


def _bubble(bubble: Bubble) -> Image.Image:
    width = WIDTH - 2 * _EDGE
    inner = width - 2 * _INSET
    lines = _wrapped(bubble.html, inner)
    picture = None if bubble.png is None else Image.open(BytesIO(bubble.png)).convert("RGB")
    head = (12 if picture is not None else 20) + (86 if bubble.reply_to else 0)
    body = len(lines) * _LINE_PX + 46
    tall = head + (0 if picture is None else picture.height + 16) + body
    keys = len(bubble.buttons) * (_KEY_HEIGHT + 6)
    sheet = Image.new("RGB", (width, tall + keys), _WALL)
    _rounded(sheet, (0, 0, width, tall), _BUBBLE)
    pen = ImageDraw.Draw(sheet)
    if bubble.reply_to:
        pen.rectangle((_INSET, 20, _INSET + 5, 84), fill=_LINK)
        _put(pen, _INSET + 20, 46, "altmonitor", _SMALL_PX, _LINK, "bold")
        _put(pen, _INSET + 20, 80, bubble.reply_to, _SMALL_PX, _QUIET)
    y = head
    if picture is not None:
        sheet.paste(picture, (8, y))
        y += picture.height + 16
    for line in lines:
        y += _LINE_PX
        x = float(_INSET)
        for piece in line:
            x += _put(pen, x, y - 8, piece.text, _TEXT_PX, piece.colour, piece.weight)
    _put(pen, width - _INSET - 70, tall - 18, bubble.at, _SMALL_PX, _QUIET)
    _draw_keys(sheet, bubble.buttons, tall)
    return sheet


def _draw_keys(sheet: Image.Image, buttons: Keyboard, top: int) -> None:
    pen = ImageDraw.Draw(sheet)
    for number, row in enumerate(buttons):
        y = top + 6 + number * (_KEY_HEIGHT + 6)
        width = (sheet.width - 6 * (len(row) - 1)) // len(row)
        for destination, button in enumerate(row):
            x = destination * (width + 6)
            _rounded(sheet, (x, y, x + width, y + _KEY_HEIGHT), _KEY)
            length = _length(button.text, _TEXT_PX - 4, "book")
            _put(pen, x + (width - length) / 2, y + 47, button.text, _TEXT_PX - 4, _WORDS)
            if button.url:
                _put(pen, x + width - 30, y + 26, "↑", 20, _QUIET)


def _wrapped(html: str, width: int) -> list[list[_Piece]]:
    """Lines of styled pieces, broken at spaces where they are wider than `width`."""
    parsed = parse_html(html)
    styles: list[tuple[Weight, Colour]] = [("book", _WORDS)] * len(parsed.text)
    for entity in parsed.entities:
        for at in range(entity.start, entity.end):
            weight, colour = styles[at]
            weight = "bold" if entity.type == "bold" else weight
            styles[at] = (weight, _LINK if entity.type in ("text_link", "code") else colour)
    lines: list[list[_Piece]] = []
    at = 0
    for text in parsed.text.split("\n"):
        line: list[_Piece] = []
        used = 0.0
        for word in _words(text, styles[at : at + len(text)]):
            length = sum(_length(piece.text, _TEXT_PX, piece.weight) for piece in word)
            if line and used + length > width:
                lines.append(line)
                line, used = [], 0.0
            line += word
            used += length
        lines.append(line)
        at += len(text) + 1
    return lines


def _words(text: str, styles: Sequence[tuple[Weight, Colour]]) -> list[list[_Piece]]:
    """Each with the space behind it."""
    words: list[list[_Piece]] = []
    begin = 0
    for end in [at + 1 for at, sign in enumerate(text) if sign == " "] + [len(text)]:
        signs = zip(text[begin:end], styles[begin:end], strict=True)
        pieces = [
            _Piece("".join(sign for sign, _ in some), *style)
            for style, some in groupby(signs, key=lambda pair: pair[1])
        ]
        words.append(pieces)
        begin = end
    return words


def _put(
    pen: ImageDraw.ImageDraw, x: float, base: float, text: str, size: int, colour: Colour, weight: Weight = "book"
) -> float:
    """Returns the width."""
    begin = x
    for is_sign, some in groupby(text, key=lambda sign: sign in _SIGNS):
        if is_sign:
            for sign in some:
                _SIGNS[sign](pen, round(x), round(base) - size + 5, size)
                x += size * 1.15
        else:
            for part, font in runs("".join(some), size, weight):
                pen.text((round(x), base), part, fill=colour, font=font, anchor="ls")
                x += font.getlength(part)
    return x - begin


def _length(text: str, size: int, weight: Weight) -> float:
    plain = "".join(sign for sign in text if sign not in _SIGNS)
    signs = len(text) - len(plain)
    return signs * size * 1.15 + sum(font.getlength(part) for part, font in runs(plain, size, weight))


def _rounded(sheet: Image.Image, box: tuple[int, int, int, int], colour: Colour) -> None:
    left, top, right, bottom = box
    size = ((right - left) * _SMOOTH, (bottom - top) * _SMOOTH)
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), _RADIUS * _SMOOTH, fill=255)
    sheet.paste(colour, (left, top), mask.reduce(_SMOOTH))


# --- the few coloured signs that messages begin with, so that no font of the machine is needed


def _curve(
    pen: ImageDraw.ImageDraw, x: int, y: int, size: int, shape: Sequence[tuple[float, float]], ink: Colour
) -> None:
    pen.rounded_rectangle((x, y, x + size, y + size), 4, fill=_WHITE)
    for line in (0.33, 0.66):
        pen.line((x + 3, y + size * line, x + size - 3, y + size * line), fill=_RULE)
    pen.line([(x + a * size, y + b * size) for a, b in shape], fill=ink, width=4, joint="curve")


def _up(pen: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    _curve(pen, x, y, size, [(0.1, 0.85), (0.4, 0.5), (0.55, 0.65), (0.92, 0.12)], _RED)


def _down(pen: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    _curve(pen, x, y, size, [(0.1, 0.15), (0.4, 0.5), (0.55, 0.35), (0.92, 0.88)], _SKY)


def _bars(pen: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    pen.rounded_rectangle((x, y, x + size, y + size), 4, fill=_WHITE)
    for left, height, ink in ((0.14, 0.45, _GREEN), (0.42, 0.8, _RED), (0.7, 0.6, _SKY)):
        pen.rectangle(
            (x + left * size, y + (0.92 - height) * size, x + (left + 0.18) * size, y + 0.92 * size), fill=ink
        )


def _arrow(pen: ImageDraw.ImageDraw, x: int, y: int, size: int, *, is_up: bool) -> None:
    pen.rounded_rectangle((x, y, x + size, y + size), 5, fill=_SKY)
    tip, base = (0.25, 0.72) if is_up else (0.75, 0.28)
    corners = [(x + size / 2, y + tip * size), (x + 0.2 * size, y + base * size), (x + 0.8 * size, y + base * size)]
    pen.polygon(corners, fill=_WHITE)


def _no_sound(pen: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    speaker = [(0.1, 0.36), (0.32, 0.36), (0.6, 0.12), (0.6, 0.9), (0.32, 0.66), (0.1, 0.66)]
    pen.polygon([(x + a * size, y + b * size) for a, b in speaker], fill=_QUIET)
    for ends in ((0.7, 0.38, 0.94, 0.64), (0.94, 0.38, 0.7, 0.64)):
        pen.line([at + end * size for at, end in zip((x, y, x, y), ends, strict=True)], fill=_RED, width=4)


def _question(pen: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    _put(pen, x + size * 0.22, y + size * 0.95, "?", round(size * 1.1), _WHITE, "bold")


_SIGNS: dict[str, Callable[[ImageDraw.ImageDraw, int, int, int], None]] = {
    "📈": _up,
    "📉": _down,
    "📊": _bars,
    "🔇": _no_sound,
    "❔": _question,
    "🔼": lambda pen, x, y, size: _arrow(pen, x, y, size, is_up=True),
    "🔽": lambda pen, x, y, size: _arrow(pen, x, y, size, is_up=False),
}
