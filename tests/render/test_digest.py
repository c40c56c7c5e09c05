from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.alert import Alert
from altmonitor.delivery.destination_style import MessageRenderer
from altmonitor.render.digest import DigestContext
from tests.render.render_cases import AT_MS, OI, PRICE, VOLUME, changed, has_cjk, read

EN = MessageRenderer("en", ZoneInfo("UTC"))
ZH = MessageRenderer("zh", ZoneInfo("Asia/Shanghai"))
NBSP = "\u00a0"


def move(
    number: int, base: str, change: float, *, ago_s: float = 0.0, note: str = "1m", oi: float | None = None
) -> Alert:
    return changed(
        PRICE,
        id=number,
        symbol=f"{base}USDT",
        direction="PUMP" if change > 0 else "DUMP",
        metric=change,
        change_pct=change,
        oi_change=oi,
        note=note,
        event_ms=AT_MS - int(ago_s * 1000),
    )


def step(number: int, base: str, change: float, *, note: str = "5m") -> Alert:
    direction = "UP" if change > 0 else "DOWN"
    return changed(OI, id=number, symbol=f"{base}USDT", direction=direction, metric=change, oi_change=change, note=note)


def burst(number: int, base: str, ratio: float) -> Alert:
    return changed(VOLUME, id=number, symbol=f"{base}USDT", metric=ratio, event_ms=AT_MS)


def text(renderer: MessageRenderer, alerts: Iterable[Alert], **how: object) -> str:
    """The parts as one text, with ordinary spaces."""
    late = bool(how.pop("late", False))
    parts = renderer.digest(list(alerts), late=late, **how)  # type: ignore[arg-type]
    return "\n=====\n".join(read(part.html).text for part in parts).replace(NBSP, " ")


CRASH = [
    *(move(number, base, change, ago_s=number) for number, (base, change) in enumerate(
        [("SOL", -8.2), ("AVAX", -9.14), ("币安人生", -3.3), ("1000PEPE", -12.06), ("NEAR", -5.1), ("BTC", -4.2)]
    )),
    move(6, "SWARMS", 3.9),
    step(7, "SOL", -6.4),
    step(8, "AVAX", -3.2, note="1m"),
    step(9, "NEAR", -7.0),
    burst(10, "SOL", 8.31),
    burst(11, "NEAR", 12.0),
]  # fmt: skip


def test_a_crash_in_english_with_its_markup() -> None:
    (part,) = EN.digest(CRASH, late=False)
    assert part.html.replace(NBSP, " ") == (
        "📋 <b>12 alerts</b>\n"
        "23:00:34 – 23:00:39 UTC\n"
        "📈 <b>PUMP</b> 1 · 📉 <b>DUMP</b> 6 · 🔽 <b>OI DROP</b> 3 · 📊 <b>VOLUME</b> 2\n"
        "7 symbols: 6 down, 1 up · median −5.1 % · BTC −4.2 %\n"
        "\n"
        "📈 <b>PUMP</b> · against the crowd · % in one minute\n"
        "SWARMSUSDT +3.9\n"
        "\n"
        "📉 <b>DUMP</b> · % in one minute\n"
        "1000PEPEUSDT −12.1, AVAXUSDT −9.1, SOLUSDT −8.2, NEARUSDT −5.1, BTCUSDT −4.2, 币安人生USDT −3.3\n"
        "\n"
        "🔽 <b>OI DROP</b> · % in 5 m\n"
        "NEARUSDT −7.0, SOLUSDT −6.4, AVAXUSDT −3.2 (1 m)\n"
        "\n"
        "📊 <b>VOLUME</b> · × median\n"
        "NEARUSDT 12.0×, SOLUSDT 8.3×"
    )
    assert sorted(part.alert_ids) == list(range(12))


def test_a_crash_in_chinese() -> None:
    assert text(ZH, CRASH) == (
        "📋 12 条提醒\n"
        "07:00:34 – 07:00:39 UTC+08\n"
        "📈 拉升 1 · 📉 砸盘 6 · 🔽 持仓骤降 3 · 📊 放量 2\n"
        "7 个合约：6 跌，1 涨 · 中位数 −5.1 % · BTC −4.2 %\n"
        "\n"
        "📈 拉升 · 与多数方向相反 · 1 分钟内 %\n"
        "SWARMSUSDT +3.9\n"
        "\n"
        "📉 砸盘 · 1 分钟内 %\n"
        "1000PEPEUSDT −12.1、AVAXUSDT −9.1、SOLUSDT −8.2、NEARUSDT −5.1、BTCUSDT −4.2、币安人生USDT −3.3\n"
        "\n"
        "🔽 持仓骤降 · 5 分钟内 %\n"
        "NEARUSDT −7.0、SOLUSDT −6.4、AVAXUSDT −3.2（1 分钟）\n"
        "\n"
        "📊 放量 · 中位数的倍数\n"
        "NEARUSDT 12.0×、SOLUSDT 8.3×"
    )


