"""Who wants to be told of signals over HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from altmonitor.config import is_loopback
from altmonitor.core.addresses import is_public
from altmonitor.operations.arguments import WORDS
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.preferences import PreferencesRequest, kept_scores
from altmonitor.operations.symbols import SymbolWord, listed_symbol
from altmonitor.storage.score_store import ScoreReceiver

MOST_RECEIVERS = 20
SECRET_CHARS_MIN = 16

WebhookEvent = Literal["HIGH", "MEDIUM", "VETO", "*"]


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """events: confidences, * for all. symbols: only these, all without. secret: of 16 characters or more; only what
    signatures are made with is kept of it."""

    url: Annotated[str, msgspec.Meta(min_length=8, max_length=500)]
    secret: Annotated[str, msgspec.Meta(min_length=SECRET_CHARS_MIN, max_length=200)]
    events: Annotated[list[WebhookEvent], msgspec.Meta(min_length=1, max_length=4)] = msgspec.field(
        default_factory=lambda: ["HIGH", "VETO"]
    )
    symbols: Annotated[list[SymbolWord], msgspec.Meta(max_length=50)] = msgspec.field(default_factory=list)


class WebhookNumber(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,9}$", extra={WORDS: "the number of a webhook"})]


class WebhookRow(msgspec.Struct, frozen=True, kw_only=True):
    """url: without its query, which may hold a secret."""

    id: int
    url: str
    events: tuple[str, ...]
    symbols: tuple[str, ...]
    created_ts: int


class WebhookRows(msgspec.Struct, frozen=True, kw_only=True):
    webhooks: tuple[WebhookRow, ...]


class DeletedWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """is_deleted: false where there was none (any more)."""

    id: int
    is_deleted: bool


async def list_webhooks(context: OperationContext, arguments: PreferencesRequest) -> WebhookRows:
    return WebhookRows(webhooks=tuple(map(_row, await kept_scores(context).receivers())))


async def add_webhook(context: OperationContext, arguments: NewWebhook) -> WebhookRow:
    store = kept_scores(context)
    _check_url(arguments.url, allow_private=context.config.webhook_allow_private)
    if len(await store.receivers()) >= MOST_RECEIVERS:
        raise BadArgument(f"no more than {MOST_RECEIVERS} webhooks can be kept: delete one first")
    receiver = ScoreReceiver(
        id=0,
        url=arguments.url,
        events=tuple(dict.fromkeys(arguments.events)),
        symbols=tuple(dict.fromkeys(listed_symbol(word, context) for word in arguments.symbols)),
        secret=signature_key(arguments.secret),
        created_ts=context.clock.now_ms() // 1000,
    )
    number = await store.add_receiver(receiver)
    return _row(replace(receiver, id=number))


async def delete_webhook(context: OperationContext, arguments: WebhookNumber) -> DeletedWebhook:
    number = int(arguments.id)
    return DeletedWebhook(id=number, is_deleted=await kept_scores(context).delete_receiver(number))


def signature_key(secret: str) -> str:
    """What signatures are made with, and all that is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_url(url: str, *, allow_private: bool) -> None:
    """Raises: BadArgument. A name is looked up when it is posted to, and refused then."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    if parts is None or not host or parts.scheme not in ("http", "https") or parts.username or parts.password:
        raise BadArgument("url must be an http or https address without a login in it")
    if allow_private:
        return
    is_private = is_loopback(host) or host.endswith((".local", ".internal", ".localhost"))
    with contextlib.suppress(ValueError):
        is_private = is_private or not is_public(str(ipaddress.ip_address(host)))
    if is_private:
        raise BadArgument("url leads to this machine or network: set WEBHOOK_ALLOW_PRIVATE=true if that is meant")


def _row(one: ScoreReceiver) -> WebhookRow:
    shown = one.url.split("?")[0]
    return WebhookRow(id=one.id, url=shown, events=one.events, symbols=one.symbols, created_ts=one.created_ts)


EXAMPLE = {"url": "https://example.com/signals", "secret": "sixteen characters", "events": ["HIGH", "VETO"]}

SCORE_WEBHOOK_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="list_webhooks",
        summary="Addresses that are told of signals.",
        arguments=PreferencesRequest,
        result=WebhookRows,
        run=list_webhooks,
        reads="stored",
        route="GET /v1/webhooks",
        keyed=True,
        tool=False,
    ),
    Operation(
        name="add_webhook",
        summary="Registers an address that is told of signals, signed with its secret.",
        arguments=NewWebhook,
        result=WebhookRow,
        run=add_webhook,
        writes=True,
        reads="stored",
        route="POST /v1/webhooks",
        keyed=True,
        tool=False,
        examples=(Example(title="one", arguments=EXAMPLE),),
    ),
    Operation(
        name="delete_webhook",
        summary="An address is told of signals no more.",
        arguments=WebhookNumber,
        result=DeletedWebhook,
        run=delete_webhook,
        writes=True,
        reads="stored",
        route="DELETE /v1/webhooks/{id}",
        keyed=True,
        tool=False,
        examples=(Example(title="one", arguments={"id": "1"}),),
    ),
)
