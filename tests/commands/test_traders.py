"""/whales and /trader in the chat: what they ask, what they say, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.commands.replies import Bad, Refused
from altmonitor.commands.replies_market import AnswerFailed
from altmonitor.commands.traders import CoinOfPoolShown, NoTradersKnown, TraderPictureShown
from altmonitor.core.errors import KeyRefused
from altmonitor.positioning.trader_pool import coin_signal, coin_sums
from altmonitor.render.format import Style
from altmonitor.render.replies import reply_parts
from altmonitor.settings.zones import zone_of
from tests.commands.executor_kit import Desk
from tests.commands.memory_traders import MemoryTraders
from tests.operations.standing_traders import HELD, HOUR
from tests.render.trader_replies import PERSON

UTC = zone_of("UTC")
ALONE = coin_signal(coin_sums(HELD)["ETH"], traders={}, data_version=HOUR)


def desk_with(traders: MemoryTraders | None) -> Desk:
    return Desk(traders=traders)


def shown(reply: object, lang: str = "en") -> str:
    (part,) = reply_parts(reply, Style(lang=lang, tz=UTC))  # type: ignore[arg-type]
    return part


async def test_k26_whales_says_both_sides_of_a_coin_with_the_provider() -> None:
    traders = MemoryTraders()
    reply = await desk_with(traders)("/whales btc")
    assert isinstance(reply, CoinOfPoolShown)
    text = shown(reply)
    assert "BTC</b>: what ranked traders hold (Hyperliquid)" in text
    assert "long: 1 · $300, entered at 60,000 on average" in text
    assert "short: 1 · $100, entered at 61,000 on average" in text
    assert "Long are 50.0 % of heads and 75.0 % of the money, at entry prices." in text
    assert "40 of 100 traders were read so far" in text
    alone = shown(CoinOfPoolShown(found=replace(reply.found, signal=ALONE)))
    assert "long: 1 · $50" in alone
    assert "short: nobody" in alone
    for lang, word in (("zh", "平均入场价"), ("ru", "средний вход")):
        assert word in shown(reply, lang)
    for written in ("/whales BTCUSDT", "/whales btc-usdt", "/whales 1000pepe", "/whales xrp"):
        await desk_with(traders)(written)
    assert traders.asked == ["BTC", "BTC", "BTC", "PEPE", "XRP"]


async def test_k26_trader_says_success_positions_and_orders_and_what_is_not_offered() -> None:
    desk = desk_with(MemoryTraders())
    reply = await desk(f"/trader {PERSON.author_id}")
    assert isinstance(reply, TraderPictureShown)
    text = shown(reply)
    assert "30 days: +$50.0K (+25.0 %), won 69.6 %, deepest fall –" in text
    assert "<code>ETH-USDT-SWAP</code> short ×5 · $81 from 2,029.13, now $0" in text.replace("+$0", "$0")
    assert "<code>BTC-USDT-SWAP</code> buy $849 at 28,301.9" in text
    lacking = replace(reply.found, orders=(), positions=(), missing=("orders",))
    text = shown(TraderPictureShown(found=lacking, now_s=reply.now_s))
    assert "Nothing is open, or nothing is shown." in text
    assert "OKX, copy trading does not tell: orders." in text


async def test_what_nobody_can_tell_is_said_and_what_is_no_word_is_refused_before_asking() -> None:
    traders = MemoryTraders()
    desk = desk_with(traders)
    for text in ("/whales xyz", "/trader FFFFFFFFFFFFFFF0", "/trader 0x" + "0" * 40):
        assert isinstance(await desk(text), NoTradersKnown), text
    before = list(traders.asked)
    for text, reason in {
        "/whales": Bad.MISSING,
        "/whales btc eth": Bad.EXTRA,
        "/whales ../x": Bad.NO_SUCH_WORD,
        "/trader": Bad.MISSING,
        "/trader a b": Bad.EXTRA,
        "/trader 0x12": Bad.NO_SUCH_WORD,
        "/trader <b>x</b>": Bad.NO_SUCH_WORD,
        "/trader " + "9" * 41: Bad.NO_SUCH_WORD,
    }.items():
        reply = await desk(text)
        assert isinstance(reply, Refused), text
        assert reply.reason is reason, text
    assert traders.asked == before
    assert isinstance(await desk_with(None)("/whales btc"), NoTradersKnown)


async def test_a_venue_that_does_not_answer_is_an_answer_that_failed() -> None:
    reply = await desk_with(MemoryTraders(problem=KeyRefused("okx does not take the key")))("/whales btc")
    assert isinstance(reply, AnswerFailed)