def test_open_interest_stands_beside_the_moves_of_a_short_list_where_it_is_known() -> None:
    alerts = [move(0, "SOL", -8.2, oi=-1.26), move(1, "NEAR", -5.1), move(2, "BTC", -4.2, note="5m", oi=0.0)]
    assert text(EN, alerts).splitlines()[-1] == "SOLUSDT −8.2 (OI −1.3 %), NEARUSDT −5.1, BTCUSDT −4.2 (5 m, OI 0.0 %)"
    assert text(ZH, alerts).splitlines()[-1].startswith("SOLUSDT −8.2（持仓 −1.3 %）、")


def test_of_a_long_list_it_stands_beside_the_five_largest() -> None:
    lines = text(EN, [move(number, f"A{number:02}", -3.0 - number / 100, oi=-1.0) for number in range(40)]).splitlines()
    shown = [entry for line in lines for entry in line.split(", ") if "(OI −1.0 %)" in entry]
    assert [entry.split()[0] for entry in shown] == ["A39USDT", "A38USDT", "A37USDT", "A36USDT", "A35USDT"]


def test_the_whole_market_is_told_where_somebody_knows_it() -> None:
    context = DigestContext(symbols_watched=561, symbols_down=540, median_pct=-3.86, btc_pct=-4.25)
    lines = text(EN, CRASH, context=context).splitlines()
    assert lines[3] == "7 of 561 symbols: 6 down, 1 up · median −5.1 %"
    assert lines[4] == "Market: 540 of 561 down · median −3.9 % · BTC −4.3 %"
    lines = text(ZH, CRASH, context=context).splitlines()
    assert lines[3] == "561 个合约中的 7 个：6 跌，1 涨 · 中位数 −5.1 %"
    assert lines[4] == "全市场：561 个中 540 个下跌 · 中位数 −3.9 % · BTC −4.3 %"


def test_a_few_moves_are_no_crowd_and_no_breadth() -> None:
    assert text(EN, [move(1, "SOL", 3.1), move(2, "AVAX", -3.4), move(3, "NEAR", -3.2)]).splitlines()[1:] == [
        "23:00:39 UTC",
        "📈 PUMP 1 · 📉 DUMP 2",
        "",
        "📉 DUMP · % in one minute",
        "AVAXUSDT −3.4, NEARUSDT −3.2",
        "",
        "📈 PUMP · % in one minute",
        "SOLUSDT +3.1",
    ]


def test_an_escalation_takes_the_place_of_the_smaller_value() -> None:
    first = move(1, "SOL", -3.1, ago_s=20)
    second = changed(move(2, "SOL", -6.4), details={"told_before_pct": -3.1})
    (part,) = EN.digest([first, second], late=False)
    assert read(part.html).text.replace(NBSP, " ").splitlines()[-1] == "SOLUSDT −6.4"
    assert sorted(part.alert_ids) == [1, 2]


def test_separate_moves_of_one_symbol_are_counted() -> None:
    again = [move(1, "SOL", -3.1, ago_s=900), move(2, "SOL", -6.4, ago_s=400), move(3, "SOL", -3.3)]
    assert text(EN, again).splitlines()[-1] == "SOLUSDT −6.4 (3 alerts)"
    assert text(ZH, again).splitlines()[-1] == "SOLUSDT −6.4（3 条）"


def test_a_symbol_that_fell_and_rose_stands_in_both_lists() -> None:
    crowd = [move(number, base, -4.0) for number, base in enumerate("ABCDE")]
    shown = text(EN, [*crowd, move(9, "A", 5.5)])
    assert "5 symbols: 5 down, 1 up · median −4.0 %" in shown
    assert shown.splitlines()[-5:] == [
        "📈 PUMP · against the crowd · % in one minute",
        "AUSDT +5.5",
        "",
        "📉 DUMP · % in one minute",
        "AUSDT −4.0, BUSDT −4.0, CUSDT −4.0, DUSDT −4.0, EUSDT −4.0",
    ]


