"""The HTTP side of the simulated Telegram: bodies in, answers out, and the broken ones."""

from __future__ import annotations

from aiohttp import web

from altmonitor.sim.telegram.telegram_params import Params
from altmonitor.sim.telegram.telegram_photo import Upload
from altmonitor.sim.telegram.values import Refusal

_PAGE = "<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"


async def read_params(request: web.Request) -> Params:
    """Query string, JSON object, form or multipart; uploaded files become an `Upload` under their field's name."""
    values: dict[str, object] = dict(request.query)
    if request.content_type == "application/json":
        try:
            decoded = await request.json()
        except ValueError:
            raise Refusal(400, "Bad Request: can't parse request JSON object") from None
        values |= decoded if isinstance(decoded, dict) else {}
    else:
        files: dict[str, bytes] = {}
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = Upload(value.file.read(), name=value.filename, content_type=value.content_type)
            else:
                values[name] = value
        values |= files
        for name, given in values.items():
            if isinstance(given, str) and given.startswith("attach://"):
                values[name] = files.get(given.removeprefix("attach://"), b"")
    return Params(values)


def refused(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.payload(), status=refusal.code)


def page(status: int, title: str) -> web.Response:
    return web.Response(status=status, text=_PAGE.format(title=title), content_type="text/html")


def outage_answer(request: web.Request, outage: str) -> web.StreamResponse:
    if outage == "bad_gateway":
        return page(502, "502 Bad Gateway")
    if outage == "portal":
        return page(200, "Sign in to the network")
    return cut(request)


def cut(request: web.Request) -> web.Response:
    """No answer: what is returned here never reaches the caller."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def truncated(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
