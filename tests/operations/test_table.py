"""The table of operations: complete, and the same thing under one name everywhere."""

from __future__ import annotations

import re

import click
import msgspec

from altmonitor.cli.main import cli
from altmonitor.commands.table import COMMAND_OF
from altmonitor.operations.errors import OPERATION_ERRORS
from altmonitor.operations.table import OPERATIONS


def test_every_row_is_whole() -> None:
    wrong = []
    for row in OPERATIONS:
        if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", row.name):
            wrong.append(f"{row.name} is no snake_case name")
        if not row.summary.endswith(".") or "\n" in row.summary or row.summary.count(". ") > 0:
            wrong.append(f"{row.name}: the summary is not one sentence")
        if not row.arguments.__struct_config__.forbid_unknown_fields:
            wrong.append(f"{row.name} takes unknown arguments")
        if not row.examples:
            wrong.append(f"{row.name} has no example")
        if row.chat is not None and row.chat not in COMMAND_OF:
            wrong.append(f"{row.name}: there is no /{row.chat}")
        for example in row.examples:
            msgspec.convert(dict(example.arguments), type=row.arguments)
    assert wrong == []


def test_names_and_routes_are_unique() -> None:
    for values in ([row.name for row in OPERATIONS], [row.route for row in OPERATIONS if row.route]):
        assert len(values) == len(set(values))


def test_what_stands_in_a_path_is_an_argument_and_must_be_given() -> None:
    for row in OPERATIONS:
        for name in re.findall(r"{(\w+)}", row.route or ""):
            fields = {field.name: field for field in msgspec.structs.fields(row.arguments)}
            assert fields[name].required, f"{row.name}: {name}"


def test_what_writes_is_not_read_over_http() -> None:
    for row in OPERATIONS:
        if row.route is not None:
            assert row.route.startswith("GET ") is not row.writes, row.name


def test_every_sub_command_that_is_named_exists() -> None:
    for row in OPERATIONS:
        found: click.Command = cli
        for word in (row.cli or "").split():
            assert isinstance(found, click.Group), row.cli
            below = found.get_command(click.Context(found), word)
            assert below is not None, row.cli
            found = below


def test_errors_have_codes_of_their_own() -> None:
    codes = [error.code for error in OPERATION_ERRORS]
    assert codes == [
        "bad_argument",
        "not_found",
        "unknown_contract",
        "forbidden",
        "unavailable",
        "blocked",
        "unreachable",
    ]
    assert all(400 <= error.status < 600 and error.title for error in OPERATION_ERRORS)
