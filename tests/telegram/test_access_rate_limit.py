from altmonitor.telegram.access import RateLimit, SenderVerdict

YES, HINT, SILENCE = SenderVerdict.YES, SenderVerdict.HINT, SenderVerdict.SILENCE


def test_twenty_a_minute_then_one_hint_then_silence_until_the_minute_is_over() -> None:
    limit = RateLimit()
    assert [limit.admit(7, 100.0 + second) for second in range(23)] == [YES] * 20 + [HINT, SILENCE, SILENCE]
    assert limit.free_in_s(7, 122.0) == 38.0
    assert limit.admit(7, 159.9) is SILENCE
    assert limit.admit(7, 160.0) is YES
    assert limit.free_in_s(7, 160.0) == 0.0


def test_one_persons_flood_is_no_other_persons_silence() -> None:
    limit = RateLimit()
    for _ in range(30):
        limit.admit(7, 100.0)
    assert limit.admit(8, 100.0) is YES


def test_only_the_last_thousand_people_are_remembered() -> None:
    limit = RateLimit()
    for _ in range(25):
        limit.admit(7, 100.0)
    for user in range(1000, 2000):
        limit.admit(user, 101.0)
    assert limit.admit(7, 102.0) is YES
