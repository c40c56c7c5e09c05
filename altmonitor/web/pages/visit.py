"""One request for a page: who asks, in which language, how far down; and what is shown for it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.errors import AltmonitorError
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.operations.context import OperationContext
from altmonitor.operations.symbols import stored_symbol
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.reasons import problem_text
from altmonitor.render.texts.page_texts import say_page
from altmonitor.web.pages.rendering import one


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """template: its file. page: word of the menu, '' for one that it does not name. values: of the template."""

    template: str
    page: str
    title: str
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """after: event id at which the stream goes on behind an alert with this number. csrf: '' for who may only read."""

    request: web.Request
    context: OperationContext
    style: Style
    after: Callable[[int], str]
    csrf: str

    def t(self, key: str, /, **values: object) -> str:
        return say_page(self.style.lang, key, **values)

    def why(self, problem: Exception) -> str:
        """What stood in the way, in the visitor's language; plain text."""
        match problem:
            case AltmonitorError():
                cause = problem.cause
            case TimeoutError():
                cause = Cause(CauseCode.NO_ANSWER, "time-out")
            case _:
                cause = Cause(CauseCode.OTHER, str(problem))
        return html.unescape(problem_text(cause, self.style))

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @property
    def now_ms(self) -> int:
        return self.context.clock.now_ms()

    @property
    def root(self) -> str:
        """From this address up to the pages' root, so that it works wherever a proxy puts them."""
        return "../" * (self.request.path.count("/") - 1) or "./"

    @property
    def page_root(self) -> str:
        """The same for the page a piece is for: the piece's address says so, see `alerts.piece_of`."""
        return "../" if one(self.query, "up") == "1" else "./"

    def loaded(self, newest_ms: int | None) -> str:
        """When the newest number is of, and when the page was made."""
        now_ms, tz = self.now_ms, self.style.tz
        time = self.t("no_data_yet") if newest_ms is None else n.when(newest_ms, tz, reference_ms=now_ms)
        return self.t("loaded", time=time, loaded=n.when(now_ms, tz))

    def venue(self) -> Venue | None:
        """Of the address; None: the main one, also for what is none of those watched."""
        given = one(self.query, "venue")
        return next((venue for venue in self.context.config.venues[1:] if venue == given), None)

    def symbol(self) -> str:
        """Of the path, as it is listed; one that is not may still have stored rows. Raises: OperationError."""
        return stored_symbol(self.request.match_info["symbol"], self.context, self.venue())

    def venues(self) -> list[tuple[str, str]]:
        """Word of the address and name of each exchange that can be chosen; none where there is no choice."""
        watched = self.context.config.venues
        return [(venue, VENUE_TITLES[venue]) for venue in watched] if len(watched) > 1 else []
