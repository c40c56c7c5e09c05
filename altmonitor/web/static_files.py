"""The pages' own script and style, and the vendored charts: read once, kept for a year by whoever has them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

STATIC: Final = Path(__file__).parent / "static"
CHARTS: Final = "vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",  # licences
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """version: of its content; what another version was asked for as must not be kept."""

    content_type: str
    body: bytes
    gzipped: bytes
    version: str


class StaticFiles:
    """A file is read when it is first asked for; only what lies in the folder can be."""

    def __init__(self) -> None:
        self._paths = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}
        self._files: dict[str, StaticFile] = {}

    def get(self, name: str) -> StaticFile | None:
        """name: relative to the folder, such as `app.js`. None: there is no such file."""
        found = self._files.get(name)
        path = self._paths.get(name)
        if found is None and path is not None:
            body = path.read_bytes()
            found = self._files[name] = StaticFile(
                content_type=_TYPES.get(path.suffix, _TYPES[""]),
                body=body,
                gzipped=gzip.compress(body, 6, mtime=0),
                version=hashlib.sha256(body).hexdigest()[:12],
            )
        return found

    def address(self, name: str) -> str:
        """Relative to the pages' root, with the version. Raises KeyError for a file there is not."""
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return f"static/{name}?v={found.version}"

    async def answer(self, request: web.Request) -> web.Response:
        found = self.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(reason="there is no such file")
        is_known = request.query.get("v") == found.version
        headers = {
            "Content-Type": found.content_type,
            "ETag": f'"{found.version}"',
            "Cache-Control": "public, max-age=31536000, immutable" if is_known else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if f'"{found.version}"' in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=found.gzipped, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=found.body, headers=headers)
