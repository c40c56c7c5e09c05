"""What one process of a cluster wants said by another, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import asyncpg

from altmonitor.interfaces.cluster import SHARDS, Post, PostEnd
from altmonitor.storage.postgres.connection import PostgresConnection, numbered
from altmonitor.storage.rows import Row, destination_of, topic_column

ROWS_AT_ONCE = 1_000

_PUT = "INSERT INTO posts (chat_id, topic_id, body, created_ms, to_feed) VALUES (?, ?, ?, ?, ?) RETURNING id"
_WAITING = (
    "SELECT id, chat_id, topic_id, body, created_ms FROM posts WHERE message_id IS NULL AND NOT to_feed "  # noqa: S608
    f"AND ((abs(chat_id) % {SHARDS})::int = ANY(?::int[]) OR (chat_id IS NULL AND id > ?)) ORDER BY id LIMIT ?"
)
_TO_FEED = (
    "SELECT id, chat_id, topic_id, body, created_ms FROM posts WHERE message_id IS NULL AND to_feed ORDER BY id LIMIT ?"
)


class PostgresPosts:
    """`interfaces.cluster.PostBox`."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    async def put(self, posts: Sequence[Post]) -> Sequence[int]:
        async def insert(connection: asyncpg.Connection[Any]) -> list[int]:
            return [
                await connection.fetchval(
                    numbered(_PUT),
                    None if post.destination is None else post.destination.chat_id,
                    0 if post.destination is None else topic_column(post.destination),
                    post.body,
                    post.created_ms,
                    post.to_feed,
                )
                for post in posts
            ]

        return await self._connection.transaction(insert)

    async def waiting(self, shards: Collection[int], *, after_id: int) -> Sequence[Post]:
        return [_post(row) for row in await self._connection.fetch(_WAITING, (sorted(shards), after_id, ROWS_AT_ONCE))]

    async def waiting_for_feed(self) -> Sequence[Post]:
        return [replace(_post(row), to_feed=True) for row in await self._connection.fetch(_TO_FEED, (ROWS_AT_ONCE,))]

    async def newest_id(self) -> int:
        return int((await self._connection.fetch("SELECT coalesce(max(id), 0) FROM posts"))[0][0])

    async def end(self, post_id: int, end: PostEnd) -> None:
        await self._connection.fetch(
            "UPDATE posts SET message_id = ?, problem = ? WHERE id = ? AND message_id IS NULL RETURNING id",
            (end.message_id, end.problem, post_id),
        )

    async def ended(self, post_ids: Collection[int]) -> Mapping[int, PostEnd]:
        rows = await self._connection.fetch(
            "SELECT id, message_id, problem FROM posts WHERE id = ANY(?::bigint[]) AND message_id IS NOT NULL",
            (list(post_ids),),
        )
        return {row[0]: PostEnd(message_id=row[1], problem=row[2]) for row in rows}

    async def prune(self, *, before_ms: int) -> None:
        await self._connection.fetch("DELETE FROM posts WHERE created_ms < ? RETURNING id", (before_ms,))


def _post(row: Row) -> Post:
    destination = None if row[1] is None else destination_of(row[1], row[2])
    return Post(id=row[0], destination=destination, body=row[3], created_ms=row[4])
