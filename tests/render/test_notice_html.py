from __future__ import annotations

import typing
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.render import notices
from altmonitor.render.format import Style
from altmonitor.render.notice_html import notice_html
from altmonitor.render.notices import (
    AlertsRefused,
    BackAfter,
    BlindSince,
    BotRefused,
    BrokerFine,
    BrokerTrouble,
    ClockFine,
    ClockSkew,
    DatabaseSetAside,
    DeliveryResumed,
    DestinationClosed,
    DestinationOpen,
    DiskFine,
    DiskTrouble,
    ExchangeBlockedNotice,
    ExchangeFree,
    FeedTakenOver,
    Lacked,
    Notice,
    OpenInterestBack,
    OpenInterestMissing,
    Restored,
    SecondPollerNotice,
    SettingsDamaged,
    Started,
    SymbolsBack,
    SymbolsSilent,
    TopicFound,
    TopicLost,
    WebsiteBlocked,
)
from altmonitor.settings.settings import Settings
from tests.fakes import cause
from tests.render.render_cases import AT_MS, has_cjk, read

SILENT = cause("no data for 30 s, 561 of 561 streams acknowledged", CauseCode.NO_DATA, seconds=30)
BANNED = cause("HTTP 418: banned for too many requests", CauseCode.BANNED)
KICKED = cause("Telegram does not let the bot write there: bot was kicked", CauseCode.KICKED)
TOO_LONG = cause("Message is too long", CauseCode.TOO_LONG)
NO_TOPIC = cause("message thread not found", CauseCode.TOPIC_DELETED)

EN = Style(lang="en", tz=ZoneInfo("UTC"))
ZH = Style(lang="zh", tz=ZoneInfo("Asia/Shanghai"))

