"""`/whales btc` and `/trader <id>`: followed traders, together and one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from altmonitor.commands.arguments import Words, extra
from altmonitor.commands.outcome import CommandContext, Queries
from altmonitor.commands.replies import Bad, PlainReply, Refused
from altmonitor.core.venue_names import coin_of
from altmonitor.interfaces.traders import CoinOfPool, TraderPicture
from altmonitor.settings.input import spelled

TRADER_ID: Final = re.compile(r"0x[0-9a-fA-F]{40}|\d{6,20}|(?=[A-Za-z]*\d)[0-9A-Za-z]{16}", re.ASCII)
COIN_CHARS_MAX: Final = 20
_COIN: Final = re.compile(r"[^\W_]{1,20}(?:[-/]?USDT(?:-SWAP)?)?", re.IGNORECASE)


class CoinOfPoolShown(PlainReply, frozen=True, kw_only=True):
    found: CoinOfPool


class TraderPictureShown(PlainReply, frozen=True, kw_only=True):
    found: TraderPicture
    now_s: float


class NoTradersKnown(PlainReply, frozen=True, kw_only=True):
    """word: the coin or id that nobody who is asked can tell of."""

    command: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderIdWord:
    author_id: Annotated[str, msgspec.Meta(description="an address 0x… or a code of OKX", min_length=4, max_length=42)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinWord:
    """base: BTC. It need not be listed at an exchange that is watched."""

    base: Annotated[str, msgspec.Meta(description="a coin such as BTC", min_length=1, max_length=COIN_CHARS_MAX)]


def read_coin(command: str, words: Words) -> CoinWord | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    refused = extra(command, words, 1)
    if refused is not None:
        return refused
    is_coin = _COIN.fullmatch(words[0]) is not None and any(map(str.isalpha, words[0]))
    base = coin_of(spelled(words[0]) or "") if is_coin else ""
    if not base.isalnum() or len(base) > COIN_CHARS_MAX:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=words[0][:32])
    return CoinWord(base=base)


def read_trader(command: str, words: Words) -> TraderIdWord | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    refused = extra(command, words, 1)
    if refused is not None:
        return refused
    if TRADER_ID.fullmatch(words[0]) is None:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=words[0][:32])
    return TraderIdWord(author_id=words[0])


async def whales(request: CoinWord, now: CommandContext, queries: Queries) -> PlainReply:
    found = None if queries.traders is None else await queries.traders.whales(request.base)
    if found is None:
        return NoTradersKnown(command="whales", word=request.base)
    return CoinOfPoolShown(found=found)


async def trader(request: TraderIdWord, now: CommandContext, queries: Queries) -> PlainReply:
    found = None if queries.traders is None else await queries.traders.trader(request.author_id)
    if found is None:
        return NoTradersKnown(command="trader", word=request.author_id)
    return TraderPictureShown(found=found, now_s=now.now_s)