def test_a_late_digest_says_late_and_gives_every_alert_its_minute() -> None:
    late = [
        move(1, "SOL", -8.2, ago_s=1500),
        step(2, "SOL", -3.2, note="1m"),
        step(3, "AVAX", -7.0),
        step(4, "X", -6.5),
    ]
    assert text(EN, late, late=True) == (
        "⏳ LATE: 4 alerts\n"
        "2026-08-28 22:35:39 – 23:00:39 UTC\n"
        "📉 DUMP 1 · 🔽 OI DROP 3\n"
        "\n"
        "📉 DUMP · % in one minute\n"
        "SOLUSDT −8.2 (22:35)\n"
        "\n"
        "🔽 OI DROP · % in 5 m\n"
        "AVAXUSDT −7.0 (23:00), XUSDT −6.5 (23:00), SOLUSDT −3.2 (1 m, 23:00)"
    )
    assert text(ZH, late, late=True).splitlines()[:2] == ["⏳ 迟到：4 条提醒", "2026-08-29 06:35:39 – 07:00:39 UTC+08"]


def test_a_late_digest_over_midnight_names_the_day_of_every_alert() -> None:
    shown = text(EN, [move(1, "SOL", -8.2, ago_s=86_400), move(2, "AVAX", -3.2)], late=True)
    assert shown.splitlines()[1] == "2026-08-27 23:00:39 – 2026-08-28 23:00:39 UTC"
    assert shown.splitlines()[-1] == "SOLUSDT −8.2 (08-27 23:00), AVAXUSDT −3.2 (08-28 23:00)"


def test_one_late_alert_among_fresh_ones_is_marked() -> None:
    shown = text(EN, [move(1, "SOL", -8.2), changed(move(2, "AVAX", -3.2, ago_s=300), late=True)])
    assert shown.splitlines()[-1] == "SOLUSDT −8.2, AVAXUSDT −3.2 (⏳ 22:55)"


def test_a_possible_repeat_is_said() -> None:
    assert "Some of these may have reached you already" in text(EN, CRASH, maybe_repeated=True)
    assert "其中一部分可能已经发送过" in text(ZH, CRASH, maybe_repeated=True)


def test_one_alert_is_not_several() -> None:
    assert text(EN, [move(1, "SOL", -8.2)]).splitlines()[0] == "📋 1 alert"
    assert text(EN, [move(1, "SOL", -8.2)], late=True).splitlines()[0] == "⏳ LATE: 1 alert"


def test_no_alerts_make_no_message() -> None:
    assert EN.digest([], late=False) == []


def test_a_long_list_is_broken_where_the_size_changes_and_its_top_is_bold() -> None:
    sizes = [31.0, 12.5, 10.0, 9.96, 9.94, 9.0, 8.0, 7.97, 7.94, 3.2, 3.1, 3.0]
    (part,) = EN.digest([move(number, f"S{number}", -size) for number, size in enumerate(sizes)], late=False)
    assert read(part.html).text.replace(NBSP, " ").splitlines()[-6:] == [
        "S0USDT −31.0",
        "S1USDT −12.5, S2USDT −10.0, S3USDT −10.0",
        "S4USDT −9.9, S5USDT −9.0",
        "S6USDT −8.0, S7USDT −8.0",
        "S8USDT −7.9",
        "S9USDT −3.2, S10USDT −3.1, S11USDT −3.0",
    ]
    assert "<b>S4USDT\u00a0−9.9</b>, S5USDT\u00a0−9.0" in part.html


def test_symbols_cannot_break_the_markup() -> None:
    assert text(EN, [move(1, "<b>&", -8.2)]).splitlines()[-1] == "<b>&USDT −8.2"


def crash_of(count: int) -> list[Alert]:
    """A market-wide minute: falls, a few rises, open interest and volume for some; names as long as real ones."""
    draw = random.Random(7)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    bases = list(
        dict.fromkeys("".join(draw.choices(letters, k=draw.choice([3, 4, 4, 5, 6, 8, 10]))) for _ in range(count))
    )
    makers = itertools.cycle([0, 0, 0, 0, 0, 0, 0, 1, 2, 3])
    alerts = []
    for number, (base, maker) in enumerate(zip(itertools.cycle(bases), makers, strict=False)):
        if number == count:
            return alerts
        size = 3 + draw.expovariate(0.4)
        alerts.append(
            (
                move(number, base, -size, ago_s=draw.random() * 50),
                step(number, base, -size),
                burst(number, base, size + 3),
                move(number, base, size),
            )[maker]
        )
    raise AssertionError


