"""What the simulated Telegram takes for a photo."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.movable_clock import MovableClock
from tests.sim.telegram_client import GROUP, RawClient, png, telegram


async def photo(client: RawClient, content: bytes, chat_id: int = 5, **fields: Any) -> dict[str, Any]:
    form = aiohttp.FormData()
    form.add_field("photo", io.BytesIO(content), filename="chart.png", content_type="image/png")
    for name, value in {"chat_id": str(chat_id), **fields}.items():
        form.add_field(name, value)
    return await client.form("sendPhoto", form)


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"", "Bad Request: there is no photo in the request"),
        (b"<html>no picture</html>", "Bad Request: IMAGE_PROCESS_FAILED"),
        (png(90, 60)[:60], "Bad Request: IMAGE_PROCESS_FAILED"),
        (png(2_100, 100), "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        (png(5_001, 5_000), "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        (
            b"0" * 10_485_761,
            "Bad Request: file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes",
        ),
    ],
    ids=["empty", "a page", "cut off", "a ribbon", "a wall", "too many bytes"],
)
async def test_what_is_no_photo_is_refused_and_not_kept(content: bytes, description: str) -> None:
    async with telegram() as (sim, client):
        answer = await photo(client, content)
        assert (answer["error_code"], answer["description"]) == (400, description)
        assert not sim.chats[5]


async def test_the_largest_shapes_are_taken() -> None:
    async with telegram() as (sim, client):
        assert (await photo(client, png(2_000, 100)))["ok"]
        assert (await photo(client, png(5_000, 5_000)))["ok"]
        assert len(sim.chats[5]) == 2


async def test_an_upload_with_a_piece_shorter_than_its_boundary_is_read() -> None:
    content = png(90, 60) + bytes(200_000)
    form = aiohttp.FormData({"chat_id": "5"})
    form.add_field("photo", content, filename="chart.png", content_type="image/png")
    upload = form()
    assert isinstance(upload, aiohttp.MultipartWriter)
    body = await upload.as_bytes()
    first = body.index(content) + 5

    async def pieces() -> AsyncIterator[bytes]:
        for begin, end in ((0, first), (first, first + 5), (first + 5, len(body))):
            yield body[begin:end]
            await asyncio.sleep(0.1)  # so that the server has read it before the next is there

    async with telegram() as (sim, client):
        answer = await client.body("sendPhoto", pieces(), upload.content_type)
    assert answer["ok"], answer
    assert sim.chats[5][0].photo == content


async def test_name_and_type_of_the_upload_are_kept() -> None:
    async with telegram() as (sim, client):
        await photo(client, png(90, 60))
        kept = sim.chats[5][0].photo
        assert (getattr(kept, "name", ""), getattr(kept, "content_type", "")) == ("chart.png", "image/png")


async def test_a_caption_has_1024_characters_at_most_and_markup() -> None:
    async with telegram() as (sim, client):
        answer = await photo(client, png(90, 60), caption="<b>x</b>" + "y" * 1024, parse_mode="HTML")
        assert answer["description"] == "Bad Request: message caption is too long"
        answer = await photo(client, png(90, 60), caption="<b>x</b>" + "y" * 1023, parse_mode="HTML")
        assert answer["result"]["caption_entities"] == [{"type": "bold", "offset": 0, "length": 1}]
        assert [message.text for message in sim.chats[5]] == ["x" + "y" * 1023]


async def test_pictures_and_texts_share_the_limits_of_a_chat() -> None:
    async with telegram(MovableClock()) as (sim, client):
        for _ in range(2):
            await client.call("sendMessage", chat_id=GROUP, text="x")
        assert (await photo(client, png(90, 60), GROUP))["ok"]
        answer = await photo(client, png(90, 60), GROUP)
        assert (answer["error_code"], answer["parameters"]) == (429, {"retry_after": 1})
        assert [violation.rule for violation in sim.violations] == ["chat"]


async def test_a_picture_has_no_text_to_edit() -> None:
    async with telegram() as (_, client):
        await photo(client, png(90, 60), caption="chart")
        answer = await client.call("editMessageText", chat_id=5, message_id=1, text="other")
        assert answer["description"] == "Bad Request: there is no text in the message to edit"
