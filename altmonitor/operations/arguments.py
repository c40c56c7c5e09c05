"""What a program sent → the arguments of an operation, or one line that says what is wrong with which of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from altmonitor.operations.errors import BadArgument

A = TypeVar("A", bound=msgspec.Struct)

WORDS = "words"
"""Key of `Meta.extra`: what the argument must be, where its type alone does not say it well."""

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
"""Pattern of text that is shown to people: no control characters."""

_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def shown(value: object) -> str:
    """As it was given, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def read_arguments(
    arguments: type[A], given: Mapping[str, Any], *, is_text: bool, hints: Mapping[str, str] = MappingProxyType({})
) -> A:
    """is_text: every value is a string, as in a query. hints: what to say of a name that is none of them.

    Raises: BadArgument."""
    fields = _fields(arguments)
    unknown = next((name for name in given if name not in fields), None)
    if unknown is not None:
        if unknown in hints:
            raise BadArgument(hints[unknown])
        raise BadArgument(f"unknown parameter {shown(unknown)}; known: {', '.join(fields) or 'none'}")
    missing = next((name for name, field in fields.items() if field.required and name not in given), None)
    if missing is not None:
        raise BadArgument(f"{missing} is missing: it must be {_must_be(fields[missing].type)}")
    values: dict[str, Any] = {}
    for name, value in given.items():
        kind = fields[name].type
        if _has_broken_text(value):
            raise BadArgument(f"{name} must be {_must_be(kind)}; {shown(value)} holds characters that are none")
        values[name] = _from_text(value, kind) if is_text else value
        try:
            msgspec.convert({name: values[name]}, type=_alone(arguments, name))
        except msgspec.ValidationError as problem:
            raise BadArgument(f"{name} must be {_must_be(kind)}, not {shown(value)}") from problem
    return msgspec.convert(values, type=arguments)


def _has_broken_text(value: object) -> bool:
    """Halves of characters, as bytes that are no UTF-8 become on a command line: nobody can store or send them."""
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, Mapping):
        return any(_has_broken_text(one) for pair in value.items() for one in pair)
    return isinstance(value, (list, tuple)) and any(map(_has_broken_text, value))


@cache
def _fields(arguments: type[msgspec.Struct]) -> Mapping[str, inspect.Field]:
    info = inspect.type_info(arguments)
    assert isinstance(info, inspect.StructType)  # noqa: S101 — for the type checker
    return {field.encode_name: field for field in info.fields}


@cache
def _alone(arguments: type[msgspec.Struct], name: str) -> type[msgspec.Struct]:
    """A struct with that field only, to find out which one is wrong."""
    field = next(field for field in msgspec.structs.fields(arguments) if field.encode_name == name)
    return msgspec.defstruct("Alone", [(name, field.type)])


def _plain(kind: inspect.Type) -> inspect.Type:
    """Without what may stand beside it: null, metadata."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        kinds = [_plain(one) for one in kind.types if not isinstance(one, inspect.NoneType)]
        return kinds[0] if len(kinds) == 1 else kind
    return kind


def _said(kind: inspect.Type) -> str:
    """Words of its metadata; '' without."""
    if isinstance(kind, inspect.Metadata):
        words: str = (kind.extra or {}).get(WORDS, "")
        return words or _said(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next((words for one in kind.types if (words := _said(one))), "")
    return ""


def _from_text(value: str, kind: inspect.Type) -> Any:
    """What is no number stays text, and is refused as such."""
    match _plain(kind):
        case inspect.IntType() if _WHOLE.fullmatch(value):
            return int(value)
        case inspect.FloatType() if _NUMBER.fullmatch(value):
            return float(value)
        case inspect.BoolType():
            return _FLAGS.get(value.lower(), value)
        case _:
            return value


def _must_be(kind: inspect.Type) -> str:
    said = _said(kind)
    if said:
        return said
    match _plain(kind):
        case inspect.IntType() as number:
            return f"a whole number{_range(number)}"
        case inspect.FloatType() as number:
            return f"a number{_range(number)}"
        case inspect.StrType(min_length=low, max_length=high):
            return f"text of {low or 0} to {high} characters" if high is not None else "text"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.BoolType():
            return "true or false"
        case inspect.ListType() | inspect.VarTupleType() as many:
            most = "" if many.max_length is None else f" of at most {many.max_length}"
            return f"a list{most}, each {_must_be(many.item_type)}"
        case _:
            return "of another type"


def _range(number: inspect.IntType | inspect.FloatType) -> str:
    if number.ge is not None and number.le is not None:
        return f" from {number.ge:.15g} to {number.le:.15g}"
    bounds = (
        ("from", number.ge),
        ("above", number.gt),
        ("up to", number.le),
        ("below", number.lt),
    )
    return "".join(f" {word} {bound:.15g}" for word, bound in bounds if bound is not None)
