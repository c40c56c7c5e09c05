"""The bot, its chat and its rights, as the monitor will meet them. No message is sent."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from altmonitor.app.bots import bot_id_of, token_of
from altmonitor.config import Config
from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ChatMoved, ChatUnreachable, DeliveryError, TokenRefused
from altmonitor.core.proxies import proxy_to
from altmonitor.interfaces.delivery import BotIdentity
from altmonitor.ops import telegram
from altmonitor.ops import telegram as reach
from altmonitor.ops.doctor.report import Seen, failed, fine, note, skipped
from altmonitor.ops.origin import setup_command
from altmonitor.ops.telegram import ChatSeen
from altmonitor.telegram.bot import SOMEBODY_WAITS, TelegramChannel
from altmonitor.telegram.poller import KINDS

CHANNELS_WAY_OUT = "make the bot administrator of that channel with the right to post, or correct PRESET_CHANNELS"
SETUP = f"{setup_command()} sets it up"
WAYS_OUT = {
    reach.Trouble.NO_NETWORK: "there is no network here: check cable, Wi-Fi, DNS",
    reach.Trouble.BLOCKED: "Telegram is blocked here (country, provider, firewall): set HTTPS_PROXY to a proxy",
    reach.Trouble.PROXY: "the proxy does not lead to Telegram: check HTTPS_PROXY",
    reach.Trouble.NOT_TELEGRAM: "something else answers in its place: log in to this network, or check the proxy",
}


@dataclass(slots=True, kw_only=True)
class Telegram:
    """is_running_here: a monitor with these settings runs on this machine; its reading is not disturbed."""

    config: Config
    clock: Clock
    is_running_here: bool
    _channel: TelegramChannel | None = None
    _bot: BotIdentity | None = None
    _chat: ChatSeen | None = None

    async def channel(self) -> TelegramChannel:
        if self._channel is None:
            token, url = self.config.tg_bot_token, self.config.telegram_api_url
            self._channel = TelegramChannel(token, api_url=url, clock=self.clock, timeouts=SOMEBODY_WAITS)
            await self._channel.start()
        return self._channel

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.stop()

    async def token(self) -> Seen:
        if not self.config.tg_bot_token:
            return failed("TG_BOT_TOKEN is not set", SETUP)
        try:
            self._bot = await (await self.channel()).whoami()
        except TokenRefused as problem:
            return failed(str(problem), "copy it from @BotFather again (/mybots, API Token); " + SETUP)
        except ChatUnreachable as problem:
            return failed(str(problem), WAYS_OUT[await self._trouble(problem)])
        return fine(f"Telegram knows it: @{self._bot.username}")

    async def _trouble(self, problem: ChatUnreachable) -> reach.Trouble:
        url, elsewhere_url = self.config.telegram_api_url, self.config.binance_rest_url
        return reach.judge(
            telegram=await reach.reach(reach.address_of(url), clock=self.clock),
            elsewhere=await reach.reach(reach.address_of(elsewhere_url), clock=self.clock),
            has_proxy=proxy_to(url) is not None,
            is_answered_by_stranger=problem.cause.code is CauseCode.NOT_TELEGRAM,
        )

    async def chat(self) -> Seen:
        destination = self.config.tg_chat_id
        if destination is None:
            return failed("TG_CHAT_ID is not set", SETUP)
        try:
            self._chat = await telegram.chat_of(await self.channel(), destination.chat_id)
        except ChatMoved as moved:
            return failed(str(moved), f"set TG_CHAT_ID={moved.new_chat_id}")
        except DeliveryError as problem:
            return failed(str(problem), "write /start to the bot, or add it to the group; " + SETUP)
        return fine(f"{self._chat.kind} {destination.chat_id}")

    async def topic(self) -> Seen:
        destination = self.config.tg_chat_id
        if destination is None or self._chat is None or destination.topic_id is None:
            return skipped("no forum topic is set")
        await telegram.try_writing(await self.channel(), destination)
        return fine(f"topic {destination.topic_id} takes messages")

    async def rights(self) -> Seen:
        destination, chat, bot = self.config.tg_chat_id, self._chat, self._bot
        if destination is None or chat is None or bot is None:
            return skipped("the chat is not known")
        channel = await self.channel()
        rights = await telegram.rights_in(channel, chat, bot.id)
        if not rights.can_write:
            role = "an administrator who may post messages" if chat.kind == "channel" else "a member who may write"
            return failed(f"the bot is {rights.status or 'nothing'} there and may not write", f"make it {role}")
        if destination.topic_id is None:
            await telegram.try_writing(channel, destination)
        return fine("the bot may write there")

    async def channels(self) -> Seen:
        """Those of PRESET_CHANNELS, each as the bot that will speak there meets it."""
        channels = self.config.preset_channels
        problems = []
        for destination, preset in channels.items():
            token = token_of(destination.chat_id, self.config.bot_tokens)
            url = self.config.telegram_api_url
            channel = TelegramChannel(token, api_url=url, clock=self.clock, timeouts=SOMEBODY_WAITS)
            await channel.start()
            try:
                chat = await telegram.chat_of(channel, destination.chat_id)
                rights = await telegram.rights_in(channel, chat, bot_id_of(token))
                if rights.can_write:
                    await telegram.try_writing(channel, destination)
                else:
                    problems.append(f"{preset}={destination}: bot {bot_id_of(token)} may not write there")
            except ChatMoved as moved:
                problems.append(f"{preset}={destination}: {moved}; write {preset}={moved.new_chat_id}")
            except DeliveryError as problem:
                problems.append(f"{preset}={destination}: {problem}")
            finally:
                await channel.stop()
        if problems:
            return failed("; ".join(problems), CHANNELS_WAY_OUT)
        return fine("the bot may write in " + ", ".join(f"{name}={at}" for at, name in channels.items()))

    async def alone(self) -> Seen:
        channel = await self.channel()
        webhook = await telegram.webhook_of(channel)
        if webhook:
            text = f"a webhook is set ({urlsplit(webhook).hostname}): commands in the chat are never seen"
            return failed(text, f"{setup_command()} removes it")
        if self.is_running_here:
            return note("not tried: the monitor that runs on this machine is reading the commands")
        if not await telegram.is_alone(channel, KINDS, clock=self.clock):
            way_out = "if that is not your own altmonitor, stop it, or make a bot for each"
            return failed("another program reads this bot's messages", way_out)
        return fine("nobody else reads this bot's messages")
