"""Every word an answer to a command says. `{names}` are filled in, already escaped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from altmonitor.core.types import LANGUAGES
from altmonitor.render.texts.destinations import PLACES, RECORD
from altmonitor.render.texts.help import HELP
from altmonitor.render.texts.market import MARKET, WHY
from altmonitor.render.texts.outcomes import OUTCOMES
from altmonitor.render.texts.positions import POSITIONS
from altmonitor.render.texts.refusals import REFUSALS
from altmonitor.render.texts.settings import LISTS, TUNING
from altmonitor.render.texts.status import STATUS
from altmonitor.render.texts.traders import TRADERS

TABLES = (REFUSALS, LISTS, STATUS, RECORD, TUNING, PLACES, MARKET, WHY, POSITIONS, OUTCOMES, TRADERS, HELP)

REPLY_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {lang: MappingProxyType({key: text for table in TABLES for key, text in table[lang].items()}) for lang in LANGUAGES}
)


def say_reply(lang: str, key: str, **values: object) -> str:
    """The text of `key` with its `{names}` filled in. Raises KeyError for an unknown language, key or missing name."""
    return REPLY_TEXTS[lang][key].format(**values)
