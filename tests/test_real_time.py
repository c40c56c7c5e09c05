"""No test says how fast the machine is: no difference of real clocks has a bound that a pause of it could exceed."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
LEAST_S = 10.0
"""So long a busy machine may stand still."""

REAL_CLOCKS = ("time.monotonic()", "time.perf_counter()", "time.time()", "loop.time()", "SystemClock().monotonic()")
ALLOWED = {
    "ship/test_engine.py": "Docker kills what has not ended after 10 s: five are told apart from that",
}


def test_no_difference_of_real_clocks_must_be_below_what_a_busy_machine_takes() -> None:
    found = []
    for path in sorted(TESTS.rglob("*.py")):
        name = path.relative_to(TESTS).as_posix()
        tree = ast.parse(path.read_text("utf-8"))
        found += [f"{name}:{one.lineno}" for one in ast.walk(tree) if is_too_short(one) and name not in ALLOWED]
    assert found == []


def test_such_a_bound_is_found() -> None:
    bounds = (
        "time.monotonic() - began_s < 1.9",
        "1 < time.perf_counter() - began_s <= 2",
        "loop.time() - began_s < 10",
    )
    assert [is_too_short(ast.parse(bound, mode="eval").body) for bound in bounds] == [True, True, False]


def is_too_short(node: ast.AST) -> bool:
    """`clock() - began < seconds`, with fewer seconds than `LEAST_S`."""
    if not isinstance(node, ast.Compare):
        return False
    lefts = [node.left, *node.comparators]
    return any(
        isinstance(operator, (ast.Lt, ast.LtE)) and is_real_difference(left) and seconds_of(right) < LEAST_S
        for left, operator, right in zip(lefts, node.ops, node.comparators, strict=False)
    )


def is_real_difference(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and ast.unparse(node.left) in REAL_CLOCKS


def seconds_of(node: ast.expr) -> float:
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) else LEAST_S
