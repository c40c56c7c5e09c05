"""Templates → answers: escaped, rendered in pieces with the loop running between them, compressed beside it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
PIECES_AT_ONCE: Final = 12
"""A row of a table is one piece and takes about 0.08 ms; market frames are decoded between two such runs."""
COMPRESS_FROM_BYTES: Final = 1_000

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Content-Type": "text/html; charset=utf-8",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding, Cookie",
}
"""Nothing from elsewhere, no script and no style inside a page. Without any referrer a browser would not say of a form
either from which site it comes, and the sign-in could not be told from one on somebody else's page."""


class PageTemplates:
    """jinja2 is imported with the first page: a monitor that nobody looks at does not carry it."""

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters["path"] = lambda text: quote(text, safe="")
        return environment

    async def html(self, name: str, values: Mapping[str, object]) -> bytes:
        """values: text in them is escaped; what is HTML already is named `*_html` and marked in the template."""
        pieces: list[str] = []
        for number, piece in enumerate(self._environment.get_template(name).generate(values), start=1):
            pieces.append(piece)
            if number % PIECES_AT_ONCE == 0:
                await asyncio.sleep(0)
        return "".join(pieces).encode()


async def answer(
    request: web.Request, body: bytes, headers: Mapping[str, str] = PAGE_HEADERS, *, status: int = 200
) -> web.Response:
    if len(body) >= COMPRESS_FROM_BYTES and takes_gzip(request.headers.get("Accept-Encoding", "")):
        packed = await asyncio.to_thread(gzip.compress, body, 4, mtime=0)
        return web.Response(body=packed, headers={**headers, "Content-Encoding": "gzip"}, status=status)
    return web.Response(body=body, headers=headers, status=status)


def takes_gzip(accepted: str) -> bool:
    """accepted: the header. `gzip;q=0` refuses it."""
    for word in accepted.lower().split(","):
        coding, _, weight = word.partition(";")
        if coding.strip() == "gzip":
            return weight.strip().removeprefix("q=").strip("0.") != "" or not weight
    return False


def one(query: Mapping[str, str], name: str, *, at_most: int = 40) -> str:
    """A parameter of the address, cut; '' without it."""
    return query.get(name, "")[:at_most].strip()


def choice(query: Mapping[str, str], name: str, known: Iterable[str], default: str) -> str:
    """What is not known is the default: an old bookmark shall open."""
    given = query.get(name, "")
    return given if given in known else default


def whole(query: Mapping[str, str], name: str, *, low: int, high: int, default: int) -> int:
    given = query.get(name, "")
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else default
    return number if low <= number <= high else default
