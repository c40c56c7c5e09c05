"""Where an alert stands, what became of its move, conditions, presses and buttons, in every language."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from altmonitor.core.alert import Alert, Details, EpisodeEnd
from altmonitor.delivery.destination_style import MessageRenderer
from altmonitor.interfaces.delivery import Press
from altmonitor.render import format as n
from altmonitor.render.signed_buttons import AlertAction, ButtonSigner
from altmonitor.settings.audience import QuietHours
from tests.render.render_cases import AT_MS, OI, PRICE, VOLUME, changed, has_cjk, read

UTC = ZoneInfo("UTC")
EN, ZH, RU = (MessageRenderer(lang, UTC) for lang in ("en", "zh", "ru"))
SEAL = ButtonSigner("ab" * 32)
WITH_BUTTONS = MessageRenderer("en", UTC, signer=SEAL)
CONDITION = Alert(
    key="condition:3:1",
    id=600,
    ts=AT_MS / 1000,
    event_ms=AT_MS,
    symbol="BTCUSDT",
    kind="condition",
    direction="UP",
    price=70_012.5,
    details=Details(condition="BTC > 70000 & <b>", condition_id=3),
)


def detailed(alert: Alert, **details: object) -> Alert:
    return msgspec.structs.replace(alert, details=msgspec.structs.replace(alert.details, **details))


def lines(renderer: MessageRenderer, alert: Alert, *presses: Press) -> list[str]:
    return read(renderer.alert(alert, maybe_repeated=False, presses=presses)).text.split("\n")


@pytest.mark.parametrize(
    ("renderer", "alert", "line"),
    [
        (EN, PRICE, "3rd SWARMS alert today · largest 1 m move in 9 d"),
        (ZH, PRICE, "今日第 3 条 SWARMS 提醒 · 9 天来最大的 1 分钟波动"),
        (RU, PRICE, "3-й алерт по SWARMS за сегодня · крупнейшее движение за 1 мин в последние 9 д"),
        (EN, OI, "3rd SWARMS alert today · largest 5 m OI change in 9 d"),
        (EN, VOLUME, "3rd SWARMS alert today · largest volume multiple in 9 d"),
    ],
)
def test_how_often_today_and_how_large_in_days(renderer: MessageRenderer, alert: Alert, line: str) -> None:
    assert line in lines(renderer, detailed(alert, today_count=3, largest_days=9))


def test_each_is_left_out_where_it_is_not_known() -> None:
    assert "2nd SWARMS alert today" in lines(EN, detailed(PRICE, today_count=2, largest_days=0))
    assert not any("today" in line for line in lines(EN, detailed(PRICE, today_count=1)))
    assert "Largest 1 m move in 2 d" in lines(EN, detailed(PRICE, largest_days=2))
    assert not any("today" in line for line in lines(EN, PRICE))


@pytest.mark.parametrize(
    ("count", "written"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st")],
)
def test_english_ordinals(count: int, written: str) -> None:
    assert n.ordinal(count) == written


def test_what_joined_a_move_and_how_it_ended() -> None:
    end = EpisodeEnd(at_ms=AT_MS, lasted_s=1080.0, peak_pct=9.1, last_pct=-1.25)
    first = detailed(PRICE, joined=("oi", "vol", "x2", "5m", "<new>"), ended=end)
    assert lines(EN, first)[7:9] == [
        "➕ joined by OI, volume, the 5 m move and <new>; the move has doubled since",
        "🏁 over after 18 min · price peak +9.10 % · price at the end −1.25 %",
    ]
    assert "➕ 随后出现持仓变化、放量、5 分钟波动和<new>；此后幅度翻倍" in lines(ZH, first)
    assert "🏁 закончилось через 18 мин · максимум цены +9.10 % · цена в конце −1.25 %" in lines(RU, first)
    fallen = EpisodeEnd(at_ms=AT_MS, lasted_s=1080.0, peak_pct=-9.1, last_pct=-1.25)
    assert "🏁 over after 18 min · price low −9.10 % · price at the end −1.25 %" in lines(
        EN, detailed(OI, ended=fallen)
    )
    unknown = EpisodeEnd(at_ms=AT_MS, lasted_s=42.0)
    assert "🏁 over after 42 s" in lines(EN, detailed(PRICE, ended=unknown))


@pytest.mark.parametrize(
    ("joined", "english", "russian"),
    [
        (("vol",), "➕ joined by volume", "➕ следом: объём"),
        (
            ("x2", "vol", "PUMP", "x4", "x8"),
            "➕ joined by volume and a pump; the move has doubled 3 times since",
            "➕ следом: объём и памп; с тех пор движение удвоилось 3 раза",
        ),
        (("x2",), "➕ the move has doubled since", "➕ с тех пор движение удвоилось"),
        (
            ("x2", "x4", "x8", "x16", "x32"),
            "➕ the move has doubled 5 times since",
            "➕ с тех пор движение удвоилось 5 раз",
        ),
        (
            ("price", "DUMP", "episode"),
            "➕ joined by the price, a dump and the whole move",
            "➕ следом: цена, дамп и всё движение",
        ),
    ],
)
def test_what_joined_is_a_sentence(joined: tuple[str, ...], english: str, russian: str) -> None:
    assert english in lines(EN, detailed(PRICE, joined=joined))
    assert russian in lines(RU, detailed(PRICE, joined=joined))


@pytest.mark.parametrize(
    ("renderer", "head"),
    [
        (EN, "🎯 CONDITION BTCUSDT BTC > 70000 & <b>"),
        (ZH, "🎯 条件达成 BTCUSDT BTC > 70000 & <b>"),
        (RU, "🎯 УСЛОВИЕ BTCUSDT BTC > 70000 & <b>"),
    ],
)
def test_a_condition_says_what_was_asked_for_and_where_the_price_is(renderer: MessageRenderer, head: str) -> None:
    first, second, *_ = lines(renderer, CONDITION)
    assert first == head
    assert second.endswith("70,012.5")


def test_a_move_over_five_or_fifteen_minutes_names_its_window() -> None:
    moved = changed(PRICE, note="15m", details={"window_s": 900.0})
    assert lines(EN, moved)[1] == "in 15 m · price ↑ · OI ↑"
    shorter = changed(PRICE, note="5m", details={"window_s": 251.4})
    assert lines(EN, shorter)[1] == "in 5 m · price ↑ · OI ↑"


def test_presses_stand_at_the_end_in_their_order_with_names_as_harmless_text() -> None:
    pressed = [
        Press(action="mute", by="anna", at_ms=AT_MS),
        Press(action="why", by="<b>bob\n\u202e", at_ms=AT_MS + 60_000),
        Press(action="chart", by="x" * 80, at_ms=AT_MS),
    ]
    assert lines(EN, PRICE, *pressed)[-3:] == [
        "🔇 muted 1 h · anna 23:00",
        "❔ why · <b>bob � 23:01",
        "📊 chart · " + "x" * 31 + "… 23:00",
    ]
    assert lines(RU, PRICE, pressed[0])[-1] == "🔇 заглушено на 1 ч · anna 23:00"


def test_under_an_alert_stand_three_actions_and_two_links_and_the_text_has_no_links_then() -> None:
    actions, links = WITH_BUTTONS.buttons(PRICE)
    assert [button.text for button in actions] == ["🔇 1 h", "📊 Chart", "❔ Why"]
    assert [SEAL.read(button.data, now_ms=AT_MS) for button in actions] == [
        AlertAction(action="mute", alert_id=512),
        AlertAction(action="chart", alert_id=512),
        AlertAction(action="why", alert_id=512),
    ]
    assert [button.url for button in links] == [
        "https://www.binance.com/en/futures/SWARMSUSDT",
        "https://www.tradingview.com/chart/?symbol=BINANCE:SWARMSUSDT.P",
    ]
    assert lines(WITH_BUTTONS, PRICE)[-1] == "#SWARMS"


def test_links_of_chinese_symbols_are_percent_encoded_and_their_data_is_short() -> None:
    actions, links = WITH_BUTTONS.buttons(changed(PRICE, symbol="币安人生USDT"))
    encoded = "%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"
    assert links[0].url == f"https://www.binance.com/en/futures/{encoded}"
    assert links[1].url == f"https://www.tradingview.com/chart/?symbol=BINANCE:{encoded}.P"
    assert all(len(button.data.encode()) <= 64 for button in actions)


def test_a_symbol_that_cannot_be_has_no_buttons_and_without_a_seal_there_are_none() -> None:
    assert WITH_BUTTONS.buttons(changed(PRICE, symbol="X" * 300)) == ()
    assert EN.buttons(PRICE) == ()


def test_a_digest_of_held_alerts_says_so_and_gives_each_its_minute() -> None:
    night = QuietHours(begin_minute=23 * 60, end_minute=7 * 60)
    for lang, title in (
        ("en", "🌙 Quiet hours 23:00–07:00: 2 alerts held back"),
        ("zh", "🌙 免打扰 23:00–07:00：期间 2 条提醒"),
        ("ru", "🌙 Тихие часы 23:00–07:00: задержано алертов: 2"),
    ):
        (part,) = MessageRenderer(lang, UTC, quiet=night).digest([PRICE, OI], late=True, held=True)
        text = read(part.html).text
        assert text.split("\n")[0] == title
        assert ("SWARMSUSDT\u00a0+5.2（23:00、" if lang == "zh" else "SWARMSUSDT\u00a0+5.2\u00a0(23:00,") in text
    (part,) = EN.digest([PRICE], late=True, held=True)
    assert read(part.html).text.split("\n")[0] == "🌙 Quiet hours: 1 alert held back"


def test_a_digest_lists_conditions_first_each_on_its_own_line() -> None:
    asked = {"condition": "SOL move 5m 4"}
    other = changed(CONDITION, id=601, key="condition:4:1", symbol="SOLUSDT", details=asked)
    (part,) = EN.digest([PRICE, CONDITION, other], late=False)
    text = read(part.html).text.replace("\u00a0", " ")
    assert "🎯 CONDITION 2 · 📈 PUMP 1" in text
    assert "BTCUSDT BTC > 70000 & <b> (70,012.5)\nSOLUSDT SOL move 5m 4 (70,012.5)\n\n📈 PUMP" in text
    assert part.alert_ids == (600, 601, 512)


def test_in_a_short_digest_an_entry_says_where_it_stands() -> None:
    end = EpisodeEnd(at_ms=AT_MS, lasted_s=60.0)
    stood = detailed(changed(PRICE, note="5m"), today_count=3, largest_days=9, ended=end)
    (part,) = EN.digest([stood, OI], late=False)
    assert "SWARMSUSDT +5.2 (5 m, 3rd today, largest in 9 d, over, OI +2.3 %)" in read(part.html).text.replace(
        "\u00a0", " "
    )
    many = [changed(stood, id=1000 + i, symbol=f"C{i}USDT") for i in range(11)]
    (part,) = EN.digest(many, late=False)
    assert "today" not in part.html


@pytest.mark.parametrize("alert", [PRICE, OI, VOLUME, CONDITION])
def test_russian_messages_hold_no_chinese_and_no_english_words_but_names(alert: Alert) -> None:
    end = EpisodeEnd(at_ms=AT_MS, lasted_s=60.0, peak_pct=1.0, last_pct=1.0)
    full = detailed(alert, today_count=2, largest_days=3, joined=("oi", "vol"), ended=end)
    text = "\n".join(lines(RU, full)[1:])
    assert not has_cjk(text)
    for word in ("price", "today", "candle", "volume", "ago", "funding", "over", "largest"):
        assert word not in text.lower().split()
