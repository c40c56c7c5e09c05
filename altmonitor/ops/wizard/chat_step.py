"""Step 3: the chat alerts go to, and who may command."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ChatClosed, ChatMoved, DeliveryError, MessageRefused, SecondPoller
from altmonitor.core.supervisor import beside, unless
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import BotAccess
from altmonitor.ops import telegram
from altmonitor.ops.telegram import ChatSeen
from altmonitor.ops.wizard.answers import WizardAnswers
from altmonitor.ops.wizard.pairing import Claim, Heard, listen, new_code
from altmonitor.ops.wizard.prompts import Option
from altmonitor.ops.wizard.reasons import reason
from altmonitor.ops.wizard.session import WizardSession
from altmonitor.telegram.poller import KINDS

# ---
# Waiting for the pairing code, and showing that one waits.


WAIT_S = 120.0
POLL_S = 20.0
MORE_S = 1.5
"""After the first message with the code: time for a second one, written by somebody who saw it."""
CONFLICTS_BELIEVED = 3
BACKLOG = 50
"""Of what waits from before: so many are looked at, older ones are dropped."""


async def wait_for_code(
    bot: BotAccess, *, code: str, bot_username: str, clock: Clock, stop: asyncio.Event, wait_s: float = WAIT_S
) -> Heard:
    """What is written from now on; ends `MORE_S` after the first claim, after wait_s, or when `stop` is set.

    Everything read is confirmed, so that the monitor does not take the code for a command. Raises DeliveryError.
    """
    end_s, conflicts, others = clock.monotonic() + wait_s, 0, 0
    waiting = await bot.updates(offset=-BACKLOG, timeout_s=0, kinds=KINDS)
    offset = _behind(waiting, None)
    # Who was quick may have written the code before this first look; whatever else waits is of another time.
    claims = list(listen(waiting, code=code, bot_username=bot_username).claims)
    if claims:
        end_s = clock.monotonic() + MORE_S
    while not stop.is_set() and (left_s := end_s - (asked_s := clock.monotonic())) > 0:
        try:
            batch = await _unless(stop, bot, offset, min(POLL_S, left_s))
        except SecondPoller:
            conflicts += 1
            if conflicts >= CONFLICTS_BELIEVED:
                raise
            await clock.sleep(1.0)
            continue
        if not batch and clock.monotonic() - asked_s < telegram.AGAIN_S:
            await clock.sleep(telegram.AGAIN_S)  # behind some mirrors no poll waits
        offset = _behind(batch, offset)
        heard = listen(batch, code=code, bot_username=bot_username)
        others += heard.others
        if heard.claims and not claims:
            end_s = clock.monotonic() + MORE_S
        claims += [claim for claim in heard.claims if claim not in claims]
    if offset is not None:
        await bot.updates(offset=offset, timeout_s=0, kinds=KINDS)
    return Heard(claims=tuple(claims), others=others)


async def _unless(
    stop: asyncio.Event, bot: BotAccess, offset: int | None, timeout_s: float
) -> Sequence[Mapping[str, object]]:
    """One long poll, cut short when `stop` is set."""
    # A poll of less than a second would be one of none: Telegram counts whole seconds.
    asking = bot.updates(offset=offset, timeout_s=max(1.0, timeout_s), kinds=KINDS)
    return await unless(stop, asking, name="one poll") or []


def _behind(batch: Sequence[Mapping[str, object]], offset: int | None) -> int | None:
    ids = [update_id for update in batch if isinstance(update_id := update.get("update_id"), int)]
    return max(ids) + 1 if ids else offset


@asynccontextmanager
async def enter_stops(stop: asyncio.Event) -> AsyncIterator[None]:
    """While inside, Enter at the terminal sets `stop`."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        os.read(sys.stdin.fileno(), 65_536)
        stop.set()

    try:
        loop.add_reader(sys.stdin, read)
    except (NotImplementedError, OSError, ValueError):  # no such thing on this system: Ctrl-C is left
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(sys.stdin)


