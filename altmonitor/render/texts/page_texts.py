"""Every word a page of the dashboard says. `{names}` are plain text: the templates escape what they show."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from altmonitor.core.types import LANGUAGES
from altmonitor.render.texts.page_outcomes import PAGE_OUTCOMES
from altmonitor.render.texts.page_trial import PAGE_TRIAL
from altmonitor.render.texts.pages import PAGES
from altmonitor.render.texts.pages_more import MORE_PAGES

PAGE_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        lang: MappingProxyType({**PAGES[lang], **MORE_PAGES[lang], **PAGE_OUTCOMES[lang], **PAGE_TRIAL[lang]})
        for lang in LANGUAGES
    }
)


def say_page(lang: str, key: str, /, **values: object) -> str:
    """The text of `key` with its `{names}` filled in. Raises KeyError for an unknown language, key or missing name."""
    return PAGE_TEXTS[lang][key].format(**values)
