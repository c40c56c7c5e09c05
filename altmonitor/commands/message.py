"""A chat message as a whole: which commands stand in it, and which one talk may stand for."""

from __future__ import annotations

import re
from collections.abc import Collection

from altmonitor.commands.arguments import SUGGESTED_WORDS_MAX
from altmonitor.commands.replies import NotUnderstood
from altmonitor.commands.table import COMMAND_OF, Command, known_name, nearest_name, parse
from altmonitor.settings.input import find, latin_keys, plain_text

COMMANDS_MAX = 20
"""Of one message."""
_TAKES_COMMANDS = ("reset", "help")
_COMMAND_WORD = re.compile(r"/([A-Za-z_]+)(?:@\w+)?")
_ASKED_OF_A_CONTRACT = ("price", "why", "chart")
_LONGEST_GUESS_WORDS = 8


def commands_in(text: str) -> tuple[str, ...]:
    """Each command with its words, in order. A line that begins with none belongs to the one before; what stands before
    the first is dropped. A known command begins also within a line.
    """
    found: list[list[str]] = []
    for line in plain_text(text).splitlines():
        for at, word in enumerate(line.split()):
            if _begins(word, is_first_of_line=at == 0, before=found[-1] if found else []):
                found.append([word])
            elif found:
                found[-1].append(word)
    return tuple(" ".join(words) for words in found[:COMMANDS_MAX])


def _begins(word: str, *, is_first_of_line: bool, before: list[str]) -> bool:
    if not word.startswith("/") or len(word) == 1:
        return False
    if is_first_of_line:
        return True
    named = _COMMAND_WORD.fullmatch(word)
    if named is None or named[1].lower() not in COMMAND_OF:
        return False
    current = _COMMAND_WORD.match(before[0]) if before else None
    return current is None or current[1].lower() not in _TAKES_COMMANDS


def not_understood(text: str, listed: Collection[str]) -> NotUnderstood:
    """What talk in a private chat may have meant: a command without its slash, with the keyboard in another language,
    or the name of a contract."""
    if not text.strip():
        return NotUnderstood(is_text=False)
    words = plain_text(text).strip().lstrip("/\\.!").split()
    if not words or len(words) > _LONGEST_GUESS_WORDS:
        return NotUnderstood()
    guesses = [words]
    if any("а" <= letter <= "я" for letter in words[0].lower()):
        guesses.append(latin_keys(" ".join(words)).split())
    for name, *rest in guesses:
        for command, behind in _named(name.rstrip(".,:;!?"), rest):
            whole = f"/{command} {' '.join(behind)}".strip()
            if isinstance(parse(whole), Command):
                return NotUnderstood(meant=(whole,))
    symbol = find(words[0].rstrip(".,:;!?"), listed) if len(words) <= SUGGESTED_WORDS_MAX else None
    if symbol is not None:
        return NotUnderstood(meant=tuple(f"/{command} {symbol}" for command in _ASKED_OF_A_CONTRACT))
    return NotUnderstood()


def _named(name: str, rest: list[str]) -> list[tuple[str, list[str]]]:
    """Commands the words may begin with, the likeliest first: `mute`, `set pump`, `staus`."""
    found = [(known_name(name), rest)] if known_name(name) in COMMAND_OF else []
    if rest and known_name(f"{name}_{rest[0]}") in COMMAND_OF:
        found.insert(0, (known_name(f"{name}_{rest[0]}"), rest[1:]))
    near = nearest_name(name) if len(name) > 3 and len(rest) <= 1 else ""
    return [*found, (near, rest)] if near else found
