from __future__ import annotations

import re
import string

import pytest

from altmonitor.render.texts import TEXTS, say
from tests.render.render_cases import has_cjk


def names_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_key_exists_in_every_language_with_the_same_names_to_fill_in() -> None:
    assert set(TEXTS) == {"en", "zh", "ru"}
    assert set(TEXTS["en"]) == set(TEXTS["zh"]) == set(TEXTS["ru"])
    for key, template in TEXTS["en"].items():
        assert names_in(template) == names_in(TEXTS["zh"][key]), key
        assert names_in(template) == names_in(TEXTS["ru"][key]), key


def test_russian_is_in_cyrillic_where_english_has_words_and_holds_no_chinese() -> None:
    signs = {"👆 {by}: {what}", "➕ {doubled}", "{entry} ({asides})", "🐋 {page}: {sides}", "{also}, {order}"}
    same = {"BTC {change}", "{also}, {order}", "{quantity} {base}", ", ", "; ", *signs}
    for key, russian in TEXTS["ru"].items():
        assert not has_cjk(russian), key
        assert russian in same or re.search("[а-яё]", russian, re.IGNORECASE) or russian.startswith("https://"), key


def test_english_holds_no_chinese_and_chinese_does_where_english_has_words() -> None:
    same = {"BTC {change}", "{quantity} {base}", "➕ {doubled}", "{entry} ({asides})"}
    for key, template in TEXTS["en"].items():
        assert not has_cjk(template), key
        chinese = TEXTS["zh"][key]
        assert chinese in same or has_cjk(chinese) or chinese.startswith("https://"), key


def test_chinese_sentences_use_chinese_punctuation() -> None:
    for key, template in TEXTS["zh"].items():
        assert not re.search(r"[\u3400-\u9fff}>] ?[,;:(]|[,;)] ?[\u3400-\u9fff]", template), key


@pytest.mark.parametrize(
    ("lang", "unwanted"),
    [
        (
            "en",
            r"\b(bull\w*|bear\w*|signals?|buy|sell|long entry|squeeze|opportunit\w*|target|expect\w*|likely|soon)\b",
        ),
        (
            "ru",
            r"бычь|медвеж|сигнал|покупайте|продавайте|купить|продать|рекоменд|совет|цел[ьи]\b|ожида|вероятно|скоро\b|прогноз",
        ),
        ("zh", "看涨|看跌|做多|做空|信号|利好|利空|抄底|建议|机会|目标|预计|有望"),
    ],
)
def test_texts_state_facts_and_neither_advise_nor_foretell(lang: str, unwanted: str) -> None:
    for key, template in TEXTS[lang].items():
        is_address = template.startswith("https://")
        assert is_address or not re.search(unwanted, template, re.IGNORECASE), key


def test_every_text_closes_the_tags_it_opens() -> None:
    for table in TEXTS.values():
        for key, template in table.items():
            for tag in ("b", "i", "code"):
                assert template.count(f"<{tag}>") == template.count(f"</{tag}>"), key


def test_a_missing_name_or_key_is_an_error_not_an_empty_text() -> None:
    assert say("en", "price_sign", sign="↑") == "price ↑"
    with pytest.raises(KeyError):
        say("en", "price_sign")
    with pytest.raises(KeyError):
        say("en", "no such text")
    with pytest.raises(KeyError):
        say("fr", "price_sign", sign="↑")