@asynccontextmanager
async def countdown(clock: Clock, show: Callable[[int], str]) -> AsyncIterator[None]:
    """One line that is kept up to date: seconds left of `WAIT_S`."""
    end_s = clock.monotonic() + WAIT_S

    async def draw() -> None:
        while True:
            left_s = max(0, round(end_s - clock.monotonic()))
            sys.stdout.write(f"\r\x1b[K{show(left_s)}")
            sys.stdout.flush()
            await clock.sleep(1.0)

    try:
        async with beside(draw(), name="countdown"):
            yield
    finally:
        sys.stdout.write("\r\x1b[K")
        sys.stdout.flush()


# ---


def ask_chat(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    session.say("chat_title")
    if session.environ.get("TG_CHAT_ID"):
        session.say("environment_wins", sign="!", name="TG_CHAT_ID")
    kept = _kept(session, answers)
    while kept is None:
        how = session.menu(session.text("chat_how"), "pair", "by_hand")
        kept = paired(session, answers) if how == "pair" else typed(session, answers)
    return kept


def _kept(session: WizardSession, answers: WizardAnswers) -> WizardAnswers | None:
    """The chat that stands there already, when it is still right."""
    known = str(answers.destination or "") or session.given.get("TG_CHAT_ID", "")
    try:
        destination = Destination.parse(known)
        chat = session.ask_bot(answers.token, lambda bot: telegram.chat_of(bot, destination.chat_id))
    except ValueError:
        return None
    except DeliveryError as problem:
        session.say("chat_known_lost", sign="✗", chat=known, why=reason(session.terminal.texts, problem))
        return None
    session.say("chat_known", chat=_described(session, chat, destination))
    if not session.terminal.confirm(session.text("keep")):
        return None
    return _checked(session, answers, chat, destination)


def typed(session: WizardSession, answers: WizardAnswers) -> WizardAnswers | None:
    """The chat whose number or name was typed; None: it will not do."""
    typed = session.terminal.ask(session.text("chat_id_prompt"))
    name, _, topic = typed.partition("/")
    try:
        if name.startswith("@"):
            chat = session.ask_bot(answers.token, lambda bot: telegram.chat_of(bot, name))
            destination = Destination.parse(f"{chat.id}/{topic}" if topic else str(chat.id))
        else:
            destination = Destination.parse(typed)
            if answers.bot is not None and destination.chat_id == answers.bot.id:
                session.say("chat_is_bot", sign="✗")
                return None
            chat = session.ask_bot(answers.token, lambda bot: telegram.chat_of(bot, destination.chat_id))
    except ValueError:
        session.say("chat_id_wrong", sign="✗")
        return None
    except ChatMoved as moved:
        session.say("chat_moved", sign="!", chat=moved.new_chat_id)
        return None
    except DeliveryError as problem:
        session.say("chat_unknown", sign="✗", why=reason(session.terminal.texts, problem))
        return None
    if not session.terminal.confirm(session.text("chat_right", chat=_described(session, chat, destination))):
        return None
    return _checked(session, answers, chat, destination)


def paired(session: WizardSession, answers: WizardAnswers, *, is_commanding: bool = True) -> WizardAnswers | None:
    """The chat where somebody wrote the code; None: another one is wanted. is_commanding: commands come from there."""
    code, username = new_code(), answers.bot.username if answers.bot else ""
    session.say("pair_how", code=code, bot=username)
    try:
        heard = session.ask_bot(answers.token, lambda bot: _wait(session, bot, code, username))
    except SecondPoller:
        session.say("second_poller", sign="✗")
        return None
    if heard.others:
        session.say("strangers", sign="!", count=heard.others)
    if not heard.claims:
        session.say("no_code", sign="✗", bot=username)
        return None
    claim = heard.claims[0] if len(heard.claims) == 1 else _chosen(session, heard)
    chat = ChatSeen(id=claim.destination.chat_id, kind=claim.kind, title=claim.title)
    shown = _described(session, chat, claim.destination)
    if not session.terminal.confirm(session.text("claim_right", chat=shown, who=_writer(session, claim))):
        return None
    if not is_commanding:
        return _checked(session, answers, chat, claim.destination)
    also = _also(session, heard, claim)
    return _checked(session, replace(answers, also_chats=also), chat, claim.destination, claim=claim)


async def _wait(session: WizardSession, bot: BotAccess, code: str, username: str) -> Heard:
    stop = asyncio.Event()
    waiting = countdown(session.clock, lambda left_s: session.text("waiting", seconds=left_s))
    async with enter_stops(stop), waiting:
        return await wait_for_code(bot, code=code, bot_username=username, clock=session.clock, stop=stop)


def _chosen(session: WizardSession, heard: Heard) -> Claim:
    session.say("several_claims", sign="!")
    options = [
        Option(
            key=str(number),
            label=f"{_described(session, _chat_of(claim), claim.destination)} · {_writer(session, claim)}",
        )
        for number, claim in enumerate(heard.claims, 1)
    ]
    return heard.claims[int(session.terminal.choose(session.text("which_chat"), options, default="")) - 1]


def _also(session: WizardSession, heard: Heard, chosen: Claim) -> tuple[int, ...]:
    """The other chats where the code was written, when they are meant to command too."""
    others = {c.destination.chat_id: c for c in heard.claims if c.destination.chat_id != chosen.destination.chat_id}
    return tuple(
        chat_id
        for chat_id, claim in others.items()
        if session.terminal.confirm(
            session.text("also_commands", chat=_described(session, _chat_of(claim), claim.destination)), default=False
        )
    )


def _checked(
    session: WizardSession,
    answers: WizardAnswers,
    chat: ChatSeen,
    destination: Destination,
    *,
    claim: Claim | None = None,
) -> WizardAnswers | None:
    """None: another chat is wanted. Asks who may command where several people write."""
    while True:
        try:
            why = _why_not(session, answers, chat, destination)
        except ChatMoved as moved:
            chat = replace(chat, id=moved.new_chat_id, kind="supergroup")
            destination = replace(destination, chat_id=moved.new_chat_id)
            session.say("chat_moved", sign="!", chat=moved.new_chat_id)
            continue
        if not why:
            break
        session.say("cannot_write", sign="✗", why=why)
        if session.menu(session.text("go_on"), "try_again", "other_chat") == "other_chat":
            return None
    session.say("can_write", sign="✓")
    only_user = is_admins_only = None
    if claim is not None and claim.user_id is not None and chat.kind in ("group", "supergroup"):
        who = session.menu(session.text("who_commands", who=claim.user_name), "only_me", "administrators", "everybody")
        only_user = claim.user_id if who == "only_me" else None
        is_admins_only = None if who == "only_me" else who == "administrators"
    return replace(answers, chat=chat, destination=destination, only_user=only_user, is_admins_only=is_admins_only)


def _why_not(session: WizardSession, answers: WizardAnswers, chat: ChatSeen, destination: Destination) -> str:
    """Why the bot cannot write there; '' when it can. Raises ChatMoved."""
    bot_id = answers.bot.id if answers.bot else 0
    try:
        rights = session.ask_bot(answers.token, lambda bot: telegram.rights_in(bot, chat, bot_id))
        session.ask_bot(answers.token, lambda bot: telegram.try_writing(bot, destination))
    except (ChatClosed, MessageRefused) as problem:
        return reason(session.terminal.texts, problem)
    if rights.can_write:
        return ""
    return session.text("no_right_channel" if chat.kind == "channel" else "no_right_group")


def _chat_of(claim: Claim) -> ChatSeen:
    return ChatSeen(id=claim.destination.chat_id, kind=claim.kind, title=claim.title)


def _writer(session: WizardSession, claim: Claim) -> str:
    return f"{claim.user_name}, id {claim.user_id}" if claim.user_id is not None else session.text("nobody_named")


def _described(session: WizardSession, chat: ChatSeen, destination: Destination) -> str:
    kind = session.text(f"kind_{chat.kind}" if chat.kind in ("private", "group", "supergroup", "channel") else "kind")
    topic = "" if destination.topic_id is None else f", {session.text('topic', number=destination.topic_id)}"
    return f"{kind} {session.text('quoted', text=chat.title)}{topic} ({destination})"
