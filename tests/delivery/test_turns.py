"""Whose turn it is among the chats of one bot."""

from altmonitor.delivery.turns import BotTurns, Turn, Urgency


class Chat:
    def __init__(self) -> None:
        self.woken = 0
        self.turn = Turn(self.wake)

    def wake(self) -> None:
        self.woken += 1


def crowd(turns: BotTurns, *urgencies: Urgency, now_s: float) -> list[Chat]:
    chats = [Chat() for _ in urgencies]
    for chat, urgency in zip(chats, urgencies, strict=True):
        turns.ask(chat.turn, urgency, now_s)
    return chats


def served(turns: BotTurns, chats: list[Chat], *, now_s: float, count: int) -> list[int]:
    """Who speaks next, one after the other, each waiting as long as it must."""
    order = []
    for _ in range(count):
        at = next(at for at, chat in enumerate(chats) if chat.turn is turns._called)
        turn = chats[at].turn
        while wait_s := turns.ask(turn, turn.urgency or Urgency.ALERT, now_s):
            now_s += wait_s
        turns.left(turn, now_s)
        turns.answered(turn, now_s)
        order.append(at)
    return order


def full(limit: int = 2) -> BotTurns:
    """Of a bot that has just said what it may in this second."""
    turns = BotTurns(limit)
    for chat in crowd(turns, *[Urgency.ALERT] * limit, now_s=0.0):
        turns.left(chat.turn, 0.0)
        turns.answered(chat.turn, 0.0)
    return turns


def test_who_is_alone_speaks_at_once() -> None:
    turns, chat = BotTurns(), Chat()
    assert turns.ask(chat.turn, Urgency.EXTRA, 7.0) == 0.0
    assert turns.ask(chat.turn, Urgency.EXTRA, 7.0) == 0.0


def test_in_a_crowd_only_the_next_one_is_woken_and_only_it_has_a_time_to_wait() -> None:
    turns = full()
    first, second, third = crowd(turns, *[Urgency.ALERT] * 3, now_s=0.25)
    asked = [turns.ask(chat.turn, Urgency.ALERT, 0.25) for chat in (first, second, third)]
    assert asked == [0.75, None, None]
    assert turns.ask(first.turn, Urgency.ALERT, 1.0) == 0.0
    assert (first.woken, second.woken, third.woken) == (0, 1, 0)
    turns.left(first.turn, 1.0)
    turns.answered(first.turn, 1.0)
    assert turns.ask(second.turn, Urgency.ALERT, 1.0) == 0.0
    assert (first.woken, second.woken, third.woken) == (0, 1, 1)


def test_never_more_than_the_limit_leaves_in_a_second_however_long_a_turn_is_kept() -> None:
    turns = BotTurns(3)
    chats = crowd(turns, *[Urgency.ALERT] * 9, now_s=0.0)  # three are granted and keep their turn for a while
    assert [chat.turn.granted_s for chat in chats] == [0.0] * 3 + [None] * 6
    assert turns.ask(chats[3].turn, Urgency.ALERT, 0.5) == 1.0
    for chat in chats[:3]:
        turns.left(chat.turn, 0.9)
    assert turns.ask(chats[3].turn, Urgency.ALERT, 1.5) == 1.0  # counted over there at any moment until they answer
    for chat in chats[:3]:
        turns.answered(chat.turn, 1.6)
    assert chats[3].woken > 0
    wait_s = turns.ask(chats[3].turn, Urgency.ALERT, 1.6)
    assert wait_s is not None
    assert round(1.6 + wait_s, 6) == 2.6


def test_a_request_that_is_never_answered_holds_up_the_others_for_two_seconds() -> None:
    turns = BotTurns(1)
    stuck, other = crowd(turns, Urgency.ALERT, Urgency.ALERT, now_s=0.0)
    turns.left(stuck.turn, 0.0)
    assert turns.ask(other.turn, Urgency.ALERT, 1.5) == 1.0
    assert turns.ask(other.turn, Urgency.ALERT, 2.0) == 0.0


def test_who_kept_its_turn_too_long_leaves_when_there_is_room_again() -> None:
    turns = BotTurns(1)
    slow, other = crowd(turns, Urgency.ALERT, Urgency.ALERT, now_s=0.0)
    assert turns.leaves_at_s(slow.turn, 0.9) == 0.9
    assert turns.ask(other.turn, Urgency.ALERT, 1.0) == 0.0
    turns.left(other.turn, 1.25)
    turns.answered(other.turn, 1.5)
    assert turns.leaves_at_s(slow.turn, 1.5) == 2.5


def test_a_turn_that_nobody_uses_holds_up_the_others_for_a_second_only() -> None:
    turns = BotTurns(1)
    stuck, other = crowd(turns, Urgency.ALERT, Urgency.ALERT, now_s=0.0)
    assert stuck.turn.granted_s == 0.0
    assert turns.ask(other.turn, Urgency.ALERT, 0.0) == 1.0
    assert turns.ask(other.turn, Urgency.ALERT, 1.0) == 0.0


def test_answers_go_first_but_never_more_than_two_in_a_row_and_edits_last() -> None:
    turns = full(limit=1)
    answers, alerts = [Urgency.ANSWER] * 5, [Urgency.ALERT] * 2
    chats = crowd(turns, Urgency.EXTRA, *alerts, *answers, now_s=0.0)
    assert served(turns, chats, now_s=0.0, count=8) == [3, 4, 1, 5, 6, 2, 7, 0]


def test_who_has_to_answer_meanwhile_comes_forward_and_who_has_nothing_left_makes_room() -> None:
    turns = full(limit=1)
    chats = crowd(turns, *[Urgency.ALERT] * 4, now_s=0.0)
    turns.ask(chats[2].turn, Urgency.ANSWER, 0.1)
    turns.give_back(chats[0].turn)
    assert served(turns, chats, now_s=0.1, count=3) == [2, 1, 3]


def test_a_turn_given_back_is_the_next_ones_at_once() -> None:
    turns = BotTurns(1)
    first, second = crowd(turns, Urgency.ALERT, Urgency.ALERT, now_s=0.0)
    turns.give_back(first.turn)
    assert second.woken == 1
    assert turns.ask(second.turn, Urgency.ALERT, 0.0) == 0.0


def test_with_a_crowd_several_messages_do_not_leave_one_by_one() -> None:
    turns = full(limit=25)
    assert [turns.can_leave_within(count, 10.0) for count in (9, 250, 251)] == [True, True, False]
    crowd(turns, *[Urgency.ALERT] * 99, now_s=0.0)
    assert [turns.can_leave_within(count, 10.0) for count in (2, 3)] == [True, False]
