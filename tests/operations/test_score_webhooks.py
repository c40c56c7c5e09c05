"""Webhooks are registered, shown without secrets and deleted; addresses of this network are refused."""

from __future__ import annotations

import pytest

from altmonitor.operations.errors import BadArgument
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import whole
from tests.operations.test_confirm import asked

URL = "https://example.com/hook?token=abc"
SECRET = "sixteen characters"


async def test_a_webhook_is_registered_listed_without_its_secret_and_deleted() -> None:
    bench = Bench()
    context = whole(bench)
    made = await asked("add_webhook", context, url=URL, secret=SECRET, events=["HIGH", "*"], symbols=["sol"])
    assert (made.url, made.events, made.symbols) == ("https://example.com/hook", ("HIGH", "*"), ("SOLUSDT",))
    kept = await bench.scores.receivers()
    assert kept[0].url == URL
    assert SECRET not in repr(kept)
    assert (await asked("list_webhooks", context)).webhooks == (made,)
    assert (await asked("delete_webhook", context, id=str(made.id))).is_deleted
    assert not (await asked("delete_webhook", context, id=str(made.id))).is_deleted


async def test_events_default_to_high_and_veto() -> None:
    made = await asked("add_webhook", whole(), url=URL, secret=SECRET)
    assert made.events == ("HIGH", "VETO")


async def test_addresses_of_this_network_and_short_secrets_are_refused() -> None:
    context, wrong = whole(), []
    for url in (
        *("http://127.0.0.1:8000/", "http://localhost/", "http://10.1.2.3/x", "http://[::1]/", "http://192.168.0.1/"),
        *(
            "http://169.254.169.254/latest",
            "http://[::ffff:10.0.0.1]/",
            "ftp://example.com/",
            "https://a:b@example.com/",
        ),
        *("http://printer.local/", "https:///nothing"),
    ):
        try:
            await asked("add_webhook", context, url=url, secret=SECRET)
        except BadArgument:
            continue
        wrong.append(url)
    assert wrong == []
    with pytest.raises(BadArgument, match="secret must be text of 16"):
        await asked("add_webhook", context, url=URL, secret="x" * 15)
    with pytest.raises(BadArgument, match="events"):
        await asked("add_webhook", context, url=URL, secret=SECRET, events=["LOW"])