STARTED = Started(
    at_ms=AT_MS,
    version="0.1.0",
    symbols=1561,
    settings=Settings(
        muted={"DOGEUSDT": None, "PEPEUSDT": AT_MS // 1000 - 1, "XRPUSDT": AT_MS // 1000 + 60},
        watchlist=frozenset(["SOLUSDT"]),
    ),
    restored=Restored(queued=12, cooldowns=41, candles=11_781),
    alerts_per_day=38.4,
    history_s=1_200.0,
)

CASES: list[tuple[Notice, str, str]] = [
    (
        STARTED,
        "✅ altmonitor 0.1.0 watches 1,561 symbols\n"
        "PUMP +3 % · DUMP −3 %\n"
        "OI ±3 % in 1 m, ±6 % in 5 m\n"
        "Volume 5× the median of 20 · cooldown 3 min · watchlist 1 · muted 2\n"
        "Restored: undelivered alerts 12, cooldowns 41, candles 11,781\n"
        "At these thresholds about 38 price and volume alerts a day, judging by the last 20 min\n"
        "/status shows the health, /help the commands\n"
        "23:00:39 UTC",
        "✅ altmonitor 0.1.0 已启动，监控 1,561 个合约\n"
        "拉升 +3 % · 砸盘 −3 %\n"
        "持仓 ±3 % / 1 分钟，±6 % / 5 分钟\n"
        "放量 5×（前 20 根中位数） · 冷却 3 分钟 · 自选 1 · 静音 2\n"
        "已恢复：未送达的提醒 12、冷却 41、K 线 11,781\n"
        "按当前阈值，价格与放量提醒约每天 38 条（依据最近 20 分钟）\n"
        "/status 查看状态，/help 查看命令\n"
        "07:00:39 UTC+08",
    ),
    (
        BlindSince(
            at_ms=AT_MS,
            reasons=[SILENT],
            since_ms=AT_MS - 30_400,
            symbols=561,
        ),
        "🔴 BLIND since 23:00:08 UTC\n"
        "Reason: no data for 30 s\n"
        "561 symbols are not seen; no price or volume alert can come until data is back.\n"
        "23:00:39 UTC",
        "🔴 行情中断，自 07:00:08 UTC+08\n"
        "原因：30 秒没有数据\n"
        "561 个合约无数据，恢复之前不会有价格和放量提醒。\n"
        "07:00:39 UTC+08",
    ),
    (
        BackAfter(at_ms=AT_MS, since_ms=AT_MS - 250_000, missed_minutes=4, is_filled=True, is_since_known=False),
        "🟢 Data is back. Since when it was not seen is not known: a clock was wrong when the monitor ran last.\n"
        "Looked through: 22:56:29 – 23:00:39 UTC (4 min); what lies before it is not known here.\n"
        "The candles were fetched afterwards; what they hold is told as late.\n"
        "23:00:39 UTC",
        "🟢 行情已恢复。中断始于何时不明：上次运行时有时钟不准。\n"
        "已检查：06:56:29 – 07:00:39 UTC+08，共 4 根 K 线；更早的情况这里不得而知。\n"
        "K 线已事后补齐，其中的异动会作为迟到提醒发出。\n"
        "07:00:39 UTC+08",
    ),
    (
        BackAfter(at_ms=AT_MS, since_ms=AT_MS - 250_000, missed_minutes=4, is_filled=True),
        "🟢 Data is back after 4 min 10 s\n"
        "Not seen: 22:56:29 – 23:00:39 UTC (4 min).\n"
        "The candles were fetched afterwards; what they hold is told as late.\n"
        "23:00:39 UTC",
        "🟢 行情已恢复，中断 4 分钟 10 秒\n"
        "未监测到：06:56:29 – 07:00:39 UTC+08，共 4 根 K 线。\n"
        "K 线已事后补齐，其中的异动会作为迟到提醒发出。\n"
        "07:00:39 UTC+08",
    ),
    (
        ExchangeBlockedNotice(
            at_ms=AT_MS,
            until_ms=AT_MS + 600_000,
            reason=BANNED,
        ),
        "⛔ The exchange refuses our requests until 23:10:39 UTC (10 min)\n"
        "Reason: banned for too many requests (HTTP 418)\n"
        "Open interest, long/short and back-fill pause; price and volume keep coming.\n"
        "23:00:39 UTC",
        "⛔ 交易所拒绝我们的请求，直到 07:10:39 UTC+08（10 分钟）\n"
        "原因：请求过多被封禁（HTTP 418）\n"
        "持仓量、多空比和补数据暂停；价格与成交量不受影响。\n"
        "07:00:39 UTC+08",
    ),
    (
        WebsiteBlocked(
            at_ms=AT_MS,
            until_ms=AT_MS + 14_400_000,
            reason=BANNED,
        ),
        "⛔ The exchange's website refuses our requests until 2026-08-29 03:00:39 UTC (4 h)\n"
        "Reason: banned for too many requests (HTTP 418)\n"
        "Alerts come without the line about whales; everything else goes on.\n"
        "23:00:39 UTC",
        "⛔ 交易所网站拒绝我们的请求，直到 11:00:39 UTC+08（4 小时）\n"
        "原因：请求过多被封禁（HTTP 418）\n"
        "提醒暂时不带巨鲸一行；其他一切照常。\n"
        "07:00:39 UTC+08",
    ),
    (
        ExchangeFree(at_ms=AT_MS, blocked_since_ms=AT_MS - 600_000),
        "🟢 The exchange answers again after 10 min\n23:00:39 UTC",
        "🟢 交易所已恢复应答，历时 10 分钟\n07:00:39 UTC+08",
    ),
    (
        DestinationClosed(at_ms=AT_MS, chat="-1001234567890/56", reason=KICKED),
        "⚠️ Telegram does not take messages for chat -1001234567890/56\n"
        "Reason: the bot is not in the chat (any more)\n"
        "Its alerts wait and are tried again; older than a day they are given up.\n"
        "23:00:39 UTC",
        "⚠️ Telegram 无法向会话 -1001234567890/56 发送消息\n"
        "原因：机器人不在该会话中\n"
        "其提醒会等待并重试；超过一天的将被放弃。\n"
        "07:00:39 UTC+08",
    ),
    (
        DeliveryResumed(
            at_ms=AT_MS,
            since_ms=AT_MS - 720_000,
            reason=KICKED,
            late=1_041,
            given_up=12,
        ),
        "🟢 Messages get through to this chat again after 12 min\n"
        "Reason: the bot is not in the chat (any more)\n"
        "Alerts that waited: 1,041; they come now.\n"
        "Alerts given up because they were older than a day: 12.\n"
        "23:00:39 UTC",
        "🟢 消息已可送达此会话，中断 12 分钟\n"
        "原因：机器人不在该会话中\n"
        "等待中的提醒：1,041，现在送达。\n"
        "因超过一天而放弃的提醒：12。\n"
        "07:00:39 UTC+08",
    ),
    (
        AlertsRefused(at_ms=AT_MS, chat="5", count=1, reason=TOO_LONG),
        "⚠️ Telegram refused alerts for chat 5; given up: 1\nReason: the message is too long\n23:00:39 UTC",
        "⚠️ Telegram 拒绝了会话 5 的提醒；已放弃：1\n原因：消息过长\n07:00:39 UTC+08",
    ),
    (
        BotRefused(at_ms=AT_MS, bot=123),
        "⚠️ Telegram refuses the token of bot 123\n"
        "Its chats hear nothing until it has a valid one: get it from @BotFather and start again. "
        "The other bots go on.\n23:00:39 UTC",
        "⚠️ Telegram 拒绝了机器人 123 的 token\n"
        "在换上有效的 token 之前，它的会话收不到任何消息：请在 @BotFather 获取新的 token，然后重新启动。"
        "其他机器人照常工作。\n07:00:39 UTC+08",
    ),
    (
        TopicFound(at_ms=AT_MS, diverted=3),
        "🟢 This forum topic can be written to again\n"
        "Messages that went to the general topic meanwhile: 3.\n23:00:39 UTC",
        "🟢 此话题已可发送消息\n其间发送到默认话题的消息：3。\n07:00:39 UTC+08",
    ),
    (
        DestinationOpen(at_ms=AT_MS, chat="-1001234567890"),
        "🟢 Telegram takes messages for chat -1001234567890 again\n23:00:39 UTC",
        "🟢 Telegram 已可向会话 -1001234567890 发送消息\n07:00:39 UTC+08",
    ),
    (
        TopicLost(at_ms=AT_MS, chat="-1001234567890/56", reason=NO_TOPIC),
        "⚠️ The forum topic -1001234567890/56 cannot be written to\nReason: the forum topic does not exist (any more)\n"
        "Its alerts come in the chat's general topic until it can be.\n23:00:39 UTC",
        "⚠️ 无法向话题 -1001234567890/56 发送消息\n原因：话题不存在\n"
        "在恢复之前，它的提醒发送到该群的默认话题。\n07:00:39 UTC+08",
    ),
    (
        ClockSkew(at_ms=AT_MS, skew_ms=-3_240.0),
        "⚠️ This machine's clock is 3.2 s behind the exchange's\n"
        "Alerts carry the exchange's time; set the clock (NTP) to make ages and delays right.\n"
        "23:00:39 UTC",
        "⚠️ 本机时钟比交易所慢 3.2 秒\n提醒使用交易所时间；请校准时钟（NTP），否则时长与延迟显示不准。\n07:00:39 UTC+08",
    ),
    (
        OpenInterestMissing(at_ms=AT_MS, reason=Cause(CauseCode.HTTP, "HTTP 500", {"status": 500}), percent=0),
        "⚠️ No open interest comes any more\nReason: answered with HTTP 500\n"
        "No jump of it is told until it is back; prices and volume go on.\n23:00:39 UTC",
        "⚠️ 收不到持仓量数据\n原因：应答为 HTTP 500\n恢复之前不会有持仓量提醒；价格和成交量照常。\n07:00:39 UTC+08",
    ),
    (
        OpenInterestMissing(at_ms=AT_MS, reason=None, percent=31),
        "⚠️ Open interest of only 31 % of the contracts comes\n"
        "No jump is told of the others until theirs is back; prices and volume go on.\n23:00:39 UTC",
        "⚠️ 只有 31 % 的合约有持仓量数据\n恢复之前，其余合约不会有持仓量提醒；价格和成交量照常。\n07:00:39 UTC+08",
    ),
    (
        OpenInterestBack(at_ms=AT_MS, since_ms=AT_MS - 300_000),
        "🟢 Open interest comes again after 5 min\n23:00:39 UTC",
        "🟢 持仓量数据已恢复，中断 5 分钟\n07:00:39 UTC+08",
    ),
    (
        ClockFine(at_ms=AT_MS),
        "🟢 This machine's clock agrees with the exchange's again\n23:00:39 UTC",
        "🟢 本机时钟与交易所已一致\n07:00:39 UTC+08",
    ),
    (
        DiskTrouble(at_ms=AT_MS, reason=cause("database or disk is full", CauseCode.DISK_FULL)),
        "⚠️ Alerts cannot be stored\n"
        "Reason: the disk is full\n"
        "They are still sent, but a restart now would forget them.\n"
        "23:00:39 UTC",
        "⚠️ 提醒无法保存\n原因：磁盘已满\n提醒照常发送，但此时重启会丢失。\n07:00:39 UTC+08",
    ),
    (
        DiskTrouble(at_ms=AT_MS, reason=cause("database or disk is full", CauseCode.DISK_FULL), is_waiting=True),
        "⚠️ Alerts cannot be stored\n"
        "Reason: the disk is full\n"
        "They wait until they are stored, and are sent then.\n"
        "23:00:39 UTC",
        "⚠️ 提醒无法保存\n原因：磁盘已满\n提醒会等到保存成功后再发送。\n07:00:39 UTC+08",
    ),
    (
        DiskFine(at_ms=AT_MS, since_ms=AT_MS - 42_000),
        "🟢 Alerts are stored again after 42 s\n23:00:39 UTC",
        "🟢 提醒已恢复保存，历时 42 秒\n07:00:39 UTC+08",
    ),
    (
        BrokerTrouble(
            at_ms=AT_MS,
            reason=Cause(CauseCode.BROKER_OLD, "NATS at host:4222 is version 2.8.4", {"major": 2, "minor": 8}),
            names=("notify-1", "<b>"),
        ),
        "⚠️ Notifiers are not told at once any more\n"
        "Reason: NATS is version 2.8: 2.9 or newer is needed\n"
        "Noticed by notify-1, <b>.\n"
        "They look into the database ten times a second: alerts come a bit later, none is lost.\n"
        "23:00:39 UTC",
        "⚠️ NATS 出现问题，发送进程无法即时得到通知\n"
        "原因：NATS 版本为 2.8，需要 2.9 或更高版本\n"
        "发现者：notify-1, <b>。\n"
        "发送进程每秒查询数据库十次：提醒最多晚十分之一秒，不会丢失。\n"
        "07:00:39 UTC+08",
    ),
    (
        BrokerFine(at_ms=AT_MS, since_ms=AT_MS - 42_000),
        "🟢 NATS works again after 42 s: notifiers are told at once\n23:00:39 UTC",
        "🟢 NATS 已恢复，历时 42 秒，发送进程重新即时得到通知\n07:00:39 UTC+08",
    ),
    (
        SettingsDamaged(at_ms=AT_MS, kept_as="state.json.corrupt-1787958039"),
        "⚠️ The saved settings were damaged\n"
        "Kept as state.json.corrupt-1787958039. The environment's thresholds are in force, "
        "nothing is muted or on the watchlist.\n"
        "23:00:39 UTC",
        "⚠️ 保存的设置已损坏\n"
        "原文件保留为 state.json.corrupt-1787958039。现按环境变量的阈值运行，静音与自选为空。\n"
        "07:00:39 UTC+08",
    ),
    (
        SettingsDamaged(at_ms=AT_MS, kept_as="/srv/state.json", is_left=True),
        "⚠️ The saved settings were damaged\n"
        "/srv/state.json cannot be moved aside: no change is saved until it is moved away. The environment's "
        "thresholds are in force, nothing is muted or on the watchlist.\n"
        "23:00:39 UTC",
        "⚠️ 保存的设置已损坏\n"
        "/srv/state.json 无法移开：移走之前不会保存任何更改。现按环境变量的阈值运行，静音与自选为空。\n"
        "07:00:39 UTC+08",
    ),
    (
        SecondPollerNotice(at_ms=AT_MS),
        "⚠️ Another program reads this bot's commands\n"
        "A second monitor uses the same token: commands may go astray. Alerts still come.\n"
        "23:00:39 UTC",
        "⚠️ 有另一个程序在读取此机器人的命令\n"
        "另一个监控程序使用了同一个 token：命令可能丢失，提醒不受影响。\n"
        "07:00:39 UTC+08",
    ),
    (
        SecondPollerNotice(at_ms=AT_MS, is_webhook=True),
        "⚠️ Commands in this chat do not arrive: a webhook is set for the bot\n"
        "Alerts go out as usual. altmonitor setup can remove the webhook; what uses it stops working then. "
        "Otherwise make a bot of its own with @BotFather.\n"
        "23:00:39 UTC",
        "⚠️ 本聊天的命令无法送达：该机器人设置了 webhook\n"
        "提醒照常发送。altmonitor setup 可以删除该 webhook（使用它的程序将停止工作），"
        "也可以在 @BotFather 另建一个机器人。\n"
        "07:00:39 UTC+08",
    ),
    (
        DatabaseSetAside(at_ms=AT_MS, kept_as="alerts.db.corrupt-1787958039"),
        "⚠️ The alert database was damaged\n"
        "Kept as alerts.db.corrupt-1787958039, a new one was begun. History starts anew; "
        "alerts that waited in the old one may not have been sent.\n"
        "23:00:39 UTC",
        "⚠️ 提醒数据库已损坏\n"
        "原文件保留为 alerts.db.corrupt-1787958039，已新建数据库。历史重新开始；旧库中等待发送的提醒可能未发出。\n"
        "07:00:39 UTC+08",
    ),
    (
        SymbolsSilent(at_ms=AT_MS, symbols=["SOLUSDT", "DOGEUSDT"]),
        "⚠️ No data from 2 symbols, the others are fine\nSOLUSDT, DOGEUSDT\n23:00:39 UTC",
        "⚠️ 2 个合约没有数据，其余正常\nSOLUSDT、DOGEUSDT\n07:00:39 UTC+08",
    ),
    (
        SymbolsBack(at_ms=AT_MS, symbols=["SOLUSDT"]),
        "🟢 Data again from SOLUSDT\n23:00:39 UTC",
        "🟢 SOLUSDT 恢复数据\n07:00:39 UTC+08",
    ),
    (
        FeedTakenOver(at_ms=AT_MS, by="feed-2", silent_s=3.42, alerts=2),
        "🔁 feed-2 has taken over the watch: the feed before it was not heard of for 3.4 s\n"
        "It had been watching all along; nothing was left unseen.\n"
        "Alerts of these seconds, which come now: 2.\n23:00:39 UTC",
        "🔁 feed-2 已接管行情监控：此前的行情进程已有 3.4 秒没有响应\n"
        "它一直在同步监控，没有遗漏行情。\n这几秒内的提醒现在补发：2 条。\n07:00:39 UTC+08",
    ),
    (
        FeedTakenOver(at_ms=AT_MS, by="feed-2", silent_s=3.42, alerts=0, is_new=True),
        "🔁 feed-2 has taken over the watch: the feed before it was not heard of for 3.4 s\n"
        "It has only just begun to watch: what happened before that is looked for in the closed minutes and comes "
        "marked as late.\n23:00:39 UTC",
        "🔁 feed-2 已接管行情监控：此前的行情进程已有 3.4 秒没有响应\n"
        "它刚开始监控：此前的行情会从已收盘的 K 线中补查，补查到的提醒会标注为迟到。\n07:00:39 UTC+08",
    ),
    (
        FeedTakenOver(
            at_ms=AT_MS,
            by="feed-2",
            silent_s=0.4,
            alerts=0,
            lacked=Lacked(by="feed-1", venue="binance", what="figures", reason=BANNED),
        ),
        "🔁 feed-1 has given the watch to feed-2, which gets what it does not\n"
        "feed-1 gets no open interest and no other answers of Binance.\n"
        "Reason: banned for too many requests (HTTP 418)\n"
        "It had been watching all along; nothing was left unseen.\n23:00:39 UTC",
        "🔁 feed-1 已将行情监控交给 feed-2，后者能取得前者取不到的数据\n"
        "feed-1 取不到 Binance 的持仓量及其他查询数据。\n"
        "原因：请求过多被封禁（HTTP 418）\n"
        "它一直在同步监控，没有遗漏行情。\n07:00:39 UTC+08",
    ),
    (
        FeedTakenOver(
            at_ms=AT_MS,
            by="feed-2",
            silent_s=0.4,
            alerts=1,
            lacked=Lacked(by="feed-1", venue="binance", what="prices"),
        ),
        "🔁 feed-1 has given the watch to feed-2, which gets what it does not\n"
        "feed-1 sees no prices of Binance.\n"
        "It had been watching all along; nothing was left unseen.\n"
        "Alerts of these seconds, which come now: 1.\n23:00:39 UTC",
        "🔁 feed-1 已将行情监控交给 feed-2，后者能取得前者取不到的数据\n"
        "feed-1 收不到 Binance 的价格。\n"
        "它一直在同步监控，没有遗漏行情。\n这几秒内的提醒现在补发：1 条。\n07:00:39 UTC+08",
    ),
    (
        FeedTakenOver(at_ms=AT_MS, by="feed-2", silent_s=3.42, alerts=0, is_blind=True),
        "🔁 feed-2 has taken over the watch: the feed before it was not heard of for 3.4 s\n"
        "It sees nothing either.\n23:00:39 UTC",
        "🔁 feed-2 已接管行情监控：此前的行情进程已有 3.4 秒没有响应\n它也收不到行情。\n07:00:39 UTC+08",
    ),
]


def seen(style: Style, notice: Notice) -> str:
    return read(notice_html(notice, style)).text


@pytest.mark.parametrize(("notice", "en", "zh"), CASES, ids=lambda case: type(case).__name__)
def test_a_notice_reads_like_this(notice: Notice, en: str, zh: str) -> None:
    assert seen(EN, notice) == en
    assert seen(ZH, notice) == zh
    assert not has_cjk(en)


def test_every_kind_of_notice_has_its_case() -> None:
    kinds = {type(notice) for notice, _, _ in CASES}
    assert kinds == set(typing.get_args(Notice))
    assert kinds == {
        value
        for value in vars(notices).values()
        if isinstance(value, type) and issubclass(value, notices.NoticeBase) and value is not notices.NoticeBase
    }


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (Settings(oi_surge_5m=0.0), "OI ±3 % in 1 m, 5 m off"),
        (Settings(oi_surge_1m=0.0), "OI ±6 % in 5 m, 1 m off"),
        (Settings(oi_surge_1m=0.0, oi_surge_5m=0.0), "OI alerts off"),
        (Settings(vol_burst_mult=0.0), "Volume alerts off · cooldown 3 min"),
        (Settings(pump_threshold=2.75, dump_threshold=-3.125), "PUMP +2.75 % · DUMP −3.125 %"),
        (Settings(move_5m_pct=4.0, move_15m_pct=8.5), "Move in 5 m from 4 % · move in 15 m from 8.5 %"),
    ],
)
def test_a_first_start_tells_the_thresholds_in_force(settings: Settings, line: str) -> None:
    lines = seen(EN, Started(at_ms=AT_MS, version="0.1.0", symbols=561, settings=settings)).splitlines()
    assert line in lines
    assert "Nothing to restore" in lines
    assert not any("a day" in other or "Start after" in other for other in lines)