def test_530_alerts_of_one_minute_fit_in_three_messages_that_name_them_all() -> None:
    alerts = crash_of(530)
    for renderer in (EN, ZH):
        for late, messages in ((False, 3), (True, 4)):  # a late one also gives each its minute
            parts = renderer.digest(alerts, late=late, maybe_repeated=True)
            assert len(parts) <= messages
            assert sorted(number for part in parts for number in part.alert_ids) == list(range(530))
            for position, part in enumerate(parts, start=1):
                assert read(part.html).text.splitlines()[0].endswith(f" ({position}/{len(parts)})")


def test_a_list_that_goes_on_in_the_next_message_says_so() -> None:
    first, second, *_ = text(EN, crash_of(530)).split("\n=====\n")
    assert first.splitlines()[0] == "📋 530 alerts (1/3)"
    assert second.splitlines()[:3] == ["📋 530 alerts (2/3)", "", "📉 DUMP · % in one minute · continued"]


def test_english_has_no_chinese_but_in_symbols() -> None:
    assert not has_cjk("".join(part.html for part in EN.digest(crash_of(60), late=True, maybe_repeated=True)))


names = st.text(min_size=1, max_size=8) | st.sampled_from(["SOL", "BTC", "币安人生", "<&>", "A" * 900, "&" * 90])
values = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=-99, max_value=99)


@st.composite
def storms(draw: st.DrawFn) -> list[Alert]:
    found = draw(
        st.lists(
            st.tuples(st.sampled_from([PRICE, OI, VOLUME]), st.booleans(), names, values), min_size=1, max_size=200
        )
    )
    return [
        changed(
            alert,
            id=number,
            symbol=f"{name}USDT",
            metric=value,
            late=is_up,
            event_ms=AT_MS - number * 777_777,
            direction=("PUMP" if is_up else "DUMP") if alert.kind == "price" else ("UP" if is_up else "DOWN"),
        )
        for number, (alert, is_up, name, value) in enumerate(found)
    ]


@given(storms(), st.sampled_from([EN, ZH]), st.booleans(), st.booleans())
def test_every_alert_is_in_exactly_the_part_that_names_it(
    alerts: list[Alert], renderer: MessageRenderer, late: bool, maybe_repeated: bool
) -> None:
    parts = renderer.digest(alerts, late=late, maybe_repeated=maybe_repeated)
    told = [number for part in parts for number in part.alert_ids]
    assert sorted(told) == list(range(len(alerts)))
    for part in parts:
        shown = read(part.html).text
        for number in part.alert_ids:
            if alerts[number].symbol in ("SOLUSDT", "BTCUSDT", "币安人生USDT", "<&>USDT"):
                assert f"{alerts[number].symbol}{NBSP}" in shown


@given(storms(), st.sampled_from([EN, ZH]), st.booleans())
def test_a_message_of_a_digest_written_again_is_the_same_as_long_as_nothing_is_new(
    alerts: list[Alert], renderer: MessageRenderer, maybe_repeated: bool
) -> None:
    parts = renderer.digest(alerts, late=False, maybe_repeated=maybe_repeated)
    named = [[alerts[number] for number in part.alert_ids] for part in parts]
    again = [renderer.digest_part_again(named, number, maybe_repeated=maybe_repeated) for number in range(len(parts))]
    assert again == [part.html for part in parts]


def test_each_message_of_a_digest_keeps_its_alerts_when_their_candles_close_and_has_room_for_them() -> None:
    alerts = [
        changed(burst(number, f"COIN{number}", 5.0 + number / 500), details={"running_s": 23.0})
        for number in range(480)
    ]
    parts = EN.digest(alerts, late=False)
    assert len(parts) > 1
    draw = random.Random(5)
    finals = [changed(alert, metric=draw.uniform(10, 99), details={"is_completed": True}) for alert in alerts]
    named = [[finals[number] for number in part.alert_ids] for part in parts]
    for number, part in enumerate(parts):
        html = EN.digest_part_again(named, number)
        assert html is not None
        shown = read(html).text
        assert shown.splitlines()[0] == read(part.html).text.splitlines()[0]
        told = [f"{finals[at].symbol}{NBSP}{finals[at].metric:.1f}×" in shown for at in part.alert_ids]
        assert all(told)
        assert ("· continued" in shown) == (number > 0)
