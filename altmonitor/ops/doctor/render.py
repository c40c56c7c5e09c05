"""Findings → lines, a report → JSON. Pure."""

from __future__ import annotations

from altmonitor.ops.doctor.values import Finding, Report, Verdict

SIGNS = {Verdict.OK: "✓", Verdict.NOTE: "!", Verdict.FAILED: "✗", Verdict.SKIPPED: "–"}
_COLOURS = {Verdict.OK: "32", Verdict.NOTE: "33", Verdict.FAILED: "31", Verdict.SKIPPED: "2"}
_TITLE_WIDTH = 18


def line(finding: Finding, *, is_coloured: bool = False) -> str:
    """One or two lines: what was seen, and the way out."""
    sign = SIGNS[finding.verdict]
    if is_coloured:
        sign = f"\x1b[{_COLOURS[finding.verdict]}m{sign}\x1b[0m"
    text = f"{sign} {finding.title:<{_TITLE_WIDTH}} {finding.text}"
    is_told = finding.way_out and finding.verdict in (Verdict.FAILED, Verdict.NOTE)
    return f"{text}\n  {'':<{_TITLE_WIDTH}} → {finding.way_out}" if is_told else text


def verdict(report: Report) -> str:
    if report.is_ready:
        return "READY"
    count = len(report.failures)
    return f"NOT READY: {', '.join(finding.title for finding in report.failures)} ({count} of {len(report.findings)})"


def text(report: Report) -> str:
    lines = [f"altmonitor {report.version}", *(line(finding) for finding in report.findings), "", verdict(report)]
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> dict[str, object]:
    return {
        "ready": report.is_ready,
        "version": report.version,
        "at_ms": report.at_ms,
        "checks": [
            {
                "name": finding.name,
                "title": finding.title,
                "verdict": finding.verdict.value,
                "seen": finding.text,
                "way_out": finding.way_out,
                "took_ms": finding.took_ms,
            }
            for finding in report.findings
        ],
    }
