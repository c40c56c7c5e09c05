"""Alerts, answers, crashes, nights, destinations that come and go, and every failure of a chat service in any order:
nothing is lost, doubled, too fast, or told at night."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.digest_decision import DestinationStyle
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.storage.memory import MemoryStore
from tests.delivery.chat_fakes import PlainRenderer
from tests.delivery.chat_model import TROUBLES, ChatModel, Trouble
from tests.effort import examples
from tests.movable_clock import MovableClock
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, TOPIC, pump

CHATS = (PRIVATE, GROUP, TOPIC)
SUPERGROUP = -100777
COMES_BACK_AFTER_S = 4.0
"""From the end of one process to the first words of the next."""
DAY_S = 86_400.0
PER_PART = 24

SIZES = st.sampled_from([3.1, 4.0, 9.0])
DIRECTIONS = st.sampled_from(["PUMP", "DUMP"])
SHORT_S = st.sampled_from([0.0, 0.4, 1.2, 2.5, 7.0])
TROUBLED = st.lists(st.sampled_from(TROUBLES), max_size=3)


class UnsureStore(MemoryStore):
    """refusals: so many of the next commits fail. is_stuck: a commit of what was sent does not come back."""

    refusals = 0
    is_stuck = False
    has_moved = False

    async def move(self, old: Destination, new: Destination) -> None:
        self.has_moved = True
        await super().move(old, new)

    async def mark_sent(
        self, destination: Destination, alert_ids: Sequence[int], *, message_id: int, sent_ms: int
    ) -> None:
        if self.is_stuck:
            await asyncio.Event().wait()
        self._perhaps_refuse()
        await super().mark_sent(destination, alert_ids, message_id=message_id, sent_ms=sent_ms)

    async def begin_attempt(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        self._perhaps_refuse()
        await super().begin_attempt(destination, alert_ids)

    def _perhaps_refuse(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StorageError("disk full")


class DeliveryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = MovableClock(NOW_MS)
        self.store = UnsureStore(clock=self.clock, destinations=CHATS)
        self.chat = ChatModel(self.clock, waiting=lambda at: self.store._waiting.rows(at))
        self.put_ms: dict[str, int] = {}
        self.put_to: dict[str, set[Destination]] = {}
        self.asked: list[str] = []
        self.runner.run(self._start())

    def _put(self, count: int, *, metric: float, direction: str, late: bool = False) -> None:
        for _ in range(count):
            symbol, now_ms = f"C{len(self.put_ms)}USDT", self.clock.now_ms()
            self.put_ms[symbol] = now_ms
            self.put_to[symbol] = {self.chat.home(at) for at in self.store.destinations}
            self.store.put(pump(symbol, at_ms=now_ms, key=symbol, metric=metric, direction=direction, late=late))

    async def _start(self) -> None:
        deps = DeliveryDeps(
            outbox=self.store,
            channel=self.chat,
            renderer=PlainRenderer(PER_PART),
            clock=self.clock,
            destination_styles=self._destination_style,
        )
        self.dispatcher = Dispatcher(deps, self.store.destinations)
        self.task = asyncio.create_task(self.dispatcher.run())
        await self.clock.settle()

    def _destination_style(self, destination: Destination) -> DestinationStyle:
        home, nights = self.chat.home(destination), self.chat.nights
        return DestinationStyle(
            renderer=PlainRenderer(PER_PART),
            is_silent=home in nights.silent,
            quiet_until=lambda at_ms: nights.until_ms(home, at_ms),
        )

    def _use(self, homes: set[Destination]) -> None:
        """A group is named by the id it is known by here."""
        self.store.set_destinations(
            Destination(chat_id=SUPERGROUP, topic_id=home.topic_id)
            if self.store.has_moved and home.chat_id == GROUP.chat_id
            else home
            for home in CHATS
            if home in homes
        )
        self.dispatcher.set_destinations(self.store.destinations)

    async def _end(self) -> None:
        self.task.cancel()
        while not self.task.done():
            await self.clock.advance(0.1)

    # --- what happens

    @rule(count=st.integers(1, 20), size=SIZES, direction=DIRECTIONS, late=st.booleans(), then_s=SHORT_S)
    def alerts_come(self, count: int, size: float, direction: str, late: bool, then_s: float) -> None:
        self._put(count, metric=size, direction=direction, late=late)
        self.runner.run(self.clock.advance(then_s))

    @rule(more=st.integers(1, 8), size=SIZES, direction=DIRECTIONS, pause_s=SHORT_S, troubles=TROUBLED)
    def a_storm_goes_on(self, more: int, size: float, direction: str, pause_s: float, troubles: list[Trouble]) -> None:
        """A digest, and more that may be added to it, perhaps in vain."""
        self._put(10, metric=4.0, direction="PUMP")
        self.runner.run(self.clock.advance(0.4 + pause_s))
        for chat in (PRIVATE, GROUP):
            self.chat.troubles.setdefault(chat.chat_id, deque()).extend(troubles)
        self._put(more, metric=size, direction=direction)
        self.runner.run(self.clock.advance(7.0))

    @rule(seconds=st.one_of(SHORT_S, st.sampled_from([20.0, 45.0, 700.0])))
    def time_passes(self, seconds: float) -> None:
        self.runner.run(self.clock.advance(seconds))

    @rule(chat=st.sampled_from([PRIVATE, GROUP]), troubles=TROUBLED, then_s=st.sampled_from([0.0, 2.5, 35.0]))
    def calls_will_fail(self, chat: Destination, troubles: list[Trouble], then_s: float) -> None:
        self.chat.troubles.setdefault(chat.chat_id, deque()).extend(troubles)
        self.runner.run(self.clock.advance(then_s))

    @rule(is_down=st.booleans(), then_s=st.sampled_from([0.0, 30.0, 700.0]))
    def the_service_goes_down_or_comes_back(self, is_down: bool, then_s: float) -> None:
        self.chat.is_down = is_down
        self.runner.run(self.clock.advance(then_s))

    @rule()
    def the_group_becomes_a_supergroup(self) -> None:
        self.chat.moved[GROUP.chat_id] = SUPERGROUP

    @rule(chat=st.sampled_from([PRIVATE, GROUP]), is_blocked=st.booleans())
    def a_chat_blocks_the_bot_or_lets_it_in(self, chat: Destination, is_blocked: bool) -> None:
        (self.chat.gone.add if is_blocked else self.chat.gone.discard)(chat.chat_id)

    @rule(chat=st.sampled_from(CHATS))
    def somebody_asks(self, chat: Destination) -> None:
        self.asked.append(f"answer-{len(self.asked)}")
        here = Destination(chat_id=self.chat.moved.get(chat.chat_id, chat.chat_id), topic_id=chat.topic_id)
        self.dispatcher.reply(here, [self.asked[-1]])
        self.runner.run(self.clock.settle())

    @rule()
    def there_is_news(self) -> None:
        for at in self.store.destinations:
            self.dispatcher.notice(at, "news")
        self.runner.run(self.clock.settle())

    @rule(chat=st.sampled_from(CHATS), lasts_s=st.sampled_from([5.0, 60.0, 900.0, 80_000.0]), then_s=SHORT_S)
    def a_night_begins(self, chat: Destination, lasts_s: float, then_s: float) -> None:
        now_ms = self.clock.now_ms()
        self.chat.nights.begin(chat, now_ms, now_ms + int(lasts_s * 1000))
        self.runner.run(self.clock.advance(then_s))

    @rule(then_s=SHORT_S)
    def a_command_ends_the_nights(self, then_s: float) -> None:
        self.chat.nights.end_all(self.clock.now_ms())
        self.dispatcher.set_destinations(self.store.destinations)
        self.runner.run(self.clock.advance(then_s))

    @rule(seconds=st.sampled_from([1000.0, 90_000.0]))
    def a_long_time_passes(self, seconds: float) -> None:
        self.runner.run(self.clock.advance(seconds))

    @rule(chat=st.sampled_from(CHATS), is_silent=st.booleans())
    def a_chat_wants_no_bell_or_one(self, chat: Destination, is_silent: bool) -> None:
        (self.chat.nights.silent.add if is_silent else self.chat.nights.silent.discard)(chat)

    @rule(chat=st.sampled_from(CHATS), then_s=SHORT_S)
    def a_destination_is_removed_or_comes_back(self, chat: Destination, then_s: float) -> None:
        homes = {self.chat.home(at) for at in self.store.destinations}
        if chat in homes:
            here = next(at for at in self.store.destinations if self.chat.home(at) == chat)
            self.chat.excused |= {(chat, row.alert.symbol) for row in self.store._waiting.rows(here)}
        self._use(homes ^ {chat})
        self.runner.run(self.clock.advance(then_s))

    @rule()
    def an_hour_passes_in_which_everything_works(self) -> None:
        self.chat.heal()
        self.store.refusals = 0
        self.runner.run(self.clock.advance(4000))

    @rule(count=st.integers(1, 4))
    def commits_fail(self, count: int) -> None:
        self.store.refusals = count

    @rule()
    def the_program_is_killed_and_comes_back(self) -> None:
        self.runner.run(self._end())
        self.runner.run(self.clock.advance(COMES_BACK_AFTER_S))
        self.runner.run(self._start())

    @rule(seconds=st.sampled_from([0.5, 4.0]))
    def it_is_killed_between_acceptance_and_commit(self, seconds: float) -> None:
        self.store.is_stuck = True
        self.runner.run(self.clock.advance(seconds))
        self.runner.run(self._end())
        self.store.is_stuck = False
        self.runner.run(self.clock.advance(COMES_BACK_AFTER_S))
        self.runner.run(self._start())

    # --- what always holds

    @invariant()
    def limits_order_and_lateness_are_right(self) -> None:
        assert not self.chat.wrong, self.chat.wrong

    @invariant()
    def nothing_is_said_twice_without_a_mark(self) -> None:
        seen: set[tuple[Destination, str]] = set()
        for shown in self.chat.shown:
            for symbol in shown.symbols:
                assert (shown.home, symbol) not in seen or shown.is_marked, f"{symbol} twice: {shown}"
                seen.add((shown.home, symbol))

    @invariant()
    def every_alert_waits_or_is_told_where_its_row_says_or_was_refused_for_good(self) -> None:
        for destination in self.store.destinations:
            waiting = {row.alert.symbol for row in self.store._waiting.rows(destination)}
            for symbol, put_ms in self.put_ms.items():
                if self.chat.home(destination) not in self.put_to[symbol]:
                    continue
                message_id = self.store._waiting.message_id_of(destination, symbol)
                if message_id is not None:
                    assert symbol in self.chat.text_of(message_id).split()
                elif symbol not in waiting:
                    is_outdated = self.clock.now_ms() - put_ms > DAY_S * 1000
                    assert is_outdated or (self.chat.home(destination), symbol) in self.chat.excused, symbol

    @invariant()
    def an_answer_is_given_once_unless_it_is_not_known_whether_it_arrived(self) -> None:
        given = Counter(shown.html for shown in self.chat.shown)
        assert all(given[answer] <= 1 + self.chat.answers_lost for answer in self.asked)

    def teardown(self) -> None:
        """Once everything works again, everything is told."""
        try:
            self.chat.heal()
            self.store.refusals = 0
            self.chat.nights.end_all(self.clock.now_ms())
            self._use(set(CHATS))
            for _ in range(40):
                if self.store.outbox_status().queued == 0:
                    break
                self.runner.run(self.clock.advance(120))
            assert self.store.outbox_status().queued == 0, self.store.outbox_status()
            self.limits_order_and_lateness_are_right()
            self.nothing_is_said_twice_without_a_mark()
            self.every_alert_waits_or_is_told_where_its_row_says_or_was_refused_for_good()
        finally:
            self.runner.run(self._end())
            self.runner.close()


TestDelivery = DeliveryMachine.TestCase
TestDelivery.settings = settings(max_examples=examples(60), stateful_step_count=40)
