"""Posts between parts of one process, for tests; gone at the end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from altmonitor.interfaces.cluster import Post, PostEnd, shard_of


class MemoryPosts:
    """`interfaces.cluster.PostBox`."""

    def __init__(self) -> None:
        self._posts: dict[int, Post] = {}
        self._ends: dict[int, PostEnd] = {}

    async def put(self, posts: Sequence[Post]) -> Sequence[int]:
        first = len(self._posts) + 1
        ids = list(range(first, first + len(posts)))
        self._posts |= {post_id: replace(post, id=post_id) for post_id, post in zip(ids, posts, strict=True)}
        return ids

    async def waiting(self, shards: Collection[int], *, after_id: int) -> Sequence[Post]:
        return [
            post
            for post in self._posts.values()
            if post.id not in self._ends
            and not post.to_feed
            and (post.id > after_id if post.destination is None else shard_of(post.destination.chat_id) in shards)
        ]

    async def waiting_for_feed(self) -> Sequence[Post]:
        return [post for post in self._posts.values() if post.to_feed and post.id not in self._ends]

    async def newest_id(self) -> int:
        return max(self._posts, default=0)

    async def end(self, post_id: int, end: PostEnd) -> None:
        self._ends.setdefault(post_id, end)

    async def ended(self, post_ids: Collection[int]) -> Mapping[int, PostEnd]:
        return {post_id: self._ends[post_id] for post_id in post_ids if post_id in self._ends}

    async def prune(self, *, before_ms: int) -> None:
        self._posts = {post_id: post for post_id, post in self._posts.items() if post.created_ms >= before_ms}
