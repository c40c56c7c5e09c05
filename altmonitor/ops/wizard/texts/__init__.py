"""Every word of the wizard, one table per language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from altmonitor.ops.wizard.texts import en as texts_en
from altmonitor.ops.wizard.texts import ru as texts_ru
from altmonitor.ops.wizard.texts import zh as texts_zh

NAMES: Mapping[str, str] = {"en": "English", "zh": "中文", "ru": "Русский"}
TABLES: Mapping[str, Mapping[str, str]] = {"en": texts_en.TEXTS, "zh": texts_zh.TEXTS, "ru": texts_ru.TEXTS}


@dataclass(frozen=True, slots=True)
class Texts:
    """lang: a key of `TABLES`."""

    lang: str

    def say(self, key: str, **names: object) -> str:
        return TABLES[self.lang][key].format(**names)
