"""Steps 1 and 2: the language, and the bot's token."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from altmonitor.config import Config
from altmonitor.core.errors import (
    AltmonitorError,
    ChatMoved,
    ConfigError,
    ExchangeBlocked,
    RegionBlocked,
    TokenRefused,
)
from altmonitor.core.proxies import proxy_to
from altmonitor.core.types import TOKEN_SHAPE, VENUE_TITLES, Secret
from altmonitor.interfaces.delivery import BotIdentity
from altmonitor.ops import telegram
from altmonitor.ops import test_alert as trial
from altmonitor.ops.doctor import outside
from altmonitor.ops.doctor.doctor import read_settings
from altmonitor.ops.doctor.outside import MarketSeen, OutsideDeps
from altmonitor.ops.doctor.venue_checks import OtherMarketSeen
from altmonitor.ops.telegram import ChatReach
from altmonitor.ops.wizard import env_file
from altmonitor.ops.wizard.answers import (
    WIZARD_LANGUAGES,
    WizardAnswers,
    changes,
    language_of,
    message_language,
    redacted,
    token_in,
)
from altmonitor.ops.wizard.channel_step import ask_channels
from altmonitor.ops.wizard.prompts import Back, Option
from altmonitor.ops.wizard.reasons import reason
from altmonitor.ops.wizard.session import WizardSession
from altmonitor.ops.wizard.texts import NAMES, Texts
from altmonitor.settings.presets import PRESETS
from altmonitor.settings.settings import SETTING_OF
from altmonitor.settings.variables import VARIABLES
from altmonitor.telegram.bot import TelegramChannel
from altmonitor.telegram.poller import KINDS


def ask_language(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """Of the wizard from here on, and of the messages. Raises: Back, Quit."""
    locale = session.environ.get("LC_ALL") or session.environ.get("LC_MESSAGES") or session.environ.get("LANG", "")
    usual = language_of(session.given.get("ALERT_LANG") or locale)
    options = [Option(key=lang, label=NAMES[lang]) for lang in WIZARD_LANGUAGES]
    spoken = session.terminal.texts.lang
    lang = session.terminal.choose("Language · 语言 · Язык", options, default=usual)
    session.terminal.texts = Texts(lang)
    if lang != spoken:  # how to go back was told in another language
        session.say("welcome")
    if message_language(lang) != lang:
        session.say("alerts_in_english", sign="!")
    return replace(answers, lang=lang)


def ask_token(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """Until Telegram knows it. Raises: Back, Quit."""
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


def _bot_of(session: WizardSession, token: Secret, *, is_known: bool) -> BotIdentity | None:
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


# ---
# Step 4: a preset, a number of alerts a day, or what stands there.


BUDGET = "ALERT_BUDGET_PER_DAY"
BUDGET_MAX = 1_000
USUAL = "normal"
_KNOWN = frozenset(variable.name for variable in VARIABLES)


def ask_thresholds(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """A preset, a number of alerts a day, or as it stands. Raises: Back, Quit."""
    session.say("preset_title")
    standing = thresholds_in(session.given)
    if standing:
        session.say("preset_known", names=", ".join(f"{name}={text}" for name, text in standing.items()))
    keep = Option(key="keep", label=session.text("preset_keep"))
    options = [Option(key=name, label=_label(session, name)) for name in PRESETS]
    options.append(Option(key="budget", label=session.text("preset_budget")))
    options = [keep, *options] if standing else [*options, keep]
    options.append(Option(key="channels", label=session.text("preset_channels")))
    usual = "keep" if standing else USUAL
    while (chosen := session.terminal.choose(session.text("preset_how"), options, default=usual)) == "channels":
        answers = ask_channels(session, answers)
    if chosen == "keep":
        return replace(answers, thresholds={})
    thresholds = {BUDGET: str(_budget(session))} if chosen == "budget" else variables_of(chosen, session.given)
    live = changed_in_chat(Path(session.setting("STATE_FILE")).expanduser(), session.folder)
    if live:
        session.say("live_wins", sign="!", names=", ".join(live), file=session.setting("STATE_FILE"))
    return replace(answers, thresholds=thresholds)


def variables_of(preset: str, given: Mapping[str, str]) -> dict[str, str]:
    """Variable → text. A preset is meant as it is: a budget that stands there ends."""
    texts = {SETTING_OF[key].variable: f"{number:g}" for key, number in PRESETS[preset].items()}
    known = {name: text for name, text in texts.items() if name in _KNOWN}
    return known | ({BUDGET: "0"} if BUDGET in given else {})


def thresholds_in(given: Mapping[str, str]) -> dict[str, str]:
    """Those of a `.env` that a preset would replace, by variable."""
    names = [*(setting.variable for setting in SETTING_OF.values()), BUDGET]
    return {name: given[name] for name in names if name in given}


def changed_in_chat(state_file: Path, folder: Path) -> list[str]:
    """Settings that state.json decides; none when it cannot be read, of which the monitor will speak itself."""
    try:
        state = json.loads((folder / state_file).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    return [key for key in SETTING_OF if key in state] if isinstance(state, dict) else []


def _label(session: WizardSession, name: str) -> str:
    numbers = PRESETS[name]
    return session.text(
        "preset_line",
        name=name,
        pump=f"{numbers['pump_threshold']:g}",
        oi_1m=f"{numbers['oi_surge_1m']:g}",
        oi_5m=f"{numbers['oi_surge_5m']:g}",
        vol=f"{numbers['vol_burst_mult']:g}",
        cooldown=f"{numbers['cooldown_sec']:g}",
    )


def _budget(session: WizardSession) -> int:
    while True:
        typed = session.terminal.ask(session.text("budget_prompt"), default="40")
        if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= BUDGET_MAX:
            return int(typed)
        session.say("budget_wrong", sign="✗")


# ---
# Step 6: `.env`.


def save(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """Stays here until the file is written, or the person leaves."""
    while True:
        try:
            session.read_env_file()  # somebody may have edited it meanwhile
            written = env_file.write(session.env_file, changes(answers, session.given))
        except ConfigError as problem:
            session.say("not_written", sign="✗", why=reason(session.terminal.texts, problem))
            session.menu(session.text("go_on"), "try_again")
            continue
        session.is_written = True
        session.read_env_file()
        session.say("written" if written.is_changed else "unchanged", sign="✓", file=session.env_file)
        if written.backup is not None:
            session.say("backup", file=written.backup)
        return answers


# ---
# Step 5: one alert through the path every alert takes, and the person's word that it is there.


def try_alert(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """Sends one, until it is seen or given up. Raises: Back, Quit."""
    session.say("test_title")
    while True:
        destination = answers.destination
        if destination is None:
            raise Back("ask_chat")
        look = trial.Look(
            lang=message_language(answers.lang),
            zone=session.setting("ALERT_TZ"),
            banner=session.text("test_banner"),
        )

        async def send(channel: TelegramChannel, look: trial.Look = look) -> int:
            return await trial.send_test_alert(channel, destination, look=look, clock=session.clock)  # noqa: B023

        try:
            session.ask_bot(answers.token, send)
        except ChatMoved as moved:
            answers = replace(answers, destination=replace(destination, chat_id=moved.new_chat_id))
            session.say("chat_moved", sign="!", chat=moved.new_chat_id)
            continue
        except AltmonitorError as problem:
            session.say("test_failed", sign="✗", why=reason(session.terminal.texts, problem))
            if session.menu(session.text("go_on"), "try_again", "other_chat") == "other_chat":
                raise Back("ask_chat") from None
            continue
        session.say("test_sent", sign="✓", symbol=trial.SYMBOL)
        if session.terminal.confirm(session.text("test_seen")):
            return answers
        session.say("test_where")
        if session.menu(session.text("go_on"), "try_again", "other_chat") == "other_chat":
            raise Back("ask_chat")


# ---
# Step 7: does the market come in here? A real candle, by the same looks as `altmonitor doctor`.


def look_at_market(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """Tells what is wrong and goes on: the way out may lie on the machine where it will run."""
    session.say("market_title")
    logging.getLogger().addHandler(logging.NullHandler())
    settings = read_settings(session.env_file, session.environ)
    if settings.problems:
        session.terminal.say(reason(session.terminal.texts, ConfigError(list(settings.problems))), sign="✗")
    config = settings.config
    deps = OutsideDeps(config=config, given=settings.given, clock=session.clock)
    session.terminal.progress(session.text("market_asking"))
    try:
        seen = session.runner.run(outside.look_at_market(deps)) if "binance" in config.venues else None
        others = session.runner.run(outside.look_at_others(deps))
    finally:
        session.terminal.progress("")
    is_well = any(other.comes_in for other in others)
    if seen is not None:
        is_well = _tell_list(session, seen, config) and _tell_candle(session, seen, config)
    for other in others:
        _tell_other(session, other)
    if settings.problems or not is_well:
        session.say("market_trouble", sign="!", doctor=session.command("doctor"))
    return answers


_UNREACHED = {
    (ChatReach.NO_NAME, False): "market_no_name",
    (ChatReach.REFUSED, False): "market_refused",
    (ChatReach.SILENT, False): "market_no_answer",
    (ChatReach.NO_NAME, True): "market_proxy_no_name",
    (ChatReach.REFUSED, True): "market_proxy_refused",
    (ChatReach.SILENT, True): "market_proxy_no_answer",
}
"""How far one gets, by a proxy or directly → the text that says so."""


def _tell_other(session: WizardSession, seen: OtherMarketSeen) -> None:
    venue, candle = VENUE_TITLES[seen.venue], seen.candle
    if candle is not None and candle.symbol:
        names = {"symbol": candle.symbol, "seconds": f"{candle.after_s:.1f}"}
        session.say("market_other", sign="✓", venue=venue, count=seen.contracts, **names)
    else:
        doctor = session.command("doctor")
        session.say("market_other_not", sign="✗", venue=venue, count=seen.contracts, doctor=doctor)


def _tell_list(session: WizardSession, seen: MarketSeen, config: Config) -> bool:
    """Whether all is well. One line about the list of contracts."""
    url = config.binance_rest_url
    proxy = proxy_to(url)
    names = {"host": telegram.address_of(url), "proxy": telegram.address_of(proxy) if proxy else ""}
    match seen.trouble:
        case None if seen.contracts:
            session.say("market_list", sign="✓", count=seen.contracts, seconds=f"{seen.took_s:.1f}")
            return True
        case None:
            session.say("market_empty", sign="✗", count=seen.all_contracts)
        case RegionBlocked():
            session.say("market_region", sign="✗")
        case ExchangeBlocked() as block:
            left_s = max(0, round((block.until_ms - session.clock.now_ms()) / 1000))
            session.say("market_blocked", sign="✗", seconds=left_s)
        case _ if seen.how_far is not ChatReach.CONNECTS:
            session.say(_UNREACHED[seen.how_far, proxy is not None], sign="✗", **names)
        case _:
            session.say("market_stranger", sign="✗", **names)
    return False


def _tell_candle(session: WizardSession, seen: MarketSeen, config: Config) -> bool:
    candle = seen.candle
    if candle is None:
        return False
    seconds = f"{candle.after_s:.1f}" if candle.symbol else f"{candle.after_s:.0f}"
    if candle.symbol:
        session.say("market_candle", sign="✓", symbol=candle.symbol, seconds=seconds, age=f"{seen.candle_age_s:.1f}")
        return True
    if candle.acknowledged:
        session.say("market_silent", sign="✗", count=candle.acknowledged, seconds=seconds)
    else:
        session.say("market_no_stream", sign="✗", host=telegram.address_of(config.binance_ws_url), seconds=seconds)
    return False
