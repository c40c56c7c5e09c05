from __future__ import annotations

import re
import string
from pathlib import Path

import altmonitor
from altmonitor.render.texts.page_texts import PAGE_TEXTS
from tests.render.render_cases import has_cjk

ROOT = Path(altmonitor.__file__).parent


def test_every_word_of_a_page_exists_in_every_language_with_the_same_names_to_fill_in() -> None:
    wrong = []
    for key, english in PAGE_TEXTS["en"].items():
        for lang in ("zh", "ru"):
            texts = [text.get(key, "") for text in (PAGE_TEXTS["en"], PAGE_TEXTS[lang])]
            names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts]
            if names[0] != names[1] or not texts[1] or has_cjk(english):
                wrong.append((lang, key))
        if not has_cjk(PAGE_TEXTS["zh"][key]):
            wrong.append(("zh", key))
        if not re.search("[а-яё]", PAGE_TEXTS["ru"][key], re.IGNORECASE):
            wrong.append(("ru", key))
    assert wrong == []
    assert PAGE_TEXTS["en"].keys() == PAGE_TEXTS["zh"].keys() == PAGE_TEXTS["ru"].keys()


def test_every_word_of_a_page_is_shown_somewhere() -> None:
    sources = [*(ROOT / "web").rglob("*.py"), *(ROOT / "web" / "templates").iterdir()]
    shown = "\n".join(path.read_text("utf-8") for path in sources)
    made = ("nav_", "state_")  # followed by a page's or a state's name
    assert [key for key in PAGE_TEXTS["en"] if not key.startswith(made) and not re.search(rf"\b{key}\b", shown)] == []