def test_the_start_says_that_bounds_follow_from_the_contract_where_they_do() -> None:
    settings = Settings(adaptive_sigmas=6, adaptive_floor_pct=1, adaptive_volume_mult=2, adaptive_volume_floor=3)
    text = seen(EN, Started(at_ms=AT_MS, version="0.3.0", symbols=561, settings=settings))
    assert "price bounds follow each contract: 6σ of its usual minute, at least 1 %" in text
    assert "the volume bound follows each contract: 2 × P95" in text
    assert "the median of 20" not in text, "a bound that no contract has"
    fixed = replace(settings, adaptive_volume_mult=0)
    own = seen(EN, Started(at_ms=AT_MS, version="0.3.0", symbols=561, settings=fixed))
    assert "Volume 5× the median of 20" in own
    assert "follow" not in seen(EN, Started(at_ms=AT_MS, version="0.3.0", symbols=561, settings=Settings()))


def test_an_estimate_below_one_is_not_called_none() -> None:
    started = Started(
        at_ms=AT_MS, version="0.1.0", symbols=561, settings=Settings(), alerts_per_day=0.2, history_s=86_400.0 * 7
    )
    assert "At these thresholds less than one price or volume alert a day, judging by the last 7 d" in seen(EN, started)


def test_alerts_given_up_without_an_interruption_and_one_that_held_up_nothing_say_no_more_than_that() -> None:
    given_up = DeliveryResumed(at_ms=AT_MS, since_ms=None, given_up=2)
    assert seen(EN, given_up) == "Alerts given up because they were older than a day: 2.\n23:00:39 UTC"
    nothing = DeliveryResumed(at_ms=AT_MS, since_ms=AT_MS - 90_000)
    assert seen(EN, nothing) == "🟢 Messages get through to this chat again after 1 min 30 s\n23:00:39 UTC"


