"""How often somebody who may not change anything is told so."""

from __future__ import annotations

from altmonitor.settings.changes import Writer

EVERY_S = 3600.0
REMEMBERED = 1000


class Courtesy:
    """Once an hour and user; after that there is silence, so that a group cannot be flooded with refusals."""

    def __init__(self) -> None:
        self._told_s: dict[int | str, float] = {}

    def may_tell(self, who: Writer, now_s: float) -> bool:
        key: int | str = who.name if who.user_id is None else who.user_id
        told_s = self._told_s.pop(key, None)
        is_due = told_s is None or not 0 <= now_s - told_s < EVERY_S
        self._told_s[key] = now_s if is_due or told_s is None else told_s
        if len(self._told_s) > REMEMBERED:
            del self._told_s[next(iter(self._told_s))]
        return is_due
