"""Steps 1 and 2: the language, and the bot's token."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from altmonitor.core.errors import TokenRefused
from altmonitor.core.types import TOKEN_SHAPE, Secret
from altmonitor.ops import telegram
from altmonitor.ops.wizard.session import Session
from altmonitor.ops.wizard.terminal import Option
from altmonitor.ops.wizard.texts import NAMES, Texts
from altmonitor.ops.wizard.values import WIZARD_LANGUAGES, Answers, language_of, message_language, redacted, token_in
from altmonitor.telegram.poller import KINDS
from altmonitor.telegram.types import BotIdentity


def ask_language(session: Session, answers: Answers) -> Answers:
    locale = session.environ.get("LC_ALL") or session.environ.get("LC_MESSAGES") or session.environ.get("LANG", "")
    usual = language_of(session.given.get("ALERT_LANG") or locale)
    options = [Option(key=lang, label=NAMES[lang]) for lang in WIZARD_LANGUAGES]
    lang = session.terminal.choose("Language · 语言 · Язык", options, default=usual)
    session.terminal.texts = Texts(lang)
    if message_language(lang) != lang:
        session.say("alerts_in_english", sign="!")
    return replace(answers, lang=lang)


def ask_token(session: Session, answers: Answers) -> Answers:
    session.say("token_title")
    if session.environ.get("TG_BOT_TOKEN"):
        session.say("environment_wins", sign="!", name="TG_BOT_TOKEN")
    known = answers.token.reveal() or session.given.get("TG_BOT_TOKEN", "")
    if TOKEN_SHAPE.fullmatch(known):
        session.say("token_known", token=redacted(known))
        if session.terminal.confirm(session.text("keep")):
            token = Secret(known)
            bot = _bot_of(session, token, is_known=True)
            if bot is not None:
                return replace(answers, token=token, bot=bot, proxy=session.proxy)
    session.say("token_how")
    while True:
        typed = session.terminal.ask(session.text("token_prompt"), is_hidden=True)
        found = token_in(typed)
        if found is None:
            session.say("token_shape" if typed else "token_nothing", sign="✗", count=len(typed))
            continue
        session.say("token_seen", token=redacted(found))
        token = Secret(found)
        bot = _bot_of(session, token, is_known=False)
        if bot is not None:
            return replace(answers, token=token, bot=bot, proxy=session.proxy)


def _bot_of(session: Session, token: Secret, *, is_known: bool) -> BotIdentity | None:
    """None: this token will not do. is_known: it was in use before; a monitor that runs with it is not disturbed."""
    try:
        bot = session.ask_bot(token, lambda channel: channel.whoami())
    except TokenRefused:
        session.say("token_refused", sign="✗")
        return None
    session.say("bot_found", sign="✓", bot=bot.username)
    webhook = session.ask_bot(token, telegram.webhook_of)
    if webhook:
        session.say("webhook_set", sign="✗", host=urlsplit(webhook).hostname or "?")
        if not session.terminal.confirm(session.text("webhook_remove"), default=False):
            return None
        session.ask_bot(token, telegram.remove_webhook)
        session.say("webhook_removed", sign="✓")
    while not is_known and not session.ask_bot(token, lambda bot: telegram.is_alone(bot, KINDS, clock=session.clock)):
        session.say("second_poller", sign="✗")
        choice = session.menu(session.text("go_on"), "try_again", "other_token", "go_on_anyway")
        if choice != "try_again":
            return bot if choice == "go_on_anyway" else None
    return bot
