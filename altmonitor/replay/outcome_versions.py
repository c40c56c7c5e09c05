"""Which detectors and which thresholds raised an alert: short digests that are frozen in its record."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from altmonitor import detectors
from altmonitor.core.clock import Clock
from altmonitor.interfaces.storage import MetaStore
from altmonitor.market import math as market_math
from altmonitor.replay import outcomes
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import SETTINGS, Settings

SETTINGS_KEY: Final = "settings:{version}"
ADAPTIVE_KEYS: Final = ("adaptive_sigmas", "adaptive_floor_pct", "adaptive_volume_mult", "adaptive_volume_floor")


@lru_cache(maxsize=1)
def outcome_version() -> str:
    """Of the detectors and of how outcomes are measured: of their code, so that a new comment begins no new record."""
    digest = hashlib.sha256()
    files = sorted(Path(detectors.__file__).parent.glob("*.py"))
    for path in (*files, Path(market_math.__file__), Path(outcomes.__file__)):
        digest.update(code_of(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def code_of(source: str) -> str:
    """Without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            texts = [one for one in body if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)]
            node.body = [one for one in body if one not in texts]  # type: ignore[attr-defined]
    return ast.dump(tree)


def settings_version(audiences: Sequence[Audience]) -> tuple[str, str]:
    """(digest, the thresholds as JSON) of all destinations and of symbols that have their own."""
    values = []
    for audience in audiences:
        every = {"": audience.settings, **audience.settings.of_symbol}
        values.append({symbol: _thresholds(settings) for symbol, settings in every.items()})
    text = msgspec.json.encode(values, order="sorted")
    return hashlib.sha256(text).hexdigest()[:16], text.decode()


def _thresholds(settings: Settings) -> dict[str, float]:
    """What bounds follow from in adaptive mode belongs to them only there: fixed ones keep their version."""
    keys = [one.key for one in SETTINGS] + list(ADAPTIVE_KEYS) * settings.is_adaptive
    return {key: getattr(settings, key) for key in keys}


class SettingsVersions:
    """Which settings were in force when, since this run began."""

    def __init__(self, audiences: Sequence[Audience], *, clock: Clock, meta: MetaStore) -> None:
        self._clock = clock
        self._meta = meta
        self._since: list[tuple[int, str]] = []
        self._unsaved: dict[str, str] = {}
        self.changed(audiences)

    def changed(self, audiences: Sequence[Audience]) -> None:
        version, text = settings_version(audiences)
        if not self._since or self._since[-1][1] != version:
            self._since.append((self._clock.now_ms(), version))
            self._unsaved[version] = text

    @property
    def now(self) -> str:
        return self._since[-1][1]

    def at(self, moment_ms: int) -> str | None:
        """None: before this run."""
        return next((version for since_ms, version in reversed(self._since) if since_ms <= moment_ms), None)

    async def save(self) -> None:
        """So that a version can be read as thresholds later. Raises: StorageError."""
        for version, text in list(self._unsaved.items()):
            await self._meta.meta_set(SETTINGS_KEY.format(version=version), text)
            del self._unsaved[version]
