from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from urllib.parse import urljoin

import msgspec

from altmonitor.config import load
from altmonitor.core.alert import AlertStats, StoredAlert
from altmonitor.core.health import assess
from altmonitor.core.status import FeedStatus
from altmonitor.operations.board import MarketBoard
from altmonitor.settings.state import Overrides, State
from tests.commands.executor_kit import Desk, MemoryAlerts, healthy
from tests.operations.operations_kit import Bench, stored
from tests.web.pages.pages_kit import PAGES, pages

NASTY = '"><script>alert(1)</script>USDT'


async def test_every_page_is_whole_html_that_loads_nothing_from_elsewhere_and_holds_no_script_or_style() -> None:
    wrong = []
    async with pages() as browser:
        for path in PAGES:
            answer = await browser.get(path)
            expected = 503 if path == "smart-money" else 200  # nothing is tracked here
            policy = answer.headers["Content-Security-Policy"]
            if (
                answer.status != expected
                or not answer.html.startswith("<!doctype html>")
                or not answer.html.rstrip().endswith("</html>")
                or not policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
                or "unsafe" in policy
                or answer.headers["Referrer-Policy"] != "same-origin"  # else a form's origin is `null`
                or re.search(r"<style|style=|\son\w+=|javascript:", answer.html)
                or re.search(r"<script(?! type=\"module\" src=\"[.]{1,2}/)", answer.html)
                or re.search(
                    r"(?:src|href|action)=\"(?:https?:)?/", answer.html.replace("https://www.tradingview.com/", "")
                )
            ):
                wrong.append((path, answer.status, answer.html[:200]))
    assert wrong == []


async def test_every_link_of_every_page_leads_somewhere() -> None:
    broken, seen = [], set()
    async with pages() as browser:
        for path in PAGES:
            answer = await browser.get(path)
            links = re.findall(r"(?:href|src|data-piece|data-live|data-module|data-library)=\"([^\"#]*)\"", answer.html)
            for link in links:
                target = urljoin(f"http://host/{path}", link.replace("&amp;", "&")).removeprefix("http://host/")
                if target.startswith("https://") or target in seen:
                    continue
                seen.add(target)
                found = await browser.get(target)
                if found.status != 200 and target != "smart-money":
                    broken.append((path, link, found.status))
    assert broken == []
    assert len(seen) > 30


async def test_alerts_carry_the_key_and_words_of_the_chat_and_why_is_one_click_away() -> None:
    async with pages() as browser:
        answer = await browser.get("alerts")
        key = stored(1).alert.key
        assert f'data-key="{key}"' in answer.html
        assert "SOLUSDT 📈 PUMP +3.50 % in 1 m" in answer.text
        assert "sent · why" in answer.text
        href = re.findall(r'href="\./(why/SOLUSDT\?at=\d+)"', answer.html)[0]
        assert "Why SOLUSDT" in (await browser.get(href)).text


async def test_alerts_are_filtered_and_paged_by_the_address() -> None:
    async with pages() as browser:
        only = await browser.get("alerts?symbol=doge")
        assert re.findall(r'<b class="cut" title="(\w+)"', only.html) == ["DOGEUSDT"]
        assert 'name="symbol" value="doge"' in only.html
        first = await browser.get("alerts?limit=2")
        older = re.findall(r'href="(\?cursor=[^"]+)"', first.html)[0]
        second = await browser.get(f"alerts{older}&limit=2")
        keys = [re.findall(r'data-key="([^"]+)"', page.html) for page in (first, second)]
        assert [len(found) for found in keys] == [2, 2]
        assert not set(keys[0]) & set(keys[1])
        assert (await browser.get("alerts?kind=nonsense&cursor=broken&limit=-3")).status == 200


