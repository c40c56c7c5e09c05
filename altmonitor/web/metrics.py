"""`/metrics`: the same status values as `/health`, read at the moment of the scrape. No label holds a symbol.

Loaded with the first scrape: the library brings web servers of its own along."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from altmonitor.core.durations import DurationStatus
from altmonitor.core.health import Health, Status
from altmonitor.core.status import GuardStatus, HttpStatus, RoleStatus

ROLE_NUMBERS = {
    "lease_age_seconds": "Since the lease was renewed",
    "chat_parts": "Parts of the chats, of 64, that this notifier has",
    "notifiers": "Notifiers that live",
    "notifier_queued": "Deliveries that wait in the chats of this notifier",
    "notifier_oldest_age_seconds": "Age of the oldest of them",
    "notifier_sent": "Deliveries accepted by the chat service since the start",
    "claims_lost": "Deliveries that were another notifier's when they were to be sent",
    "signals_passed": "Hints over NATS since the start",
    "signals_dropped": "Hints that were not sent because the broker was away",
    "signals_remade": "Consumers that were silent and were made anew",
}
"""What a `RoleStatus` may count."""
GUARD_STATES = ("open", "waiting", "blocked", "probing")


class Metrics:
    """`health`, `http`, `role`: asked once per scrape. health: None where no monitor runs in this process; role: None
    outside a cluster; http: None where nothing but these two pages is served."""

    CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(
        self,
        health: Callable[[], Health] | None,
        *,
        http: Callable[[], HttpStatus] | None,
        role: Callable[[], RoleStatus] | None = None,
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_HealthCollector(health, http, role))
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        return generate_latest(self._registry)


class _HealthCollector(Collector):
    def __init__(
        self,
        health: Callable[[], Health] | None,
        http: Callable[[], HttpStatus] | None,
        role: Callable[[], RoleStatus] | None,
    ) -> None:
        self._health = health
        self._http = http
        self._role = role

    def collect(self) -> Iterable[Metric]:
        if self._http is not None:
            yield from _clients(self._http())
        if self._role is not None:
            yield from _role(self._role())
        if self._health is None:
            return
        health = self._health()
        info = InfoMetricFamily("altmonitor", "Version that runs")
        info.add_metric([], {"version": health.version})
        yield info
        yield _one_hot(
            "altmonitor_health", "Verdict of /health", "status", health.status, tuple(status.value for status in Status)
        )
        yield from _gauge("altmonitor_uptime_seconds", "Since the program started", health.uptime_s)
        yield from _feed(health)
        yield from _sweep(health)
        yield from _delivery(health)
        yield from _webhooks(health)
        yield from _exchange(health)
        yield from _venues(health)
        yield from _wallets(health)
        yield from _latency(health)
        yield from _enrichment(health)
        yield _counters(
            "altmonitor_loop_restarts",
            "Restarts of supervised loops",
            "loop",
            {loop.name: loop.restarts for loop in health.loops},
        )


def _role(role: RoleStatus) -> Iterable[Metric]:
    info = GaugeMetricFamily("altmonitor_role", "1 for what this process does in its cluster", labels=["role"])
    info.add_metric([role.role], 1.0)
    yield info
    statuses = tuple(status.value for status in Status)
    yield _one_hot("altmonitor_role_health", "Verdict on the role", "status", role.status, statuses)
    if role.is_leading is not None:
        yield from _gauge("altmonitor_feed_leading", "1 while this feed writes", float(role.is_leading))
    for name, value in role.numbers.items():
        yield from _gauge(f"altmonitor_{name}", ROLE_NUMBERS[name], value)


def _feed(health: Health) -> Iterable[Metric]:
    feed = health.feed
    yield from _gauge("altmonitor_feed_last_frame_age_seconds", "Since the last data frame", feed.last_frame_age_s)
    yield from _gauge("altmonitor_feed_blind", "1 while no data arrives", float(feed.is_blind))
    yield from _gauge("altmonitor_feed_connections", "Open sockets", feed.connections)
    yield from _gauge("altmonitor_feed_symbols_expected", "Symbols that should be covered", feed.symbols_expected)
    yield from _gauge("altmonitor_feed_symbols_covered", "Symbols that are covered", feed.symbols_covered)
    yield CounterMetricFamily("altmonitor_feed_frames", "Data frames read", value=feed.frames)
    yield CounterMetricFamily("altmonitor_feed_reconnects", "Connections lost and made again", value=feed.reconnects)
    yield _counters("altmonitor_feed_frames_skipped", "Frames not understood", "cause", feed.frames_skipped)


def _sweep(health: Health) -> Iterable[Metric]:
    sweep = health.sweep
    yield from _gauge("altmonitor_oi_sweep_age_seconds", "Since the last sweep ended", sweep.sweep_age_s)
    yield from _gauge("altmonitor_oi_sweep_coverage_ratio", "Share of symbols sampled in it", sweep.coverage)
    yield from _gauge("altmonitor_oi_sweep_period_seconds", "What a sweep takes now", sweep.period_s)
    failures = GaugeMetricFamily("altmonitor_oi_sweep_failures", "Requests that failed in it", labels=["cause"])
    for cause, count in sweep.failures.items():
        failures.add_metric([cause], count)
    yield failures


def _delivery(health: Health) -> Iterable[Metric]:
    outbox = health.outbox
    yield from _gauge("altmonitor_outbox_queued", "Deliveries that wait", outbox.queued)
    yield from _gauge("altmonitor_outbox_oldest_age_seconds", "Age of the oldest of them", outbox.oldest_age_s)
    yield CounterMetricFamily(
        "altmonitor_deliveries_sent", "Deliveries accepted by the chat service", value=outbox.sent
    )
    yield CounterMetricFamily("altmonitor_deliveries_failed", "Deliveries given up", value=outbox.failed)


def _webhooks(health: Health) -> Iterable[Metric]:
    """Receivers on one host are counted together: its path may hold a secret."""
    waiting = GaugeMetricFamily(
        "altmonitor_webhook_waiting", "Alerts that a receiver has not taken yet", labels=["host"]
    )
    ended = CounterMetricFamily("altmonitor_webhook_alerts", "What became of alerts", labels=["host", "outcome"])
    counts: dict[tuple[str, str], int] = {}
    queued: dict[str, int] = {}
    for one in health.vitals.webhooks:
        queued[one.name] = queued.get(one.name, 0) + one.waiting
        for outcome, count in (("sent", one.sent), ("failed", one.failed), ("expired", one.expired)):
            counts[one.name, outcome] = counts.get((one.name, outcome), 0) + count
    for host, count in queued.items():
        waiting.add_metric([host], count)
    for (host, outcome), count in counts.items():
        ended.add_metric([host, outcome], count)
    yield from (waiting, ended)


def _exchange(health: Health) -> Iterable[Metric]:
    guard = health.guard
    states = (*GUARD_STATES, *((guard.state,) if guard.state not in GUARD_STATES else ()))
    yield _one_hot("altmonitor_exchange_guard", "May the exchange be asked", "state", guard.state, states)
    yield from _gauge("altmonitor_exchange_weight_used", "Request weight of the running minute", guard.weight_used)
    yield from _gauge("altmonitor_exchange_weight_limit", "What a minute may hold", guard.weight_limit)


def _venues(health: Health) -> Iterable[Metric]:
    """Of each exchange that is watched; what stands above without a venue is of the first."""
    gauges = (
        ("altmonitor_venue_blind", "1 while no data arrives", lambda one: float(one.feed.is_blind)),
        ("altmonitor_venue_last_frame_age_seconds", "Since its last data frame", lambda one: one.feed.last_frame_age_s),
        ("altmonitor_venue_symbols_expected", "Symbols that should be covered", lambda one: one.feed.symbols_expected),
        ("altmonitor_venue_symbols_covered", "Symbols that are covered", lambda one: one.feed.symbols_covered),
        ("altmonitor_venue_oi_age_seconds", "Since open interest was read", lambda one: one.sweep.sweep_age_s),
        ("altmonitor_venue_blocked", "1 while it refuses us", lambda one: float(one.guard.state == "blocked")),
        ("altmonitor_venue_weight_used", "Request weight of the running minute", lambda one: one.guard.weight_used),
        ("altmonitor_venue_weight_limit", "What a minute may hold", lambda one: one.guard.weight_limit),
        ("altmonitor_venue_requests_used", "Requests of its window", lambda one: one.guard.requests_used),
        ("altmonitor_venue_requests_limit", "What its window may hold", lambda one: one.guard.requests_limit),
        ("altmonitor_venue_requests_1h", "Requests of the last hour", lambda one: one.guard.sent_1h),
        ("altmonitor_venue_requests_failed_1h", "Those of them that failed", lambda one: one.guard.failed_1h),
        ("altmonitor_venue_answer_seconds", "Median of the last hundred answers", lambda one: _seconds(one.guard)),
    )
    for name, meaning, read in gauges:
        metric = GaugeMetricFamily(name, meaning, labels=["venue"])
        for one in health.vitals.venues:
            if (value := read(one)) is not None:
                metric.add_metric([one.venue], value)
        yield metric
    frames = CounterMetricFamily("altmonitor_venue_frames", "Data frames read", labels=["venue"])
    for one in health.vitals.venues:
        frames.add_metric([one.venue], one.feed.frames)
    yield frames
    odd = CounterMetricFamily("altmonitor_venue_not_believed", "Rows that were left out", labels=["venue", "what"])
    for one in health.vitals.venues:
        for what, count in one.not_believed.items():
            odd.add_metric([one.venue, what], count)
    yield odd


def _seconds(guard: GuardStatus) -> float | None:
    return None if guard.answer_ms is None else guard.answer_ms / 1000


def _wallets(health: Health) -> Iterable[Metric]:
    """Only where this process watches a pool of wallets."""
    pool = health.vitals.wallets
    if pool is None:
        return
    yield from _gauge("altmonitor_wallets_watched", "Wallets of the pool", pool.watched)
    yield from _gauge("altmonitor_wallets_answered", "Those that answered lately", pool.answered)
    yield from _gauge("altmonitor_wallets_coverage_ratio", "Share of the pool that answered lately", pool.coverage)
    yield from _gauge(
        "altmonitor_wallets_oldest_age_seconds", "Age of the oldest answer that counts", pool.oldest_age_s
    )
    failing = GaugeMetricFamily("altmonitor_wallets_failing", "Wallets whose last question failed", labels=["cause"])
    for cause, count in pool.failing.items():
        failing.add_metric([cause], count)
    yield failing


def _latency(health: Health) -> Iterable[Metric]:
    latency = health.latency
    metric = GaugeMetricFamily(
        "altmonitor_alert_latency_seconds", "Over the last 1,000 alerts", labels=["stage", "quantile"]
    )
    for stage, quantile, milliseconds in (
        ("detect", "0.5", latency.detect_p50),
        ("detect", "0.99", latency.detect_p99),
        ("deliver", "0.5", latency.deliver_p50),
        ("deliver", "0.99", latency.deliver_p99),
    ):
        if milliseconds is not None:
            metric.add_metric([stage, quantile], milliseconds / 1000)
    yield metric
    yield _histogram("altmonitor_detect_seconds", "From the exchange's event to our decision", latency.detected)
    yield _histogram("altmonitor_deliver_seconds", "From the decision to the chat service's receipt", latency.delivered)


def _enrichment(health: Health) -> Iterable[Metric]:
    learned = CounterMetricFamily("altmonitor_alerts_enriched", "Alerts that learned it in time", labels=["what"])
    missing = CounterMetricFamily("altmonitor_alerts_not_enriched", "Alerts that did not", labels=["what", "cause"])
    for what, status in health.vitals.enrichment.items():
        learned.add_metric([what], status.done)
        for cause, count in status.given_up.items():
            missing.add_metric([what, cause], count)
    yield from (learned, missing)


def _clients(http: HttpStatus) -> Iterable[Metric]:
    yield from _gauge("altmonitor_http_connections", "Open client connections", http.connections)
    yield from _gauge("altmonitor_http_streams", "Clients that follow /api/stream", http.streams)
    yield _counters("altmonitor_http_refused", "Connections and requests refused or cut off", "cause", http.refused)


def _histogram(name: str, meaning: str, durations: DurationStatus) -> Metric:
    bounds = (*(f"{bound:g}" for bound in durations.bounds_s), "+Inf")
    buckets = list(zip(bounds, map(float, durations.counts), strict=True))
    return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=durations.total_s)


def _gauge(name: str, meaning: str, value: float | None) -> Iterable[Metric]:
    """What is not known yet is left out: a zero would read as very fresh."""
    if value is not None:
        yield GaugeMetricFamily(name, meaning, value=value)


def _one_hot(name: str, meaning: str, label: str, current: str, all_values: Iterable[str]) -> Metric:
    metric = GaugeMetricFamily(name, meaning, labels=[label])
    for value in all_values:
        metric.add_metric([value], float(value == current))
    return metric


def _counters(name: str, meaning: str, label: str, counts: Mapping[str, int]) -> Metric:
    metric = CounterMetricFamily(name, meaning, labels=[label])
    for value, count in counts.items():
        metric.add_metric([value], count)
    return metric
