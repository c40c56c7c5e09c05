"""Every refusal of Telegram that means something to us has one row, and nothing else reads its words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram.error import BadRequest, Conflict, Forbidden

import altmonitor
from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ChatClosed, DeliveryError, MessageRefused, SecondPoller, TopicClosed
from altmonitor.telegram.descriptions import REFUSALS, refusal_of
from altmonitor.telegram.errors import typed

GIVEN: dict[tuple[CauseCode, type[DeliveryError]], tuple[str, ...]] = {
    (CauseCode.BLOCKED_BY_USER, ChatClosed): ("bot was blocked by the user", "USER_IS_BLOCKED"),
    (CauseCode.DEACTIVATED, ChatClosed): (
        "user is deactivated",
        "the group chat was deleted",
        "INPUT_USER_DEACTIVATED",
    ),
    (CauseCode.KICKED, ChatClosed): (
        "bot was kicked from the supergroup chat",
        "bot was kicked from the channel chat",
        "bot is not a member of the channel chat",
        "USER_NOT_PARTICIPANT",
        "CHANNEL_PRIVATE",
        "CHAT_FORBIDDEN",
    ),
    (CauseCode.NO_RIGHTS, ChatClosed): (
        "Not enough rights to send text messages to the chat",
        "have no rights to send a message",
        "need administrator rights in the channel chat",
        "have no write access to the chat",
        "CHAT_WRITE_FORBIDDEN",
        "CHAT_RESTRICTED",
        "CHAT_ADMIN_REQUIRED",
        "CHAT_SEND_PLAIN_FORBIDDEN",
        "USER_BANNED_IN_CHANNEL",
    ),
    (CauseCode.NO_RIGHTS, MessageRefused): (
        "not enough rights to send photos to the chat",
        "not enough rights to manage pinned messages in the chat",
        "CHAT_SEND_PHOTOS_FORBIDDEN",
    ),
    (CauseCode.CHAT_UNKNOWN, ChatClosed): ("chat not found", "PEER_ID_INVALID", "CHAT_ID_INVALID", "CHANNEL_INVALID"),
    (CauseCode.TOPIC_CLOSED, TopicClosed): ("TOPIC_CLOSED", "topic is closed"),
    (CauseCode.TOPIC_DELETED, TopicClosed): ("message thread not found", "TOPIC_DELETED", "TOPIC_ID_INVALID"),
    (CauseCode.NOT_MODIFIED, MessageRefused): (
        "message is not modified: specified new message content and reply markup are exactly the same as a current "
        "content and reply markup of the message",
        "MESSAGE_NOT_MODIFIED",
    ),
    (CauseCode.REPLY_GONE, MessageRefused): (
        "message to be replied not found",
        "reply message not found",
        "replied message not found",
        "REPLY_MESSAGE_ID_INVALID",
    ),
    (CauseCode.MESSAGE_GONE, MessageRefused): (
        "message to edit not found",
        "message to pin not found",
        "message can't be edited",
        "MESSAGE_ID_INVALID",
    ),
    (CauseCode.BUTTONS, MessageRefused): (
        "BUTTON_DATA_INVALID",
        "BUTTON_URL_INVALID",
        "Can't parse reply keyboard markup JSON object",
        "Can't parse inline keyboard button: BUTTON_TYPE_INVALID",
        "Text buttons are unallowed in the inline keyboard",
        "Object expected as reply markup",
        "reply markup is too long",
        "invalid button style specified",
    ),
    (CauseCode.MARKUP, MessageRefused): (
        "can't parse entities: unexpected end tag at byte offset 7",
        'can\'t parse entities: Unsupported start tag "x" at byte offset 0',
        "ENTITY_BOUNDS_INVALID",
        "ENTITIES_TOO_LONG",
    ),
    (CauseCode.TOO_LONG, MessageRefused): ("message is too long", "message caption is too long", "MESSAGE_TOO_LONG"),
    (CauseCode.OTHER, MessageRefused): ("message text is empty", "PHOTO_INVALID_DIMENSIONS", "something new"),
}
"""Descriptions as Telegram gives them, by what they mean."""


def told(text: str, kind: type[BadRequest | Forbidden | Conflict]) -> tuple[CauseCode, type[DeliveryError]]:
    found = typed(kind(text))
    return found.cause.code, type(found)


def test_every_description_means_what_the_table_says_with_400() -> None:
    wrong = [
        (text, told(text, BadRequest))
        for meaning, texts in GIVEN.items()
        for text in texts
        if told(text, BadRequest) != meaning
    ]
    assert wrong == []


def test_with_403_whatever_is_said_the_chat_is_closed_and_the_code_is_the_same() -> None:
    wrong = []
    for (code, kind), texts in GIVEN.items():
        if code is CauseCode.NOT_MODIFIED:
            continue
        closed = CauseCode.NOT_LET_WRITE if code is CauseCode.OTHER else code
        wrong += [(text, kind) for text in texts if told(f"Forbidden: {text}", Forbidden) != (closed, ChatClosed)]
    assert wrong == []


def test_with_409_another_program_reads_or_a_webhook_is_set() -> None:
    webhook = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    assert told(f"Conflict: {webhook}", Conflict) == (CauseCode.WEBHOOK, SecondPoller)
    other = "terminated by other getUpdates request; make sure that only one bot instance is running"
    assert told(f"Conflict: {other}", Conflict) == (CauseCode.SECOND_POLLER, SecondPoller)


def test_every_row_is_reached_by_a_description_that_is_known() -> None:
    reached = {refusal_of(400, text) for texts in GIVEN.values() for text in texts}
    reached |= {refusal_of(409, "webhook"), refusal_of(409, "terminated")}
    assert [row.pattern.pattern for row in REFUSALS if row not in reached] == []


@given(
    st.sampled_from([(meaning, text) for meaning, texts in GIVEN.items() for text in texts]),
    st.sampled_from(["", "Bad Request: ", "bad request: "]),
    st.sampled_from([str, str.upper, str.lower, str.capitalize]),
    st.sampled_from(["", " ", ".", ": -100123 at byte offset 12"]),
)
def test_neither_case_nor_what_stands_around_it_changes_what_a_description_means(
    given_text: tuple[tuple[CauseCode, type[DeliveryError]], str], before: str, case: type[str], after: str
) -> None:
    meaning, text = given_text
    assert told(before + case(text) + after, BadRequest) == meaning


@given(st.text(max_size=200))
def test_whatever_is_said_becomes_a_refusal(text: str) -> None:
    for kind, errors in (
        (BadRequest, (MessageRefused, ChatClosed)),
        (Forbidden, (ChatClosed,)),
        (Conflict, (SecondPoller,)),
    ):
        assert isinstance(typed(kind(text)), errors)


def _asked_words(tree: ast.AST) -> list[str]:
    """Constants that a module looks for in a text."""
    compares = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    return [
        node.left.value.lower()
        for node in compares
        if isinstance(node.left, ast.Constant)
        and isinstance(node.left.value, str)
        and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops)
    ]


def test_nothing_but_the_table_looks_for_telegrams_words() -> None:
    root = Path(altmonitor.__file__).parent
    known = [text.lower() for texts in GIVEN.values() for text in texts]
    found = []
    for package in ("telegram", "delivery", "app", "commands", "render", "ops/wizard", "ops/doctor"):
        for path in sorted((root / package).rglob("*.py")):
            words = _asked_words(ast.parse(path.read_text()))
            found += [
                (path.relative_to(root).as_posix(), word)
                for word in words
                if len(word) > 3 and any(word in text for text in known)
            ]
    assert found == []


@pytest.mark.parametrize("code", [CauseCode.NO_RIGHTS, CauseCode.CHAT_UNKNOWN, CauseCode.TOPIC_DELETED])
def test_what_a_person_can_mend_says_how(code: CauseCode) -> None:
    assert all(row.way_out for row in REFUSALS if row.code is code)
