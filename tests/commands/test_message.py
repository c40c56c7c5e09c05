"""What people write to the bot, as they write it: every input is answered as somebody who reads the answer expects."""

from __future__ import annotations

from datetime import UTC

from altmonitor.commands.message import COMMANDS_MAX, commands_in, not_understood
from altmonitor.commands.replies import plain
from altmonitor.render.format import Style, one_line
from altmonitor.render.replies import reply_parts
from tests.commands.executor_kit import LISTED, Desk

EN = Style(lang="en", tz=UTC)

ANSWERS: dict[str, str] = {
    # the command itself
    "/STATUS": "🟢 Health: ok",
    "／status": "🟢 Health: ok",
    "/status@AltBot": "🟢 Health: ok",
    "/status!": "🟢 Health: ok",
    "/status.": "🟢 Health: ok",
    "/статус": "🟢 Health: ok",
    "/状态": "🟢 Health: ok",
    "/ѕtаtuѕ": "🟢 Health: ok",
    "\u200e/status": "🟢 Health: ok",
    "/staus": "Did you mean /status? | /status",
    "/setpump 5": "Did you mean /set_pump 5? | /set_pump 5",
    "/set-pump 5": "Did you mean /set_pump 5? | /set_pump 5",
    "/ьгеу sol": "There is no command /ьгеу. Did you mean /mute sol? | /mute sol",
    "/foo": "There is no command /foo. /help lists all.",
    # numbers
    "/set_pump ５": "✅ PUMP from 3 % → 5 %",
    "/set_pump ５％": "✅ PUMP from 3 % → 5 %",
    "／set_pump　５": "✅ PUMP from 3 % → 5 %",
    "/set_pump=5": "✅ PUMP from 3 % → 5 %",
    "/set_pump:5": "✅ PUMP from 3 % → 5 %",
    "/set_pump = 5": "✅ PUMP from 3 % → 5 %",
    "/set_pump5": "✅ PUMP from 3 % → 5 %",
    "/set_pump 5 %": "✅ PUMP from 3 % → 5 %",
    "/set_pump −5": "✅ PUMP from 3 % → 5 %",
    "/set_pump 2,5": "✅ PUMP from 3 % → 2.5 %",
    "/set pump 5": "Perhaps you meant /set_pump 5 | /set_pump 5",
    "/set_pump off": "cannot be switched off. Nothing was changed. · Allowed: 0.1 to 100 %.",
    "/set_pump five": "five is not a number",
    "/set_pump ٥": "is not a number; write it with the digits 0–9",
    "/set_oi off": "✅ OI 1 m: from 3 % → off",
    "/set_oi выкл": "✅ OI 1 m: from 3 % → off",
    "/set_vol 8 x": "✅ volume from 5× → 8×",
    "/set_vol 8х": "8х is not a number",
    "/set_move 5m 4": "✅ move in 5 m: off → from 4 %",
    "/set_move 5 min 4": "✅ move in 5 m: off → from 4 %",
    "/set_move 5мин 4": "✅ move in 5 m: off → from 4 %",
    "/set_move 15m4": "15m4 is not understood",
    "/set_liq 24h 2 M": "✅ 24 h volume floor: off → $2M",
    "/cooldown 3m": "✅ cooldown 180 s, as before",
    "/cooldown 5 min": "✅ cooldown 180 s → 300 s",
    "/cooldown 5分钟": "✅ cooldown 180 s → 300 s",
    "/cooldown 5 минут": "✅ cooldown 180 s → 300 s",
    "/cooldown 1h": "✅ cooldown 180 s → 3,600 s",
    "/cooldown off": "✅ cooldown 180 s → 0 s",
    "/cooldown 2d": "2d is out of range. Nothing was changed. · Allowed: 0 to 86,400 s.",
    # one symbol
    "/set sol pump 8": "✅ SOLUSDT · PUMP: default → from 8 %",
    "/set sol pump off": "cannot be switched off",
    "/set sol oi off": "✅ SOLUSDT · OI 1 m: default → off",
    "/set sol cooldown 5m": "✅ SOLUSDT · cooldown: default → 300 s",
    # mutes
    "/mute sol": "✅ SOLUSDT muted for good",
    "/mute sol 2h": "✅ SOLUSDT muted until 2026-09-21 16:13:20 UTC",
    "/mute sol 2 h": "✅ SOLUSDT muted until 2026-09-21 16:13:20 UTC",
    "/mute sol for 2 hours": "✅ SOLUSDT muted until 2026-09-21 16:13:20 UTC",
    "/mute sol на 2 часа": "✅ SOLUSDT muted until 2026-09-21 16:13:20 UTC",
    "/mute sol 2小时": "✅ SOLUSDT muted until 2026-09-21 16:13:20 UTC",
    "／ｍｕｔｅ　ｓｏｌ　２ｈ": "✅ SOLUSDT muted until 2026-09-21 16:13:20 UTC",
    "/mute sol 1w": "✅ SOLUSDT muted until 2026-09-28 14:13:20 UTC",
    "/mute sol 1h30m": "✅ SOLUSDT muted until 2026-09-21 15:43:20 UTC",
    "/mute sol 1 h 30 min": "✅ SOLUSDT muted until 2026-09-21 15:43:20 UTC",
    "/mute sol 1.5h": "✅ SOLUSDT muted until 2026-09-21 15:43:20 UTC",
    "/mute sol until 18:00": "✅ SOLUSDT muted until 2026-09-21 18:00:00 UTC",
    "/mute sol until 18：00": "✅ SOLUSDT muted until 2026-09-21 18:00:00 UTC",
    "/mute sol until 6pm": "✅ SOLUSDT muted until 2026-09-21 18:00:00 UTC",
    "/mute sol until 9": "✅ SOLUSDT muted until 2026-09-22 09:00:00 UTC",
    "/mute sol до 18:00": "✅ SOLUSDT muted until 2026-09-21 18:00:00 UTC",
    "/mute sol 到 18:00": "✅ SOLUSDT muted until 2026-09-21 18:00:00 UTC",
    "/mute sol until 2026-12-24 18:00": "✅ SOLUSDT muted until 2026-12-24 18:00:00 UTC",
    "/mute sol until 2020-01-01 18:00": "2020-01-01 18:00 is over already. Nothing was changed.",
    "/mute sol until 2026-02-30 18:00": "2026-02-30 18:00 is no time of the day",
    "/mute sol until tomorrow": "tomorrow is no time of the day, such as 18:00",
    "/mute sol until tomorrow 9:00": "SOLUSDT muted until 2026-09-22 09:00:00 UTC",
    "/mute sol until 24.12 18:00": "SOLUSDT muted until 2026-12-24 18:00:00 UTC",
    "/mute sol until 24 Dec 6pm": "SOLUSDT muted until 2026-12-24 18:00:00 UTC",
    "/mute sol до завтра 9:00": "SOLUSDT muted until 2026-09-22 09:00:00 UTC",
    "/mute sol until monday 9:00": "monday 09:00 is over already",
    "/mute sol until 31.02 18:00": "31.02 18:00 is no time of the day, such as 18:00, tomorrow 9:00 or 24.12 18:00",
    "/mute sol until yesterday 18:00": "yesterday 18:00 is no time of the day",
    "/mute sol until 2025-12-24 18:00": "2025-12-24 18:00 is over already",
    "/set sol памп 7": "SOLUSDT · PUMP: default → from 7 %",
    "/set sol 放量 off": "SOLUSDT · volume: default → off",
    "/set sol volume 7": "SOLUSDT · volume: default → from 7×",
    "/history sol 2 days ago": "No alerts on 2026-09-19 UTC for SOLUSDT.",
    "/history 3 дня назад": "No alerts on 2026-09-18 UTC.",
    "/history 24h": "24h is not one day of the past, such as 2026-11-29",
    "/mute sol until 2 days ago 9:00": "2days ago 09:00 is no time of the day",
    "/history tomorrow": "tomorrow is not one day of the past, such as 2026-11-29, 29.11, 29 Nov, yesterday or monday",
    "/history 28 ноября": "No alerts on 2025-11-28 UTC.",
    "/history sol 昨天": "No alerts on 2026-09-20 UTC for SOLUSDT.",
    "/mute sol until 25:00": "25:00 is no time of the day",
    "/mute sol forever": "✅ SOLUSDT muted for good",
    "/mute sol 2": "Perhaps you meant /mute sol 2m, /mute sol 2h, /mute sol 2d · | /mute sol 2m | /mute sol 2d",
    "/mute 2h": "Perhaps you meant /mute all 2h | /mute all 2h",
    "/mute all 2h": "✅ Every contract muted until 2026-09-21 16:13:20 UTC",
    "/mute все 2ч": "✅ Every contract muted until 2026-09-21 16:13:20 UTC",
    "/mute all": "Every contract muted for good · Nothing was changed yet",
    "/mute ВТС": "✅ BTCUSDT muted for good",
    "/mute втс 1ч": "✅ BTCUSDT muted until 2026-09-21 15:13:20 UTC",
    "/mute BTC，SOL 1h": "✅ BTCUSDT SOLUSDT muted until",
    "/mute BTC、SOL": "✅ BTCUSDT SOLUSDT muted for good",
    "/mute SOL/USDT": "✅ SOLUSDT muted for good",
    "/mute $sol": "✅ SOLUSDT muted for good",
    "/mute 币安人生": "✅ 币安人生USDT muted for good",
    "/mute pepe": "did you mean 1000PEPEUSDT?",
    "/mute bitcoin": "did you mean BTCUSDT?",
    "/mute биткоин": "did you mean BTCUSDT?",
    "/mute 比特币": "did you mean BTCUSDT?",
    "/mute ыщд": "did you mean SOLUSDT?",
    "/mute xyz": "xyz is not listed",
    "/mute sol 99999d": "99999d is not a time from 1 s to 365 d",
    "/unmute sol": "Was not muted: SOLUSDT",
    "/unmute все": "Muted now: 0",
    # lists and conditions
    "/watch все": "Watchlist unchanged: every contract",
    "/watch SOLUSDT.P": "✅ Watchlist: every contract → 1 contract",
    "/alert sol>100": "✅ #1 SOLUSDT price ≥ 100 · ⚠️ That is true already (now 150.25)",
    "/alert sol ＞ 200": "✅ #1 SOLUSDT price ≥ 200 · Told once",
    "/alert btc ≥ 70k": "✅ #1 BTCUSDT price ≥ 70,000 · Told once",
    "/alert sol выше 200": "✅ #1 SOLUSDT price ≥ 200",
    "/alert sol 低于 100": "✅ #1 SOLUSDT price ≤ 100",
    "/alert sol 100": "Perhaps you meant /alert sol > 100, /alert sol < 100 | /alert sol > 100 | /alert sol < 100",
    "/alert sol = 100": "Perhaps you meant /alert sol > 100, /alert sol < 100 | /alert sol > 100 | /alert sol < 100",
    "/alert btc move 5min 4%": "✅ #1 BTCUSDT moves 4 % within 5 m",
    "/alert ВТС > 70000": "✅ #1 BTCUSDT price ≥ 70,000",
    "/alert delete #7": "there is no condition #7 here",
    # where and how
    "/route vol silent": "✅ sound: loud → loud, but volume silent",
    "/route silent vol": "✅ sound: loud → loud, but volume silent",
    "/route объём тихо": "✅ sound: loud → loud, but volume silent",
    "/route 成交量 静默": "✅ sound: loud → loud, but volume silent",
    "/route price": "route: price, OI, volume, funding, liquidations, basis → price · Removed: OI, volume, funding,",
    "/route vol off": "Removed: volume · Nothing was changed yet",
    "/route off": "this is the main chat, it stays one",
    "/quiet 23：00-07：00": "✅ quiet hours: off → 23:00-07:00",
    "/quiet 23:00 to 07:00": "✅ quiet hours: off → 23:00-07:00",
    "/quiet с 23 до 7": "✅ quiet hours: off → 23:00-07:00",
    "/quiet 23:00到07:00": "✅ quiet hours: off → 23:00-07:00",
    "/quiet 23.00~7.00": "✅ quiet hours: off → 23:00-07:00",
    "/quiet 2300-0700": "✅ quiet hours: off → 23:00-07:00",
    "/quiet выкл": "✅ quiet hours: off, as before",
    "/quiet 23:00": "23:00 is no span of the day",
    "/lang 中文": "✅ language: English → Chinese",
    "/lang zh-CN": "✅ language: English → Chinese",
    "/lang русский": "✅ language: English → Russian",
    "/lang RU": "✅ language: English → Russian",
    "/lang english": "✅ language: English, as before",
    "/lang de": "Perhaps you meant /lang en, /lang zh, /lang ru | /lang en | /lang zh | /lang ru",
    "/tz UTC+5:30": "✅ time zone: UTC → UTC+5:30",
    "/tz New York": "✅ time zone: UTC → America/New_York",
    "/tz Пекин": "✅ time zone: UTC → Asia/Shanghai",
    "/tz 8": "8 is no time zone. Nothing was changed. · Did you mean UTC+8, UTC-8?",
    "/tz Mars": "Mars is no time zone. Nothing was changed. · Usage",
    "/preset спокойный": "✅ PUMP from 3 % → 8 %",
    "/preset 平静": "✅ PUMP from 3 % → 8 %",
    "/preset foo": "Perhaps you meant /preset calm, /preset normal, /preset active, /preset original",
    "/budget 20 да": "✅ Budget: about 20 alerts a day",
    "/budget twenty": "twenty is not a number",
    "/reset": "Nothing was changed by a command here: defaults hold.",
    "/reset symbols": "Nothing to reset, no command changed this here: thresholds of single contracts.",
    "/reset /set_pump": "Nothing to reset, no command changed this here: PUMP.",
    "/undo": "There is no change left to take back",
    # questions
    "/top 5 m": "Largest moves in 5 m",
    "/top 60min": "Largest moves in 1 h",
    "/top 1d": "Largest moves in 24 h",
    "/stats 1 w": "No alerts in 168 h",
    "/stats 24ч": "No alerts in 24 h",
    "/history sol объём": "No alerts stored for SOLUSDT · volume",
    "/price ЅОL": "SOLUSDT 150.25",
    "/why sol 12：05": "Why SOLUSDT at 12:05:00 UTC",
    # no command at all
    "status": "Did you mean /status? | /status",
    "Status.": "Did you mean /status? | /status",
    "/ status": "Did you mean /status? | /status",
    "//status": "Did you mean /status? | /status",
    "\\status": "Did you mean /status? | /status",
    ".ыефегы": "Did you mean /status? | /status",
    "帮助": "Did you mean /help? | /help",
    "помощь": "Did you mean /help? | /help",
    "mute sol 2h": "Did you mean /mute sol 2h? | /mute sol 2h",
    "set pump 5": "Did you mean /set_pump 5? | /set_pump 5",
    "sol": "Did you mean /price SOLUSDT, /why SOLUSDT, /chart SOLUSDT?",
    "ВТС?": "Did you mean /price BTCUSDT, /why BTCUSDT, /chart BTCUSDT?",
    "what a day": "I only understand commands, such as /status.",
    "why did sol move so much today, please": "I only understand commands, such as /status.",
    "👍": "I only understand commands, such as /status.",
    "5": "I only understand commands, such as /status.",
    "/": "I only understand commands, such as /status.",
    "/help@OtherBot": "I only understand commands, such as /status.",
    "": "I can only read text.",
}
"""What is written in a private chat → words of the answer, and the buttons under it behind `|`."""


