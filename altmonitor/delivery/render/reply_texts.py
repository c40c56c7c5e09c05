"""Every word an answer to a command says. `{names}` are filled in, already escaped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from altmonitor.delivery.render.texts_help import HELP
from altmonitor.delivery.render.texts_lists import LISTS
from altmonitor.delivery.render.texts_market import MARKET
from altmonitor.delivery.render.texts_places import PLACES
from altmonitor.delivery.render.texts_positions import POSITIONS
from altmonitor.delivery.render.texts_record import RECORD
from altmonitor.delivery.render.texts_refusals import REFUSALS
from altmonitor.delivery.render.texts_status import STATUS
from altmonitor.delivery.render.texts_tuning import TUNING
from altmonitor.delivery.render.texts_why import WHY
from altmonitor.languages import LANGUAGES

TABLES = (REFUSALS, LISTS, STATUS, RECORD, TUNING, PLACES, MARKET, WHY, POSITIONS, HELP)

REPLY_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {lang: MappingProxyType({key: text for table in TABLES for key, text in table[lang].items()}) for lang in LANGUAGES}
)


def say_reply(lang: str, key: str, **values: object) -> str:
    """The text of `key` with its `{names}` filled in. Raises KeyError for an unknown language, key or missing name."""
    return REPLY_TEXTS[lang][key].format(**values)
