"""What the wizard knows: the answers so far, and the texts they become in `.env`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from altmonitor.core.proxies import proxy_address
from altmonitor.core.types import LANGUAGES, TOKEN_SHAPE, Destination, Secret
from altmonitor.interfaces.delivery import BotIdentity
from altmonitor.ops.telegram import ChatSeen

WIZARD_LANGUAGES = ("en", "zh", "ru")


@dataclass(frozen=True, slots=True, kw_only=True)
class WizardAnswers:
    """lang: of the wizard. only_user: who alone may command in a group; None: others too. is_admins_only: of those
    others only administrators may change settings; None: not asked. also_chats: may command as well.
    thresholds: variable → text, from a preset or a budget; empty: as they are. channels: chat → its preset; None: as
    they are.
    """

    lang: str = "en"
    token: Secret = field(default_factory=lambda: Secret(""))
    bot: BotIdentity | None = None
    proxy: str = ""
    chat: ChatSeen | None = None
    destination: Destination | None = None
    only_user: int | None = None
    is_admins_only: bool | None = None
    also_chats: tuple[int, ...] = ()
    thresholds: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[Destination, str] | None = None


def changes(answers: WizardAnswers, given: Mapping[str, str]) -> dict[str, str]:
    """Variable → text for `.env`. given: what stands there now; who may command is only added to, never taken away."""
    changed = {"TG_BOT_TOKEN": answers.token.reveal(), "TG_CHAT_ID": str(answers.destination)}
    if message_language(answers.lang) != "en" or "ALERT_LANG" in given:
        changed["ALERT_LANG"] = message_language(answers.lang)
    if answers.only_user is not None:
        changed["ALLOWED_USER_IDS"] = _with(given.get("ALLOWED_USER_IDS", ""), (answers.only_user,))
    if answers.is_admins_only is not None and (not answers.is_admins_only or "GROUP_ADMINS_ONLY" in given):
        changed["GROUP_ADMINS_ONLY"] = "true" if answers.is_admins_only else "false"
    if answers.also_chats:
        changed["ALLOWED_CHAT_IDS"] = _with(given.get("ALLOWED_CHAT_IDS", ""), answers.also_chats)
    if answers.proxy:
        changed |= {"HTTPS_PROXY": answers.proxy, "HTTP_PROXY": answers.proxy}
    if answers.channels is not None:
        others = {at: name for at, name in answers.channels.items() if at != answers.destination}
        changed["PRESET_CHANNELS"] = ",".join(f"{name}={at}" for at, name in others.items())
    return changed | dict(answers.thresholds)


def _with(ids: str, more: tuple[int, ...]) -> str:
    known = [part.strip() for part in ids.split(",") if part.strip()]
    return ",".join(dict.fromkeys([*known, *map(str, more)]))


def message_language(wizard_language: str) -> str:
    """Of the alerts; those the monitor does not speak become English."""
    return wizard_language if wizard_language in LANGUAGES else "en"


def redacted(token: str) -> str:
    """`1234...wxyz`; `***` for what is too short to show eight characters of."""
    return f"{token[:4]}...{token[-4:]}" if len(token) >= 24 else "***"


def token_in(text: str) -> str | None:
    """The token in what was pasted: alone, or inside BotFather's message. None: there is none of that shape."""
    found = TOKEN_SHAPE.search(text)
    return found[0] if found else None


def proxy_in(text: str) -> str | None:
    """An http(s) proxy address; `host:port` alone is read as http. None: it is none, or of a kind not spoken here."""
    try:
        address = proxy_address(text)
    except ValueError:
        return None
    return address if urlsplit(address).port else None


def language_of(locale: str) -> str:
    """`ru_RU.UTF-8` → `ru`; English for every language the wizard does not speak."""
    short = locale[:2].casefold()
    return short if short in WIZARD_LANGUAGES else "en"