async def test_the_exchange_stands_in_the_lists_and_can_be_chosen_once_more_than_one_is_watched() -> None:
    def at_bybit(row: StoredAlert) -> StoredAlert:
        alert = row.alert
        return replace(row, alert=msgspec.structs.replace(alert, venue="bybit", key="bybit:" + alert.key))

    alerts = MemoryAlerts(stored(1), at_bybit(stored(2, "DOGEUSDT")), at_bybit(stored(3, "DOGEUSDT")))
    config = load({"VENUES": "binance,bybit"}, env_file=None)[0]
    async with pages(alerts=alerts, config=config) as browser:
        for path in ("", "alerts", "symbol/SOLUSDT", "pieces/alerts"):
            assert "PUMP +3.50 % in 1 m (Binance)" in (await browser.get(path)).text, path
        every, only = await browser.get("alerts"), await browser.get("alerts?venue=bybit&limit=1")
        assert "DOGEUSDT 📈 PUMP +3.50 % in 1 m (Bybit)" in every.text
        assert '<option value="bybit">Bybit</option>' in every.html
        assert re.findall(r'data-key="([^"]+)"', only.html) == [alerts.told[1].alert.key]
        assert '<option value="bybit" selected>Bybit</option>' in only.html
        assert "venue=bybit" in re.findall(r'data-piece="([^"]*pieces/alerts[^"]*)"', only.html)[0]
        assert "venue=bybit" in re.findall(r'href="(\?[^"]*cursor=[^"]+)"', only.html)[0]
        assert "No stored alert matches this." in (await browser.get("alerts?venue=okx")).text
        assert len(re.findall("data-key=", (await browser.get("alerts?venue=nowhere")).html)) == 3
        assert 'data-venue="binance"' in (await browser.get("symbol/SOLUSDT")).html  # whose candles the chart marks
    async with pages(alerts=alerts) as browser:
        alone = await browser.get("alerts")
        assert "(Bybit)" in alone.text
        assert "(Binance)" not in alone.text
        assert 'name="venue"' not in alone.html


