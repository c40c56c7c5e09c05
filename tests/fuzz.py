"""Damage for whatever comes from outside: bytes that are no JSON, and JSON that is not what was promised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

STRANGE: list[Any] = [
    None,
    True,
    "",
    "NaN",
    "-Infinity",
    "1e999",
    "١٢٣",
    "0x10",
    "12 ",
    "\x00",
    "币安人生USDT",
    "A" * 500,
    0,
    -1,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [1, "2", {"k": []}],
]
DEEP = [100, 1_500]  # the second is beyond what a decoder follows


STRANGERS = st.sampled_from(STRANGE).map(deepcopy)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    return opening * depth + b"1" + closing * depth


NONSENSE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.recursive(
        STRANGERS,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
        max_leaves=8,
    ).map(encoded),
    st.builds(nested, st.sampled_from(DEEP), st.just(b"["), st.just(b"]")),
    st.builds(nested, st.sampled_from(DEEP), st.just(b'{"data":'), st.just(b"}")),
    st.sampled_from(DEEP).map(lambda depth: b"[" * depth),
    st.sampled_from([1, 18, 19, 20, 400]).map(lambda digits: b'{"data":' + b"9" * digits + b"}"),
)
"""Bytes without any relation to what is expected."""


@st.composite
def broken_bytes(draw: st.DrawFn, given: bytes) -> bytes:
    """Cut, flipped, doubled or interrupted at any place."""
    at = draw(st.integers(0, len(given)))
    to = draw(st.integers(at, min(len(given), at + 20)))
    match draw(st.sampled_from(["cut", "replace", "double", "drop"])):
        case "cut":
            return given[:at]
        case "replace":
            return given[:at] + draw(st.binary(min_size=1, max_size=4)) + given[to:]
        case "double":
            return given[:to] + given[at:]
        case _:
            return given[:at] + given[to:]


@st.composite
def broken_value(draw: st.DrawFn, given: Any) -> Any:
    """The same structure with one to three places changed: another value, a missing or a foreign key."""
    value = json.loads(json.dumps(given))
    for _ in range(draw(st.integers(1, 3))):
        destinations = list(_destinations(value))
        if not destinations:
            return draw(st.sampled_from(STRANGE))
        container, key = draw(st.sampled_from(destinations))
        match draw(st.sampled_from(["set", "set", "remove", "add"])):
            case "set":
                container[key] = draw(STRANGERS)
            case "remove":
                del container[key]
            case _:
                stranger = draw(STRANGERS)
                if isinstance(container, dict):
                    container[draw(st.text(max_size=3))] = stranger
                else:
                    container.append(stranger)
    return value


def broken(given: Any) -> st.SearchStrategy[bytes]:
    """Damaged forms of a real answer."""
    return st.one_of(broken_bytes(encoded(given)), broken_value(given).map(encoded), NONSENSE)


def _destinations(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _destinations(inner)
