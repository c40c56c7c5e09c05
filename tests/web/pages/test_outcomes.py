"""What followed alerts, on the page of counts."""

from __future__ import annotations

import re
from dataclasses import replace

from altmonitor.core.outcome import OutcomeRow, OutcomeSummary
from altmonitor.settings.state import Overrides, State
from tests.commands.executor_kit import Desk
from tests.operations.operations_kit import Bench
from tests.render.test_outcomes import ADVICE, row, summary
from tests.web.pages.pages_kit import Answer, pages

WHOLE = row(mean_pct=0.25)
PUMPS = row(direction="PUMP", alerts=80, unknown=3, moments=30, mean_pct=-0.4, median_pct=-0.2, hit=0.4, verdict=None)
DUMPS = row(direction="DUMP", alerts=1, unknown=0, moments=1, mean_pct=9.0, median_pct=9.0, hit=1.0, verdict=None)


async def shown(found: OutcomeSummary, path: str = "statistics", *, lang: str = "en") -> Answer:
    async def outcomes() -> OutcomeSummary:
        return found

    bench = Bench()
    bench.desk = Desk(state=State(main=Overrides(lang=lang)))  # type: ignore[arg-type]
    async with pages(bench.context(), outcomes=outcomes) as browser:
        return await browser.get(path)


async def told(*rows: OutcomeRow, path: str = "statistics") -> list[list[str]]:
    """The rows of outcomes: those with eight cells."""
    answer = await shown(summary(*rows), path)
    return [cells for cells in answer.rows() if len(cells) == 8]


async def test_every_kind_stands_with_its_directions_and_how_it_compares_with_chance() -> None:
    assert await told(WHOLE, PUMPS, DUMPS, row(direction="PUMP", quadrant="long_build", verdict=None)) == [
        ["price", "120", "45", "+0.10 %", "+0.25 %", "53 % (40–64 %)", "50 %", "not distinguishable from chance"],
        [
            "↑ 📈 PUMP",
            "80",
            "30",
            "−0.20 %",
            "−0.40 %",
            "40 % (40–64 %)",
            "50 %",
            "only whole kinds are tested · 3 left out: not that old yet, or candles are missing",
        ],
        [
            "↓ 📉 DUMP",
            "1",
            "1",
            "–",
            "–",
            "–",
            "–",
            "only whole kinds are tested · fewer than 2 moments, so no numbers",
        ],
    ]


async def test_what_is_missing_is_a_dash_and_says_why() -> None:
    few = row(hit_low=None, hit_high=None, control_hit=None, mean_pct=0.25, verdict="too_few")
    ahead = row(direction="UP", alerts=0, unknown=4, moments=0, verdict=None, hit=None, median_pct=None)
    more = row(mean_pct=0.25, verdict="more_than_chance")
    assert [cells[5:] for cells in await told(few, replace(ahead, kind="oi"), replace(more, kind="vol"))] == [
        [
            "53 %",
            "–",
            "too few to tell from chance · no interval: too few different days · too few comparable minutes",
        ],
        [
            "–",
            "–",
            "only whole kinds are tested · fewer than 2 moments, so no numbers · "
            "4 left out: not that old yet, or candles are missing",
        ],
        ["53 % (40–64 %)", "50 %", "more than chance"],
    ]


async def test_the_horizon_is_of_the_address_and_a_quarter_of_an_hour_without_one() -> None:
    rows = row(mean_pct=0.25), row(60, mean_pct=0.75)
    means = {}
    for path in ("statistics", "statistics?horizon=60", "statistics?horizon=61", "statistics?horizon=%D9%A1"):
        means[path] = [cells[4] for cells in await told(*rows, path=path)]
    assert means == {
        "statistics": ["+0.25 %"],
        "statistics?horizon=60": ["+0.75 %"],
        "statistics?horizon=61": ["+0.25 %"],
        "statistics?horizon=%D9%A1": ["+0.25 %"],
    }
    answer = await shown(summary(*rows), "statistics?horizon=60")
    assert "What followed alerts, 1 h later" in answer.text
    assert '<option value="60" selected>1 h</option>' in answer.html


async def test_a_row_tells_sample_age_and_unit_to_whoever_rests_on_it_and_every_head_what_it_means() -> None:
    answer = await shown(summary(WHOLE))
    assert (
        'title="120 alerts in 45 independent moments, 15 min after the message. Percent in the alert&#39;s direction. '
        'Recorded since 2026-09-21 14:13:20 UTC"' in answer.html
    )
    table = answer.html[answer.html.index("What followed") :]
    heads = re.findall(r"<th scope=\"col\"([^>]*)>", table)
    assert len(heads) == 8
    assert all(re.search(r'title="[^"]{10,}"', head) for head in heads)
    assert "Still being watched: 3" in answer.text
    assert "before fees (0.05 % a side)" in answer.text


async def test_what_was_raised_under_the_settings_of_now_stands_apart_where_it_differs() -> None:
    since = row(alerts=30, moments=22, mean_pct=0.5)
    answer = await shown(summary(WHOLE, forward=(since,)))
    assert [cells[:2] for cells in answer.rows()][-3:] == [
        ["price", "120"],
        ["Under the settings in force now:"],
        ["price", "30"],
    ]
    same = await shown(summary(WHOLE, forward=(WHOLE,)))
    assert "Under the settings in force now" not in same.text


async def test_before_anything_is_measured_a_sentence_says_what_will_be() -> None:
    nothing = summary(alerts=0, pending=2, since_ms=None)
    answer = await shown(nothing)
    assert (
        "Nothing is measured yet: what followed is looked at 5 min, 15 min, 1 h, 4 h, 1 d after an alert."
        in answer.text
    )
    assert "Still being watched: 2" in answer.text
    async with pages(outcomes=None) as browser:
        assert (await browser.get("statistics")).status == 200


async def test_it_is_said_in_every_language_without_advice() -> None:
    sentences = {"en": "not distinguishable from chance", "ru": "от случайности не отличить", "zh": "与偶然无法区分"}
    for lang, sentence in sentences.items():
        answer = await shown(summary(WHOLE, PUMPS, DUMPS), lang=lang)
        assert sentence in answer.text, lang
        section = answer.html[answer.html.rindex("<h2>") : answer.html.index("</main>")].lower()  # titles as well
        assert len(section) > 1_500
        assert [word for word in ADVICE if word in section] == [], lang
