"""Where one listener stands among the stored alerts: which it was told of, and with which numbers.

New alerts follow by their number, which is remembered. Of those it was told of in the last day a digest of what it was
told is remembered too, so that a restart finds what was learned meanwhile.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from altmonitor.core.alert import Alert, AlertPlace, event_key
from altmonitor.core.clock import Clock
from altmonitor.core.outcome import AlertReturn
from altmonitor.interfaces.storage import AlertQueries, MetaStore

log = logging.getLogger(__name__)

AT_ONCE: Final = 500
GATHERED_S: Final = 3.0
"""What is looked up after an alert comes within two seconds, in several steps: one update tells them all."""
FOLLOWED_S: Final = 25 * 3_600.0
"""The last outcome of an alert is measured a day after it."""
MOST_FOLLOWED: Final = 2_000
FINAL: Final = ""
"""In place of a digest: the listener wants to hear no more of this alert."""

_versions_decoder = msgspec.json.Decoder(dict[int, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNews:
    """An alert that is new to the listener, or of which more is known. outcomes: nearest horizon first."""

    alert: Alert
    is_update: bool
    outcomes: Sequence[AlertReturn] = ()

    @property
    def number(self) -> int:
        return self.alert.id or 0

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits of what it says."""
        return hashlib.sha256(msgspec.json.encode((self.alert, self.outcomes))).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorDeps:
    """alerts, alerts_of, outcomes_of, memory: of one database; the second and third by keys. gathered_s: so long after
    the first word of it what is learned of an alert is told."""

    alerts: AlertQueries
    alerts_of: Callable[[Collection[str]], Awaitable[Mapping[str, Alert]]]
    outcomes_of: Callable[[Collection[str]], Awaitable[Mapping[str, Sequence[AlertReturn]]]]
    memory: MetaStore
    clock: Clock
    gathered_s: float = GATHERED_S


class AlertCursor:
    """key: what is remembered stands under this name. All that is awaited may raise StorageError."""

    def __init__(self, deps: CursorDeps, key: str) -> None:
        self._deps = deps
        self.key = key
        self._taken: int | None = None
        self._versions: dict[int, str] = {}
        self._saved: dict[int, str] = {}
        self._learned: dict[str, float] = {}  # key → when it may be looked at, monotonic

    def learned(self, alert_key: str) -> None:
        """More is known about this alert."""
        self._learned.setdefault(event_key(alert_key), self._deps.clock.monotonic() + self._deps.gathered_s)

    def next_due_s(self) -> float | None:
        """In how many seconds `news` may have something of what was learned; None: nothing was."""
        due_s = min(self._learned.values(), default=None)
        return None if due_s is None else max(0.0, due_s - self._deps.clock.monotonic())

    async def news(self) -> list[AlertNews]:
        """What the listener does not know: new alerts, oldest → newest, then those of which more is known."""
        if self._taken is None:
            await self._begin()
        new = await self._behind(self._taken or 0)
        now_s = self._deps.clock.monotonic()
        due = [key for key, due_s in self._learned.items() if due_s <= now_s]
        updates = await self._changed(list((await self._deps.alerts_of(due)).values())) if due else []
        for key in due:
            del self._learned[key]
        return [AlertNews(alert=alert, is_update=False) for alert in new] + updates

    async def told(self, news: AlertNews, *, is_final: bool = False) -> None:
        """The listener has it. is_final: and wants to hear no more of this alert."""
        self._versions[news.number] = FINAL if is_final else news.version
        if news.number > (self._taken or 0):
            self._taken = news.number
            await self._deps.memory.meta_set(self.key, str(news.number))

    async def save(self) -> None:
        """What was told since the last time; a run that is killed before it tells an update twice."""
        if self._versions == self._saved:
            return
        for number in sorted(self._versions)[:-MOST_FOLLOWED]:
            del self._versions[number]
        await self._deps.memory.meta_set(f"{self.key}.versions", msgspec.json.encode(self._versions).decode())
        self._saved = dict(self._versions)

    async def _begin(self) -> None:
        """A new listener begins with what comes from now on."""
        kept = await self._deps.memory.meta_get(self.key)
        if kept is None or not kept.isdigit():
            newest = await self._deps.alerts.recent(limit=AT_ONCE)
            self._taken = max((row.alert.id or 0 for row in newest), default=0)
            await self._deps.memory.meta_set(self.key, str(self._taken))
            return
        self._versions = await self._kept_versions()
        since_s = self._deps.clock.now_ms() / 1000 - FOLLOWED_S
        rows = await self._deps.alerts.recent(limit=MOST_FOLLOWED, since_s=since_s) if self._versions else []
        now_s = self._deps.clock.monotonic()
        known = [row.alert for row in rows if (row.alert.id or 0) in self._versions]
        self._learned |= {alert.key: now_s for alert in known}
        self._taken = int(kept)

    async def _kept_versions(self) -> dict[int, str]:
        text = await self._deps.memory.meta_get(f"{self.key}.versions")
        try:
            return {} if text is None else _versions_decoder.decode(text)
        except msgspec.MsgspecError as problem:
            log.warning("alerts told before are not told again when more is known: %s", problem)
            return {}

    async def _behind(self, taken: int) -> list[Alert]:
        """One for each event of the market, however many chats were told it."""
        found: list[Alert] = []
        place: AlertPlace | None = None
        while True:
            rows = await self._deps.alerts.recent(limit=AT_ONCE, before=place)
            found += [row.alert for row in rows if (row.alert.id or 0) > taken]
            if len(rows) < AT_ONCE or (rows[-1].alert.id or 0) <= taken:
                return sorted(found, key=lambda alert: alert.id or 0)
            place = AlertPlace(rows[-1].alert.ts, rows[-1].alert.id or 0)

    async def _changed(self, alerts: Sequence[Alert]) -> list[AlertNews]:
        """Of those it was told of, which say something else by now."""
        told = [alert for alert in alerts if self._versions.get(alert.id or 0, FINAL) != FINAL]
        outcomes = await self._deps.outcomes_of([alert.key for alert in told]) if told else {}
        news = [AlertNews(alert=one, is_update=True, outcomes=outcomes.get(one.key, ())) for one in told]
        changed = [one for one in news if one.version != self._versions[one.number]]
        return sorted(changed, key=lambda one: one.number)
