"""What many ask of a database in the same moment is asked of it once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from altmonitor.core.errors import StorageError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(slots=True, kw_only=True, eq=False)
class _Question(Generic[Asked, Answer]):
    """answer: None while there is none, else a list of it. problem: why there will be none."""

    asked: Asked
    answer: list[Answer] | None = None
    problem: StorageError | ValueError | None = None

    @property
    def is_open(self) -> bool:
        return self.answer is None and self.problem is None


class Batched(Generic[Asked, Answer]):
    """While one question is on its way, further ones gather and leave together behind it; one alone never waits.

    carry: asks for all of them and answers in their order. Where it raises ValueError (one of them is refused) each is
    asked alone, so that only that one fails. most: so many at once.
    """

    def __init__(self, carry: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]], *, most: int) -> None:
        self._carry = carry
        self._most = most
        self._questions: deque[_Question[Asked, Answer]] = deque()
        self._turn = asyncio.Lock()

    async def ask(self, asked: Asked) -> Answer:
        """Raises StorageError and ValueError as `carry` does."""
        question: _Question[Asked, Answer] = _Question(asked=asked)
        self._questions.append(question)
        try:
            async with self._turn:
                if question.is_open:  # else somebody before has asked for this one too
                    await self._ask_next()
        finally:
            if question.is_open and question in self._questions:  # whoever asked waits no longer
                self._questions.remove(question)
        if question.problem is not None:
            raise question.problem
        if question.answer is None:
            raise StorageError("the question was not asked")
        return question.answer[0]

    async def _ask_next(self) -> None:
        together = [self._questions.popleft() for _ in range(min(self._most, len(self._questions)))]
        try:
            await self._ask_together(together)
        finally:  # cancelled with whoever carried it: the others ask again
            self._questions.extendleft(reversed([question for question in together if question.is_open]))

    async def _ask_together(self, together: Sequence[_Question[Asked, Answer]]) -> None:
        try:
            answers = await self._carry([question.asked for question in together])
        except StorageError as problem:
            for question in together:
                question.problem = problem
        except ValueError as problem:
            if len(together) == 1:
                together[0].problem = problem
                return
            for question in together:
                await self._ask_together([question])
        else:
            for question, answer in zip(together, answers, strict=True):
                question.answer = [answer]