async def answers(text: str) -> list[str]:
    """As the chat's service gives them: every command in turn, and never nothing."""
    desk = Desk()
    replies = [await desk(command, bot_name="AltBot") for command in commands_in(text)]
    found = [reply for reply in replies if reply is not None] or [desk.desk.not_understood(text)]
    return [
        " | ".join(
            [
                one_line("\n".join(reply_parts(reply, EN))),
                *(button.action for button in plain(reply).buttons),
            ]
        )
        for reply in found
    ]


async def test_whatever_is_written_is_understood_or_answered_with_the_exact_hint() -> None:
    assert len(ANSWERS) >= 150
    wrong = {}
    for text, expected in ANSWERS.items():
        found = (await answers(text))[0]
        if not all(words in found for words in expected.split(" | ")):
            wrong[text] = found
    assert wrong == {}


async def test_several_commands_of_one_message_are_answered_each() -> None:
    expected = {
        "/status /mute doge 2h /history": ["🟢 Health: ok", "✅ DOGEUSDT muted until", "No alerts stored yet"],
        "/mute sol 1h\n/unmute sol\n/set_pump 5": [
            "SOLUSDT muted",
            "SOLUSDT not muted any more",
            "PUMP from 3 % → 5 %",
        ],
        "good morning\n/set_pump 5": ["PUMP from 3 % → 5 %"],
        "/watch sol\ndoge": ["Added: DOGEUSDT SOLUSDT"],
        "/foo\n/set_pump 5": ["There is no command /foo", "PUMP from 3 % → 5 %"],
        "／set_pump ５　／cooldown ５m": ["PUMP from 3 % → 5 %", "cooldown 180 s → 300 s"],
        "/reset /set_pump": ["Nothing to reset"],
    }
    for text, words in expected.items():
        found = await answers(text)
        assert len(found) == len(words), (text, found)
        assert [word for word, answer in zip(words, found, strict=True) if word not in answer] == [], (text, found)


def test_a_message_is_cut_after_twenty_commands() -> None:
    assert len(commands_in("/status\n" * 50)) == COMMANDS_MAX == 20


def test_talk_is_offered_at_most_three_commands_that_are_understood() -> None:
    for text in ANSWERS:
        assert len(not_understood(text, LISTED).meant) <= 3