def test_a_start_without_market_data_does_not_claim_to_watch() -> None:
    started = Started(at_ms=AT_MS, version="0.1.0", symbols=152, settings=Settings(), is_blind=True)
    assert seen(EN, started).splitlines()[0] == "⏳ altmonitor 0.1.0 has started: 152 symbols, no market data yet"
    assert seen(ZH, started).splitlines()[0] == "⏳ altmonitor 0.1.0 已启动：152 个合约，尚无行情数据"


def test_blind_before_the_first_data_says_so() -> None:
    notice = BlindSince(at_ms=AT_MS, reasons=[cause("refused", CauseCode.NO_CONNECTION)], since_ms=None, symbols=561)
    assert seen(EN, notice).splitlines()[0] == "🔴 BLIND: no market data yet"
    assert seen(ZH, notice).splitlines()[0] == "🔴 行情中断：尚未收到任何数据"


def test_a_time_on_another_day_carries_its_date() -> None:
    assert (
        seen(EN, BlindSince(at_ms=AT_MS, reasons=(), since_ms=AT_MS - 86_400_000, symbols=1)).splitlines()[0]
        == "🔴 BLIND since 2026-08-27 23:00:39 UTC"
    )
    back = BackAfter(at_ms=AT_MS, since_ms=AT_MS - 90_000_000, missed_minutes=1500, is_filled=False)
    assert seen(EN, back).splitlines()[:3] == [
        "🟢 Data is back after 1 d 1 h",
        "Not seen: 2026-08-27 22:00:39 – 2026-08-28 23:00:39 UTC (1,500 min).",
        "The candles could not be fetched: what happened then is not known here.",
    ]


