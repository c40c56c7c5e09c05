"""WebSocket clients behind one port."""

from __future__ import annotations

from importlib.util import find_spec

from altmonitor.exchanges.ws.transport import OpenTransport


def pick_transport() -> OpenTransport:
    """picows where it is installed (extra `fast`), websockets otherwise."""
    if find_spec("picows") is not None:
        from altmonitor.exchanges.ws.picows import open_picows

        return open_picows
    from altmonitor.exchanges.ws.websockets import open_websockets

    return open_websockets