async def test_a_name_with_markup_is_shown_as_it_is_and_does_nothing() -> None:
    alerts = MemoryAlerts(stored(1, NASTY))
    async with pages(alerts=alerts) as browser:
        for path in ("", "alerts", "pieces/alerts"):
            answer = await browser.get(path)
            assert "<script>alert" not in answer.html, path
            assert "&lt;script&gt;alert(1)&lt;/script&gt;USDT" in answer.html, path
        unknown = await browser.get("symbol/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
        assert unknown.status in (400, 404)
        assert "<img" not in unknown.html
        found = await browser.get("?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
        assert "<script>alert" not in found.html


async def test_an_unknown_contract_is_a_page_that_says_so() -> None:
    async with pages() as browser:
        answer = await browser.get("symbol/NOSUCHUSDT")
        assert (answer.status, "Nothing is known of NOSUCHUSDT." in answer.text) == (404, True)


async def test_without_a_tracker_the_table_of_traders_says_what_to_do() -> None:
    async with pages() as browser:
        answer = await browser.get("smart-money")
        assert answer.status == 503
        assert "run altmonitor track beside the monitor" in answer.text


async def test_blind_is_the_colour_of_the_page_and_stands_over_it() -> None:
    vitals = replace(healthy().vitals, feed=FeedStatus(last_frame_age_s=64.0, symbols_expected=10, is_blind=True))
    bench = Bench()
    context = bench.context()
    assert context.monitor is not None
    monitor = replace(context.monitor, health=lambda: assess(vitals))
    async with pages(context, monitor=monitor) as browser:
        page, piece = await browser.get("status"), await browser.get("pieces/state")
        assert '<body data-state="blind"' in page.html
        assert "BLIND: no market data for 1 min 4 s. What you see is from before." in page.text
        assert 'data-state="blind"' in piece.html
    async with pages() as browser:
        assert '<body data-state="ok"' in (await browser.get("status")).html


async def test_language_and_zone_are_those_of_the_main_chat() -> None:
    bench = Bench()
    bench.desk = Desk(state=State(main=Overrides(lang="ru", tz="UTC+3")))
    async with pages(bench.context()) as browser:
        answer = await browser.get("alerts")
        assert '<html lang="ru">' in answer.html
        assert "ПАМП" in answer.text
        assert "UTC+03" in answer.text


async def test_without_history_or_monitor_the_pages_say_so() -> None:
    async with pages(alerts=None) as browser:
        assert "No history is kept: HISTORY_ENABLED is false." in (await browser.get("alerts")).text
        assert (await browser.get("")).status == 200
    async with pages(Bench().context(is_running=False)) as browser:
        for path in ("", "alerts", "statistics", "settings", "status"):
            assert (await browser.get(path)).status == 200, path
        assert "stored data only" in (await browser.get("status")).text


async def test_settings_can_be_read_with_their_ranges_and_names() -> None:
    async with pages() as browser:
        answer = await browser.get("settings")
        assert ["PUMP /set_pump", "3 %", "3 %", "0.1 % to 100 %", "PUMP_THRESHOLD"] in answer.rows()
        assert "<form" not in answer.html
        assert "These can be read here." in answer.text


async def test_counts_are_shown_with_their_share() -> None:
    bench = Bench()
    bench.alerts.stats_answer = AlertStats(total=8, by_kind={"price": 6, "oi": 2}, by_symbol=(("SOLUSDT", 5),))
    async with pages(bench.context()) as browser:
        answer = await browser.get("statistics?hours=72")
        assert "8 alerts in 72 h" in answer.text
        assert answer.rows() == [
            ["price", "6", "75.0 % 75.0 %"],
            ["OI", "2", "25.0 % 25.0 %"],
            ["SOLUSDT", "5", "62.5 % 62.5 %"],
        ]


async def test_a_page_one_level_down_leads_up_also_in_its_pieces() -> None:
    async with pages() as browser:
        page = await browser.get("symbol/SOLUSDT")
        piece = re.findall(r'data-piece="\.\./(pieces/alerts[^"]+)"', page.html)[0].replace("&amp;", "&")
        assert 'href="../why/SOLUSDT' in (await browser.get(piece)).html
        assert 'href="./why/SOLUSDT' in (await browser.get("pieces/alerts?limit=3")).html


def test_a_monitor_that_nobody_looks_at_carries_neither_templates_nor_pictures() -> None:
    code = (
        "import sys, altmonitor.web.server; "
        "print([name for name in ('jinja2', 'PIL', 'altmonitor.web.pages.divergence') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


async def test_the_market_table_and_a_contract_are_those_of_the_exchange_in_the_address() -> None:
    bench = Bench()
    context = bench.context()
    assert context.monitor is not None
    main = context.monitor.main
    there = replace(main, board=MarketBoard(replace(bench.board_deps, venue="bybit", listed=lambda: ["DOGEUSDT"])))
    monitor = replace(context.monitor, venues={"binance": main, "bybit": there})
    config = load({"VENUES": "binance,bybit"}, env_file=None)[0]
    async with pages(context, monitor=monitor, config=config) as browser:
        here, other = await browser.get(""), await browser.get("?venue=bybit")
        cells = json.loads((await browser.get("pieces/market?venue=bybit&symbols=DOGEUSDT,SOLUSDT")).html)
        symbol = await browser.get("symbol/DOGEUSDT?venue=bybit")
        why = await browser.get("why/DOGEUSDT?venue=bybit")
        unknown = await browser.get("?venue=kraken")
    assert [row[0] for row in here.rows()] == ["SOLUSDT", "BTCUSDT", "DOGEUSDT"]
    assert [row[0] for row in other.rows()] == ["DOGEUSDT"]
    assert [row[0] for row in unknown.rows()] == [row[0] for row in here.rows()]
    assert '<option value="bybit" selected>Bybit</option>' in other.html
    assert 'href="symbol/DOGEUSDT?venue=bybit"' in other.html
    assert 'data-live="./pieces/market?venue=bybit&amp;"' in other.html
    assert 'data-live="./pieces/market?"' in here.html
    assert list(cells) == ["DOGEUSDT"]
    assert 'data-venue="bybit"' in symbol.html
    assert 'href="../why/DOGEUSDT?venue=bybit"' in symbol.html
    assert 'href="../symbol/DOGEUSDT?venue=bybit"' in why.html
    assert "· Bybit" in why.text


async def test_rows_beyond_the_first_sixty_stand_where_only_a_browser_without_scripts_shows_them_at_once() -> None:
    bench = Bench()
    for number in range(100):
        bench.known.add(f"COIN{number:03d}USDT", start=1.0, now=1.0 + number / 1000)
    async with pages(bench.context()) as site:
        answer = await site.get("?sort=symbol&dir=up&q=COIN")
    at_once, later = answer.html.split("<noscript>")
    later, _, after = later.partition("</noscript>")
    assert "<tr" not in after
    assert [len(re.findall(r'<tr title="', part)) for part in (at_once, later)] == [60, 40]
    names = [row[0] for row in answer.rows()]
    assert names == [f"COIN{number:03d}USDT" for number in range(100)]
    assert later.count("<col") == at_once.count("<col"), "columns of one width"
