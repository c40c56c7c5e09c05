"""The help: every command, on one screenful of messages."""

from __future__ import annotations

from datetime import UTC

import pytest

from altmonitor.commands.replies import HelpShown
from altmonitor.commands.table import COMMANDS
from altmonitor.core.types import LANGUAGES
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.replies import reply_parts


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("is_start", [False, True])
def test_it_is_one_message_and_names_every_command_once(lang: str, is_start: bool) -> None:
    (part,) = reply_parts(HelpShown(is_start=is_start), Style(lang=lang, tz=UTC))
    assert n.utf16_len(part) <= 4096
    rows = [line.partition("</code>")[0].removeprefix("<code>") for line in part.split("\n") if "</code>" in line]
    assert sorted(row.split()[0] for row in rows) == sorted(f"/{row.name}" for row in COMMANDS if row.name != "start")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_explanation_is_longer_than_two_lines_of_a_phone(lang: str) -> None:
    (part,) = reply_parts(HelpShown(is_start=False), Style(lang=lang, tz=UTC))
    meanings = [line.partition("</code> – ")[2] for line in part.split("\n") if "</code> – " in line]
    assert [text for text in meanings if len(text) > 90] == []
