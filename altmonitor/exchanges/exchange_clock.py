"""What time it is at the exchange, as far as this machine can know, and how that is kept right.

Three things go wrong with a machine's clocks: it sleeps (the wall clock goes on, the monotonic one may stand still),
its wall clock is set (the monotonic one goes on), or it is a snapshot taken up again (both stood still). They look
alike from here; what time it is at the exchange tells them apart.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeError

log = logging.getLogger(__name__)

DISAGREE_MS: Final = 1_500
"""By so much the two clocks of the machine may differ since they were last compared with the exchange's."""
SLOW_ANSWER_S: Final = 2.0
EARLIEST_MS: Final = 1_577_836_800_000  # 2020
LATEST_MS: Final = 4_102_444_800_000  # 2100
"""An exchange that tells a time outside of these tells none: zero, seconds, microseconds. Believed, it would be what
everything that was seen is compared with."""
MISSED_MS: Final = 2_000
"""What the exchange's clock is found to be ahead of what is expected, and more than an answer can take."""


class ExchangeClock:
    """Counts on with the monotonic clock from the last time the exchange told. Starts with the machine's wall clock.

    missed_s: seconds that passed at the exchange and not on the monotonic clock, since the first time it told.
    synced_s: monotonic moment of the last time it told, None before. uncertainty_ms: by how much this clock may be
    off, ± ms: half of what the answer took; None before. is_rough: the last answer was slow, so it is asked again soon.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base_ms: float = clock.now_ms() - clock.monotonic() * 1000
        self._wall_base_ms = self._base_ms
        self._is_behind = False
        self.missed_s = 0.0
        self.synced_s: float | None = None
        self.uncertainty_ms: float | None = None
        self.is_rough = False

    def now_ms(self) -> int:
        """Never jumps with the machine's wall clock."""
        return int(self._base_ms + self._clock.monotonic() * 1000)

    def now_s(self) -> float:
        """Seconds that go on while the machine sleeps, as soon as that is known; only differences mean anything."""
        return self._clock.monotonic() + self.missed_s

    @property
    def skew_ms(self) -> float:
        """The machine's wall clock minus this one."""
        return self._wall_ms() - self._base_ms

    @property
    def is_sure(self) -> bool:
        """False since the machine slept, or its clock was set, or data came from a later time than this clock knows."""
        return not self._is_behind and abs(self._wall_ms() - self._wall_base_ms) < DISAGREE_MS

    def answered(self, server_ms: int, *, before_s: float, before_ms: int) -> None:
        """The exchange told its time in an answer to what was asked at that moment of our two clocks. A slow answer
        tells the time of an unknown moment; so does one during which the machine slept or its clock was set.

        Raises: BadAnswer for what is no time of an exchange.
        """
        if not EARLIEST_MS <= server_ms < LATEST_MS:
            raise BadAnswer(f"not the time of an exchange: {str(server_ms)[:40]}")
        took_s = self._clock.monotonic() - before_s
        if took_s < SLOW_ANSWER_S and abs(self._clock.now_ms() - before_ms - took_s * 1000) < SLOW_ANSWER_S * 1000:
            self.sync(server_ms + took_s * 500)
            self.uncertainty_ms = took_s * 500
            self.is_rough = False
        elif took_s >= SLOW_ANSWER_S:
            self.sync_at_least(server_ms)
            self.is_rough = True

    def sync(self, server_ms: float) -> None:
        """The exchange's clock reads this now."""
        base_ms = server_ms - self._clock.monotonic() * 1000
        if self.synced_s is not None and base_ms - self._base_ms > MISSED_MS:
            self.missed_s += (base_ms - self._base_ms) / 1000
            log.warning("%.0f s passed unseen: this machine slept or stood still", (base_ms - self._base_ms) / 1000)
        self._base_ms = base_ms
        self._wall_base_ms = self._wall_ms()
        self._is_behind = False
        self.synced_s = self._clock.monotonic()

    def sync_at_least(self, server_ms: float) -> None:
        """The exchange's clock read this at some moment before now."""
        self.sync(max(server_ms, self._base_ms + self._clock.monotonic() * 1000))

    def hear(self, event_ms: int) -> None:
        """The exchange sent something that happened then."""
        if event_ms - self.now_ms() > MISSED_MS:
            self._is_behind = True

    def _wall_ms(self) -> float:
        """The wall clock where the monotonic one read zero: moves when the one goes on without the other."""
        return self._clock.now_ms() - self._clock.monotonic() * 1000


# ---


LOOK_EVERY_S: Final = 1.0
SYNC_EVERY_S: Final = 600.0
NOT_BEFORE_S: Final = 10.0
"""Between two questions, whatever happens: a clock that stays in doubt must not become a flood."""


class ClockSync:
    """Asks the exchange for the time every ten minutes, and at once when the clocks may be wrong.

    ask: sets the clock (`MarketRest.server_time_ms`). newest_event_ms: of the feed's data, None before any.
    on_skew: our wall clock minus the exchange's, ms, after each answer.
    """

    def __init__(
        self,
        exchange_clock: ExchangeClock,
        *,
        clock: Clock,
        ask: Callable[[], Awaitable[int]],
        newest_event_ms: Callable[[], int | None],
        on_skew: Callable[[float], None],
    ) -> None:
        self._exchange_clock = exchange_clock
        self._clock = clock
        self._ask = ask
        self._newest_event_ms = newest_event_ms
        self._on_skew = on_skew
        self._is_wanted = False
        self._asked_s = float("-inf")

    def ask_soon(self) -> None:
        """Something happened after which the clock should be compared: a connection is back."""
        self._is_wanted = True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            newest_ms = self._newest_event_ms()
            if newest_ms is not None:
                self._exchange_clock.hear(newest_ms)
            if self._is_due(self._clock.monotonic()):
                await self._sync()
            await self._clock.sleep(LOOK_EVERY_S)

    def _is_due(self, now_s: float) -> bool:
        synced_s = self._exchange_clock.synced_s
        is_old = synced_s is None or synced_s + SYNC_EVERY_S <= now_s
        is_rough = self._exchange_clock.is_rough or not self._exchange_clock.is_sure
        is_wanted = is_old or is_rough or self._is_wanted
        return is_wanted and self._asked_s + NOT_BEFORE_S <= now_s

    async def _sync(self) -> None:
        self._asked_s = self._clock.monotonic()
        self._is_wanted = False
        try:
            await self._ask()
        except ExchangeError as problem:
            log.debug("the exchange's clock could not be read: %s", problem)
        else:
            self._on_skew(self._exchange_clock.skew_ms)
