"""Every word an alert, a digest and a piece of news says, one table per language. `{names}` are filled in by the
renderers, already escaped.

Facts in neutral words: what was measured and when. No advice, no forecast, no reading of who did what.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from altmonitor.core.types import LANGUAGES
from altmonitor.render.texts.alerts import ALERTS
from altmonitor.render.texts.digests import DIGESTS
from altmonitor.render.texts.episodes import EPISODES
from altmonitor.render.texts.notices import NOTICES, TRACKING
from altmonitor.render.texts.reasons import REASONS
from altmonitor.render.texts.status import CHAT

_TABLES = (ALERTS, EPISODES, DIGESTS, NOTICES, CHAT, TRACKING, REASONS)

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        lang: MappingProxyType({key: text for table in _TABLES for key, text in table[lang].items()})
        for lang in LANGUAGES
    }
)


def say(lang: str, key: str, **values: object) -> str:
    """The text of `key` with its `{names}` filled in. Raises KeyError for an unknown language, key or missing name."""
    return TEXTS[lang][key].format(**values)