def test_back_within_a_minute_promises_no_more_than_it_knows() -> None:
    notice = BackAfter(at_ms=AT_MS, since_ms=AT_MS - 31_000, missed_minutes=0, is_filled=True)
    assert seen(EN, notice).splitlines()[:2] == [
        "🟢 Data is back after 31 s",
        "No closed candle is missing; moves that came and went in between are not known.",
    ]


def test_a_refusal_for_the_location_names_the_way_out() -> None:
    notice = ExchangeBlockedNotice(
        at_ms=AT_MS,
        until_ms=AT_MS + 5_400_000,
        reason=cause("HTTP 451: the exchange does not serve this location", CauseCode.REGION),
        is_region=True,
    )
    assert seen(EN, notice).splitlines()[:3] == [
        "⛔ The exchange does not serve this location; next try 2026-08-29 00:30:39 UTC",
        "Reason: the exchange does not serve this location",
        "Open interest, long/short and back-fill are off. A server elsewhere or a proxy (HTTPS_PROXY) is needed.",
    ]


def test_a_clock_that_is_far_ahead_is_told_in_minutes() -> None:
    line = seen(EN, ClockSkew(at_ms=AT_MS, skew_ms=190_000.0)).splitlines()[0]
    assert line == "⚠️ This machine's clock is 3 min 10 s ahead of the exchange's"


def test_many_silent_symbols_are_counted_and_thirty_named() -> None:
    lines = seen(EN, SymbolsSilent(at_ms=AT_MS, symbols=[f"A{number}USDT" for number in range(40)])).splitlines()
    assert lines[0] == "⚠️ No data from 40 symbols, the others are fine"
    assert lines[1].startswith("A0USDT, A1USDT, ")
    assert lines[1].endswith(", A29USDT, and 10 more")


@given(st.text(max_size=5000), st.sampled_from([EN, ZH]))
def test_whatever_a_reason_or_a_path_holds_telegram_can_take_the_message(text: str, style: Style) -> None:
    for notice in (
        BlindSince(at_ms=AT_MS, reasons=[cause(text)], since_ms=None, symbols=1),
        DestinationClosed(at_ms=AT_MS, chat="1", reason=cause(text)),
        SettingsDamaged(at_ms=AT_MS, kept_as=text),
        DatabaseSetAside(at_ms=AT_MS, kept_as=text),
        SymbolsSilent(at_ms=AT_MS, symbols=[text] * 600),
        SymbolsBack(at_ms=AT_MS, symbols=[text]),
    ):
        assert read(notice_html(notice, style)).text.strip()
