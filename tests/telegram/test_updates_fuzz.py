"""Updates of every shape: each becomes a value, and none an exception that would end the listener."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altmonitor.commands.table import BadCommand, Command, NotACommand, parse
from altmonitor.core.types import Destination
from altmonitor.telegram.types import Incoming
from altmonitor.telegram.updates import Ignored, Membership, Moved, read_update
from tests.effort import examples
from tests.fuzz import STRANGE, broken_value

NOW_MS = 1_790_000_040_000
ANN = {"id": 7, "is_bot": False, "first_name": "Ann", "last_name": "Li", "username": "ann"}
BOT = {"id": 99, "is_bot": True, "first_name": "altmonitor", "username": "AltmonitorBot"}
GROUP = {"id": -100, "type": "supergroup", "title": "Traders"}
MESSAGE = {
    "message_id": 3,
    "date": 1_790_000_000,
    "chat": GROUP,
    "from": ANN,
    "text": "/set_pump@AltmonitorBot 5",
    "message_thread_id": 9,
    "is_topic_message": True,
    "entities": [{"type": "bot_command", "offset": 0, "length": 9}],
}
MEMBER = {"user": BOT, "status": "member"}
UPDATES: dict[str, Any] = {
    "message": {"update_id": 1, "message": MESSAGE},
    "edited": {"update_id": 1, "edited_message": MESSAGE | {"edit_date": 1_790_000_009}},
    "post": {"update_id": 1, "channel_post": {key: MESSAGE[key] for key in ("message_id", "date", "chat", "text")}},
    "press": {
        "update_id": 1,
        "callback_query": {"id": "5", "from": ANN, "chat_instance": "1", "data": "/status", "message": MESSAGE},
    },
    "membership": {
        "update_id": 1,
        "my_chat_member": {
            "chat": GROUP,
            "from": ANN,
            "date": 1_790_000_000,
            "old_chat_member": MEMBER,
            "new_chat_member": {"user": BOT, "status": "kicked", "until_date": 0},
        },
    },
    "moved": {"update_id": 1, "message": {**MESSAGE, "text": None, "migrate_to_chat_id": -1_007}},
}
SCALARS = [value for value in STRANGE if not isinstance(value, float)]


def read(update: dict[str, Any]) -> Incoming | Membership | Moved | Ignored:
    return read_update(update, bot_username="AltmonitorBot", now_ms=NOW_MS)


def check(found: Incoming | Membership | Moved | Ignored) -> None:
    """What comes out is of the types it says it is, so that nobody behind has to look again."""
    if isinstance(found, Incoming):
        assert isinstance(found.text, str)
        assert isinstance(found.destination.chat_id, int)
        assert isinstance(found.message_id, int)
        assert isinstance(found.date_ms, int)
        assert found.user_id is None or isinstance(found.user_id, int)
        assert isinstance(found.user_name, str)
        assert isinstance(parse(found.text), Command | BadCommand | NotACommand)
    elif isinstance(found, Membership):
        assert isinstance(found.chat_id, int)
    elif isinstance(found, Moved):
        assert isinstance(found.chat_id, int)
        assert isinstance(found.new_chat_id, int)
    else:
        assert isinstance(found, Ignored)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("message", Incoming),
        ("edited", Incoming),
        ("press", Incoming),
        ("post", Incoming),
        ("membership", Membership),
        ("moved", Moved),
    ],
)
def test_the_undamaged_updates_are_understood(kind: str, expected: type) -> None:
    assert isinstance(read(UPDATES[kind]), expected)


ABSENT = object()
ODD = [ABSENT, None, "", [], {}, True, False, 0, -1, 1.5, 10**30, "x", "7", "\ud800", [1], {"id": None}, {"x": {}}]
"""What may stand where something else should."""

OPTIONAL = {
    "message": """message_id date from from/id from/first_name from/last_name from/username from/is_bot chat/title
        entities sender_chat edit_date reply_to_message link_preview_options via_bot new_chat_members photo
        forward_origin migrate_to_chat_id migrate_from_chat_id""",
    "edited": "message_id from chat/title edit_date entities sender_chat",
    "post": "message_id date chat/title chat/type from author_signature sender_chat",
    "press": """from from/id from/username chat_instance id inline_message_id message/from message/date message/text
        message/message_id message/entities message/chat/title""",
    "membership": "from date old_chat_member chat/title new_chat_member/user new_chat_member/until_date invite_link",
    "moved": "message_id date from text chat/title",
}
"""Below the one content of an update, what is not needed to decide what it means and whom it concerns."""


def with_odd(update: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    damaged = copy.deepcopy(update)
    at = next(content for key, content in damaged.items() if key != "update_id")
    *parents, key = path.split("/")
    for parent in parents:
        at = at[parent]
    at.pop(key, None)
    if value is not ABSENT:
        at[key] = value
    return damaged


def meaning(found: object) -> object:
    """Without what the optional fields say."""
    if not isinstance(found, Incoming):
        return found
    return (found.text, found.destination, found.is_edited, found.chat_type, found.press_id is None)


@pytest.mark.parametrize("kind", UPDATES)
def test_an_odd_optional_field_changes_nothing_of_what_an_update_means(kind: str) -> None:
    wrong = []
    for path in OPTIONAL[kind].split():
        for value in ODD:
            if path.startswith("migrate_") and value == -1:
                continue  # a chat's id
            found = read(with_odd(UPDATES[kind], path, value))
            check(found)
            if meaning(found) != meaning(read(UPDATES[kind])):
                wrong.append((path, value, found))
    assert wrong == []


def test_a_chat_without_a_type_is_one_where_least_is_allowed() -> None:
    for value in ODD:
        found = read(with_odd(UPDATES["message"], "chat/type", value))
        assert isinstance(found, Incoming)
        assert found.chat_type == "supergroup"


def test_a_topic_that_cannot_be_read_is_the_chat_itself() -> None:
    for path in ("message_thread_id", "is_topic_message"):
        for value in ODD:
            if path == "is_topic_message" and value is True:
                continue
            found = read(with_odd(UPDATES["message"], path, value))
            assert isinstance(found, Incoming)
            assert found.destination == Destination(chat_id=-100)


@pytest.mark.parametrize("kind", UPDATES)
@settings(max_examples=examples(400))
@given(data=st.data())
def test_a_damaged_update_is_a_value(kind: str, data: st.DataObject) -> None:
    update = data.draw(broken_value(UPDATES[kind]))
    if isinstance(update, dict):
        check(read(update))


@settings(max_examples=examples(300))
@given(
    st.dictionaries(
        st.sampled_from(["update_id", "message", "edited_message", "channel_post", "callback_query", "my_chat_member"]),
        st.recursive(
            st.sampled_from(SCALARS),
            lambda inner: st.dictionaries(
                st.sampled_from(
                    ["id", "chat", "from", "date", "text", "type", "message_id", "data", "message", "user"]
                ),
                inner,
                max_size=8,
            ),
            max_leaves=12,
        ),
    )
)
@example({})
@example({"update_id": 1, "message": {"message_id": 1, "date": 10**18, "chat": GROUP, "text": "/status"}})
@example({"update_id": 1, "message": {"message_id": 1, "date": -(10**12), "chat": GROUP, "text": "/status"}})
def test_a_made_up_update_is_a_value(update: dict[str, Any]) -> None:
    check(read(update))
