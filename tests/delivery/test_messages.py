"""How long a message had to wait is told with it, when that is more than gathering and pacing take."""

from altmonitor.core.alert import Details
from altmonitor.core.errors import RetryLater
from altmonitor.delivery.destination_style import MessageRenderer
from altmonitor.render.format import MESSAGE_UNITS_MAX, utf16_len
from altmonitor.settings.zones import zone_of
from tests.delivery.chat_fakes import PlainRenderer
from tests.delivery.dispatcher_kit import Bench, make, running
from tests.storage.samples import GROUP, PRIVATE, pump


def telling(*, per_part: int = 150) -> Bench:
    return make(PRIVATE, renderer=PlainRenderer(per_part, says_wait=True))


async def test_an_alert_that_had_to_wait_says_how_long_and_one_that_left_at_once_does_not() -> None:
    async with running(telling()) as bench:
        bench.put("SOLUSDT")
        assert await bench.said(1) == ["SOLUSDT"]
        bench.channel.will_refuse(PRIVATE, RetryLater("Too Many Requests", retry_after_s=20))
        bench.put("DOGEUSDT")
        assert (await bench.said(2))[1:] == ["DOGEUSDT\n(1 after 21 s)"]


async def test_a_digest_says_how_long_its_oldest_alert_waited_and_of_several_messages_the_first_one() -> None:
    async with running(telling(per_part=8)) as bench:
        bench.channel.will_refuse(PRIVATE, RetryLater("Too Many Requests", retry_after_s=30))
        bench.put("SOLUSDT")
        await bench.clock.advance(10)
        bench.put(*[f"C{number}USDT" for number in range(11)])
        first, second = await bench.said(2)
        assert first.endswith("\n(12 after 30 s)")
        assert first.startswith("digest: SOLUSDT")
        assert second == "digest: C7USDT C8USDT C9USDT C10USDT"


async def test_what_comes_late_anyway_is_told_as_late_and_no_wait_beside_it() -> None:
    async with running(telling()) as bench:
        bench.channel.will_refuse(PRIVATE, RetryLater("Too Many Requests", retry_after_s=700))
        bench.put("SOLUSDT")
        assert await bench.said(1, within_s=800) == ["late digest: SOLUSDT"]


async def test_the_wait_stays_when_more_is_learned_or_the_digest_grows() -> None:
    async with running(make(GROUP, renderer=PlainRenderer(says_wait=True))) as bench:
        bench.channel.will_refuse(GROUP, RetryLater("Too Many Requests", retry_after_s=20))
        bench.put("SOLUSDT")
        await bench.said(1)
        await bench.learn(await bench.key("SOLUSDT"), lsr=1.5)
        assert (await bench.said(2))[1] == "SOLUSDT lsr=1.5\n(1 after 20 s)"
        bench.channel.will_refuse(GROUP, RetryLater("Too Many Requests", retry_after_s=20))
        storm = [f"C{number}USDT" for number in range(9)]
        bench.put(*storm, kind="vol", direction="UP", metric=5.0, details=Details(running_s=23.0))
        told = (await bench.said(3))[2]
        assert told == "digest: " + " ".join(storm) + "\n(9 after 22 s)"
        later = [f"L{number}USDT" for number in range(9)]
        bench.put(*later, kind="vol", direction="UP", metric=4.9)
        grown = (await bench.said(4))[3]
        assert grown == told.replace("\n", f" {' '.join(later)}\n")


def test_a_full_message_has_room_for_the_line_in_every_language() -> None:
    alerts = [pump(f"CONTRACT{number}USDT", id=number) for number in range(1, 900)]
    for lang in ("en", "ru", "zh"):
        renderer = MessageRenderer(lang, zone_of("UTC"))
        first = renderer.digest(alerts, late=False)[0].html
        line = renderer.behind(86_399.0, count=1_000_000)
        assert utf16_len(first) > MESSAGE_UNITS_MAX - 400
        assert utf16_len(f"{first}\n{line}") <= MESSAGE_UNITS_MAX
