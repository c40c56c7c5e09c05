"""Rules and panels name only metrics that exist; promtool agrees with the rules where it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from altmonitor.core.durations import BOUNDS_S, DurationCounts, DurationStatus
from altmonitor.core.health import assess
from altmonitor.core.status import (
    GuardStatus,
    LatencyStatus,
    LoopStatus,
    OutboxStatus,
    SweepStatus,
    VenueStatus,
    WalletPoolStatus,
)
from tests.web.test_server import VITALS, running

FOLDER = Path(__file__).parents[2] / "docs" / "observability"
PROMTOOL = shutil.which("promtool")
_NAME = re.compile(r"\b(?:altmonitor|process)_[a-z0-9_]+|\bup\b")


def known_durations() -> DurationStatus:
    counts = DurationCounts()
    for took_ms in (-5, 3, 40, 800, 400_000):
        counts.add(took_ms)
    return counts.status()


async def scraped() -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Of a monitor that knows everything: sample name → labels → value."""
    vitals = {
        "sweep": SweepStatus(sweep_age_s=30.0, coverage=0.9, failures={"timeout": 2}),
        "outbox": OutboxStatus(queued=1, oldest_age_s=3.0, sent=5, failed=1),
        "latency": LatencyStatus(
            detect_p50=30.0, detect_p99=90.0, deliver_p50=100.0, deliver_p99=900.0,
            detected=known_durations(), delivered=known_durations(),
        ),
        "loops": (LoopStatus(name="feed", restarts=3),),
        "venues": (
            VenueStatus(venue="binance", feed=VITALS.feed, sweep=SweepStatus(sweep_age_s=1.0), guard=VITALS.guard),
            VenueStatus(
                venue="okx", feed=VITALS.feed, sweep=SweepStatus(sweep_age_s=1.0),
                guard=GuardStatus(state="open", sent_1h=200, failed_1h=3, answer_ms=85.0), not_believed={"funding": 2},
            ),
        ),
        "wallets": WalletPoolStatus(watched=200, answered=190, oldest_age_s=240.0, failing={"no answer": 10}),
    }  # fmt: skip
    health = assess(type(VITALS)(**{name: getattr(VITALS, name) for name in VITALS.__dataclass_fields__} | vitals))
    async with running(health=lambda: health) as site:
        await site.get("/nowhere", headers={"Host": "evil.example"})
        _, text, _ = await site.get("/metrics")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(str(text)):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


async def test_venues_and_the_pool_of_wallets_tell_how_well_they_answer() -> None:
    found = await scraped()
    okx = (("venue", "okx"),)
    assert {
        name: found[name][labels]
        for name, labels in (
            ("altmonitor_venue_requests_1h", okx),
            ("altmonitor_venue_requests_failed_1h", okx),
            ("altmonitor_venue_answer_seconds", okx),
            ("altmonitor_venue_not_believed_total", (*okx, ("what", "funding"))),
            ("altmonitor_wallets_watched", ()),
            ("altmonitor_wallets_answered", ()),
            ("altmonitor_wallets_coverage_ratio", ()),
            ("altmonitor_wallets_oldest_age_seconds", ()),
            ("altmonitor_wallets_failing", (("cause", "no answer"),)),
        )
    } == {
        "altmonitor_venue_requests_1h": 200.0,
        "altmonitor_venue_requests_failed_1h": 3.0,
        "altmonitor_venue_answer_seconds": 0.085,
        "altmonitor_venue_not_believed_total": 2.0,
        "altmonitor_wallets_watched": 200.0,
        "altmonitor_wallets_answered": 190.0,
        "altmonitor_wallets_coverage_ratio": 0.95,
        "altmonitor_wallets_oldest_age_seconds": 240.0,
        "altmonitor_wallets_failing": 10.0,
    }
    assert (("venue", "binance"),) not in found["altmonitor_venue_answer_seconds"]  # nothing was answered yet


def rules() -> list[dict[str, str]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, object]]:
    return list(json.loads((FOLDER / "grafana" / "altmonitor.json").read_text("utf-8"))["panels"])


async def test_every_metric_of_rules_and_panels_is_one_that_the_monitor_has() -> None:
    expressions = [rule["expr"] for rule in rules()]
    expressions += [target["expr"] for panel in panels() for target in panel["targets"]]  # type: ignore[attr-defined]
    named = {name for expression in expressions for name in _NAME.findall(expression)}
    assert len(named) > 25
    assert named - set(await scraped()) == {"up"}  # Prometheus's own


async def test_what_an_operator_must_know_is_measured() -> None:
    found = await scraped()
    for name in (
        "altmonitor_feed_frames_total",
        "altmonitor_feed_frames_skipped_total",
        "altmonitor_detect_seconds_bucket",
        "altmonitor_deliver_seconds_bucket",
        "altmonitor_oi_sweep_age_seconds",
        "altmonitor_oi_sweep_coverage_ratio",
        "altmonitor_outbox_queued",
        "altmonitor_exchange_guard",
        "altmonitor_exchange_weight_used",
        "altmonitor_loop_restarts_total",
        "altmonitor_http_streams",
    ):
        assert name in found, name
    assert found["altmonitor_loop_restarts_total"] == {(("loop", "feed"),): 3.0}


async def test_histograms_count_every_alert_up_to_each_bound_and_all_of_them_at_last() -> None:
    found = await scraped()
    buckets = {dict(labels)["le"]: value for labels, value in found["altmonitor_detect_seconds_bucket"].items()}
    assert len(buckets) == len(BOUNDS_S) + 1
    assert (buckets["0.005"], buckets["0.05"], buckets["1"], buckets["300"], buckets["+Inf"]) == (2, 3, 4, 4, 5)
    assert found["altmonitor_detect_seconds_count"] == {(): 5.0}
    assert round(next(iter(found["altmonitor_detect_seconds_sum"].values())), 3) == 400.843


def test_in_the_demo_durations_are_of_the_machine() -> None:
    counts = DurationCounts(speed=10.0)
    counts.add(400)
    assert counts.status().total_s == pytest.approx(0.04)


def test_every_panel_stands_in_its_own_place_with_a_unit_and_gaps_stay_gaps() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in panels()]  # type: ignore[attr-defined]
    assert len(places) == len(set(places))
    for panel in panels():
        defaults = panel["fieldConfig"]["defaults"]  # type: ignore[index]
        assert defaults["unit"]
        assert defaults.get("custom", {"spanNulls": False})["spanNulls"] is False


def test_compose_runs_what_the_files_say() -> None:
    compose = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text("utf-8"))
    for name in ("prometheus", "grafana"):
        service = compose["services"][name]
        assert service["profiles"] == ["observability"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith("./") or (FOLDER.parents[1] / source).exists(), source
    job = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))["scrape_configs"][0]
    secret = Path(job["authorization"]["credentials_file"]).name
    assert secret in compose["services"]["prometheus"]["secrets"]
    assert compose["secrets"][secret] == {"environment": "API_READ_TOKEN"}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian's package prometheus)")
def test_promtool_finds_the_configuration_and_the_rules_right_and_they_speak_when_they_should() -> None:
    for command in (
        ["check", "config", "--syntax-only", "prometheus.yml"],  # the file of the token is there in the container alone
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ):
        done = subprocess.run([str(PROMTOOL), *command], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
