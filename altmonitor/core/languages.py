"""The languages of the texts."""

from __future__ import annotations

LANGUAGES = ("en", "zh", "ru")
