"""One market event, told to several: what all of them are told alike is one alert."""

from __future__ import annotations

import msgspec

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination

OWNER = "@"


class Gathering:
    """Alerts in the order of the first audience each is told to; the main audience is asked first.

    main: its alerts have no suffix; those it is not told have `@` and the first destination that is.
    """

    def __init__(self, main: Destination) -> None:
        self._main = main
        self._rows: dict[Alert, tuple[Alert, list[Destination]]] = {}

    def add(self, alert: Alert, destination: Destination) -> Alert:
        """Returns the alert under the key it is told with."""
        known = self._rows.get(alert)
        if known is not None:
            known[1].append(destination)
            return known[0]
        owned = alert
        if destination != self._main:
            owned = msgspec.structs.replace(alert, key=f"{alert.key}{OWNER}{destination}")
        self._rows[alert] = owned, [destination]
        return owned

    def rows(self) -> list[tuple[Alert, list[Destination]]]:
        return list(self._rows.values())


def owner_of(key: str, *, main: Destination) -> str:
    """The destination, as it is written, whose episode an alert's message shows: the first one it was told to."""
    return key.rpartition(OWNER)[2] if OWNER in key else str(main)
