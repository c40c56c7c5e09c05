from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.sim.telegram.html import Entity, EntityError, parse_html, plain


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<div>x</div>", 'Unsupported start tag "div" at byte offset 0'),
        ("5 < 6", 'Unsupported start tag "" at byte offset 2'),
        ("<br/>x", 'Unsupported start tag "br/" at byte offset 0'),
        ("币<p>x</p>", 'Unsupported start tag "p" at byte offset 3'),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ('<a href="x"', 'Unclosed start tag "a" at byte offset 0'),
        ("<a href>x</a>", 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_what_telegram_refuses_is_refused_in_its_words(html: str, complaint: str) -> None:
    with pytest.raises(EntityError) as refused:
        parse_html(html)
    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<b>PUMP</b> <code>SOLUSDT</code>", "PUMP SOLUSDT"),
        ("a &amp;&lt;&gt;&quot; b", 'a &<>" b'),
        ("&#65;&#x42; &nbsp; & &copy;", "AB &nbsp; & &copy;"),
        ("  <i> padded </i>\n", "padded"),
        ("<B>case</b>", "case"),
        ("<blockquote expandable>long</blockquote>", "long"),
        ("<b></b>x", "x"),
    ],
)
def test_tags_and_characters_become_text(html: str, text: str) -> None:
    assert parse_html(html).text == text


def test_nested_styles_keep_their_stretch_and_link() -> None:
    parsed = parse_html('x<b>bold <a href="https://e.org/?a=1&amp;b=2">link</a></b>')

    assert parsed.entities == (
        Entity(type="bold", start=1, end=10),
        Entity(type="text_link", start=6, end=10, argument="https://e.org/?a=1&b=2"),
    )


def test_length_counts_two_units_for_an_emoji_and_none_for_tags() -> None:
    assert parse_html("<b>🚀a币</b>").utf16_length == 4


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",))))
def test_escaped_text_is_always_accepted_and_reads_as_written(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert parse_html(f"<b>{escaped}</b>").text == text.strip()


@given(st.text(alphabet="<>/ab =\"'&;x", max_size=30))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        parsed = parse_html(text)
    except EntityError as refused:
        assert "byte offset" in str(refused) or "end tag" in str(refused)
    else:
        assert all(0 <= entity.start < entity.end <= len(parsed.text) for entity in parsed.entities)


def test_without_a_parse_mode_tags_stay_text() -> None:
    assert plain(" <b>x</b> ").text == "<b>x</b>"
