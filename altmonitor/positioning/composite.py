"""Several scores as one: their plain mean, of those that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from altmonitor.positioning.units import known


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """score: −1…1, None when no part is known. weights: what each known part counted, adding up to 1."""

    score: float | None
    weights: Mapping[str, float]


def composite(parts: Mapping[str, float | None]) -> Composite:
    """parts: scores −1…1 by name. What is unknown is left out and the others count for more, never taken as 0.

    0.81, 0.68 and 0.73 → 0.74. Raises: ValueError for a score outside −1…1.
    """
    scores = {name: value for name, given in parts.items() if (value := known(given)) is not None}
    for name, value in scores.items():
        if not -1.0 <= value <= 1.0:
            raise ValueError(f"{name} score {value} is not within -1…1")
    if not scores:
        return Composite(score=None, weights={})
    weight = 1.0 / len(scores)
    return Composite(score=sum(scores.values()) * weight, weights=dict.fromkeys(scores, weight))
