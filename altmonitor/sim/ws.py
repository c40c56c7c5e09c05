"""The simulated exchange's WebSocket side: routes, control messages, limits, and cheap pushing.

A frame's bytes, header included, are made once per tick and shared by all connections; a connection's frames of one
tick leave in one write to its transport. Going through the library's own `send` for each would cost ten times as much.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from altmonitor.sim.connections import BINARY, PING, TEXT, ClientConnection, SimSockets, encode_frame
from altmonitor.sim.control import GARBAGE, ExchangeFaults, ExchangeStats
from altmonitor.sim.wire import Frame

MAX_STREAMS = 1024
MAX_MESSAGES_PER_S = 10
MAX_FRAME_BYTES = 4096  # longer SUBSCRIBE frames are ignored without an answer
PING_EVERY_S = 180.0
LIFETIME_S = 86_400.0


class RefusedHandshake(Exception):
    """A control message the exchange answers with an error. Source: Live-Subscribing page, error messages."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class Sockets(SimSockets):
    """The main exchange's: streams in the address or asked for, pings, and a limit of messages a second."""

    def __init__(
        self,
        *,
        faults: ExchangeFaults,
        stats: ExchangeStats,
        monotonic: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(faults=faults, stats=stats, monotonic=monotonic, now_ms=now_ms)
        self._garbage = itertools.cycle([*((TEXT, text) for text in GARBAGE), (BINARY, b"\x00\x01\x02")])

    def routes(self) -> list[web.RouteDef]:
        paths = ("/market/ws", "/market/stream", "/public/ws", "/public/stream", "/ws", "/stream")
        found = [web.get(path, self.accept) for path in paths]
        return found + [web.get(path + "/{streams:.+}", self.accept) for path in paths if path.endswith("/ws")]

    def push(self, frames: Sequence[Frame]) -> None:
        """Hand the frames to every connection that subscribed to them."""
        listening = [c for c in self._open if c.is_routed and not c.is_closing and c.stats.subscriptions]
        if self._faults.mute or not listening:
            return
        muted = {f"{symbol.lower()}@kline_1m" for symbol in self._faults.mute_symbols}
        for is_combined in {connection.is_combined for connection in listening}:
            encoded = [(f.stream, _encoded(f, is_combined)) for f in frames if f.stream not in muted]
            for connection in listening:
                if connection.is_combined is is_combined:
                    self._push_to(connection, encoded)

    def tend(self) -> None:
        """Pings, the 24 h cut, clients that stopped answering or reading. Called at every tick."""
        now_s = self._monotonic()
        for connection in self.still_open(now_s):
            if now_s - connection.opened_s >= LIFETIME_S:
                connection.close(1000, "", at_s=self._monotonic(), twice=self._faults.double_close)
            elif connection.is_overdue(now_s):
                connection.abort()
            elif now_s - connection.pinged_s >= PING_EVERY_S:
                connection.pinged_s = now_s
                connection.unanswered_s = now_s if connection.unanswered_s is None else connection.unanswered_s
                connection.write(encode_frame(PING, str(self._now_ms()).encode()))

    def _push_to(self, connection: ClientConnection, encoded: Sequence[tuple[str, bytes]]) -> None:
        wanted = connection.stats.subscriptions
        mine = [data for stream, data in encoded if stream in wanted]
        connection.stats.frames_pushed += len(mine)
        if self._faults.garbage:
            mine.insert(0, encode_frame(*next(self._garbage)))
        if mine:
            connection.write(b"".join(mine))

    def opened(self, connection: ClientConnection, request: web.Request) -> None:
        connection.pinged_s = connection.opened_s
        given = request.match_info.get("streams") or request.query.get("streams", "")
        connection.stats.subscriptions.update(name for name in given.split("/")[:MAX_STREAMS] if name)

    def on_message(self, connection: ClientConnection, message: WSMessage, recent: int) -> None:
        if recent > MAX_MESSAGES_PER_S:
            connection.close(1008, "Too many requests", at_s=self._monotonic(), twice=self._faults.double_close)
        elif message.type is WSMsgType.PONG:
            connection.unanswered_s = None
        elif message.type is WSMsgType.BINARY:
            connection.stats.largest_frame_bytes = max(connection.stats.largest_frame_bytes, len(message.data))
            connection.close(1008, "Invalid request", at_s=self._monotonic(), twice=self._faults.double_close)
        elif message.type is WSMsgType.TEXT:
            self._on_text(connection, message.data.encode())

    def _on_text(self, connection: ClientConnection, text: bytes) -> None:
        stats = connection.stats
        stats.control_messages += 1
        stats.largest_frame_bytes = max(stats.largest_frame_bytes, len(text))
        if len(text) > MAX_FRAME_BYTES:
            stats.ignored_frames += 1
            return
        request_id: object = None
        try:
            request = _parsed(text)
            request_id = request["id"]
            answer: dict[str, object] = {"result": self._obey(connection, request), "id": request_id}
        except RefusedHandshake as refusal:
            answer = {"error": {"code": refusal.code, "msg": str(refusal)}}
            if request_id is not None:
                answer["id"] = request_id
        if not self._faults.swallow_acks:
            connection.answer(answer)

    def _obey(self, connection: ClientConnection, request: dict[str, object]) -> object:
        method, subscriptions = request["method"], connection.stats.subscriptions
        if method == "LIST_SUBSCRIPTIONS":
            return sorted(subscriptions)
        params = request.get("params")
        if not isinstance(params, list):
            raise RefusedHandshake(2, "Invalid request: missing field `params`")
        if method in {"SET_PROPERTY", "GET_PROPERTY"}:
            return _property(connection, str(method), params)
        if not all(isinstance(name, str) for name in params):
            raise RefusedHandshake(2, "Invalid request: params must be an array of strings")
        if method == "UNSUBSCRIBE":
            subscriptions.difference_update(params)
            return None
        if request["id"] in self._faults.reject_subscribe_ids:
            raise RefusedHandshake(2, "Invalid request: rejected")
        if len(subscriptions.union(params)) > MAX_STREAMS:
            raise RefusedHandshake(2, f"Invalid request: more than {MAX_STREAMS} streams on one connection")
        subscriptions.update(params)  # whatever the names are: the exchange acknowledges streams it does not have
        return None


def _encoded(frame: Frame, is_combined: bool) -> bytes:
    if not is_combined:
        return encode_frame(TEXT, frame.event)
    return encode_frame(TEXT, b'{"stream":"%b","data":%b}' % (frame.stream.encode(), frame.event))


def _parsed(text: bytes) -> dict[str, object]:
    """Raises Refused with the exchange's code for what is wrong."""
    try:
        request = msgspec.json.decode(text)
    except msgspec.DecodeError as problem:
        raise RefusedHandshake(3, f"Invalid JSON: {problem}") from problem
    if not isinstance(request, dict):
        raise RefusedHandshake(2, "Invalid request: expected an object")
    request_id = request.get("id")
    if not isinstance(request_id, int) or isinstance(request_id, bool) or not 0 <= request_id < 1 << 64:
        raise RefusedHandshake(2, "Invalid request: request ID must be an unsigned integer")
    methods = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
    if request.get("method") not in methods:
        shown = ", ".join(f"`{method}`" for method in methods)
        raise RefusedHandshake(
            2, f"Invalid request: unknown variant `{request.get('method')}`, expected one of {shown}"
        )
    return request


def _property(connection: ClientConnection, method: str, params: list[object]) -> object:
    if not params or params[0] != "combined":
        raise RefusedHandshake(0, "Unknown property")
    if method == "GET_PROPERTY":
        return connection.is_combined
    if len(params) != 2 or not isinstance(params[1], bool):
        raise RefusedHandshake(1, "Invalid value type: expected Boolean")
    connection.is_combined = params[1]
    return None
