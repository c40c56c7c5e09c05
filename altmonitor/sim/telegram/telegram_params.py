"""Parameters of a Bot API call: they come as JSON values or, from a form, as text; both are read alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from altmonitor.sim.telegram.values import bad_request


class Params(Mapping[str, object]):
    """Raises Refusal (400) from its readers where the value cannot be what the method needs."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        value = self._values.get(name, "")
        return value if isinstance(value, str) else str(value)

    def integer(self, name: str) -> int | None:
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | str | float):
            raise bad_request(f"{name} must be a number")
        try:
            return int(value)
        except ValueError:
            raise bad_request(f"{name} must be a number") from None

    def flag(self, name: str) -> bool:
        return str(self._values.get(name, "")).lower() in ("true", "1")

    def structure(self, name: str) -> object:
        """A JSON value, decoded when it came as text. None: absent."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            decoded: object = json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None
        return decoded

    def fields(self, name: str) -> Params:
        """A JSON object; an empty one when it is absent."""
        value = self.structure(name)
        if value is None:
            return Params({})
        if not isinstance(value, dict):
            raise bad_request(f"object expected as {name}")
        return Params(value)

    def chat_id(self) -> int:
        if "chat_id" not in self._values:
            raise bad_request("chat_id is empty")
        try:
            return int(str(self._values["chat_id"]))
        except ValueError:
            raise bad_request("chat not found") from None  # @names of channels are not simulated
