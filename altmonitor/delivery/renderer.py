"""The renderer delivery is given: one language, one zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

from altmonitor.core.alert import Alert
from altmonitor.interfaces.delivery import DigestPart, Keyboard, Press
from altmonitor.render.alerts import alert_html
from altmonitor.render.buttons import alert_buttons
from altmonitor.render.digest import DigestContext, digest_parts
from altmonitor.render.news import news_html
from altmonitor.render.notices import News
from altmonitor.render.signed_buttons import Seal
from altmonitor.render.style import Style
from altmonitor.settings.audience import QuietHours


class MessageRenderer:
    """Implements `delivery.ports.Renderer`. lang: one of `languages.LANGUAGES`. tz: zone of every time told.

    market: asked for the state of the whole market when a digest of fresh alerts is written; None: not told.
    seal: signs what buttons bring back; None: there are no such buttons and the links stand in the text.
    quiet: the hours that a digest of held alerts names.
    """

    def __init__(
        self,
        lang: str,
        tz: tzinfo,
        *,
        market: Callable[[], DigestContext | None] | None = None,
        seal: Seal | None = None,
        quiet: QuietHours | None = None,
    ) -> None:
        self._style = Style(lang=lang, tz=tz)
        self._market = market
        self._seal = seal
        self._quiet = quiet

    def alert(self, alert: Alert, *, maybe_repeated: bool, presses: Sequence[Press] = ()) -> str:
        return alert_html(
            alert,
            self._style,
            maybe_repeated=maybe_repeated,
            presses=presses,
            has_buttons=bool(self.buttons(alert)),
        )

    def buttons(self, alert: Alert) -> Keyboard:
        return () if self._seal is None else alert_buttons(alert, self._style, self._seal)

    def digest(
        self,
        alerts: Sequence[Alert],
        *,
        late: bool,
        maybe_repeated: bool = False,
        held: bool = False,
        context: DigestContext | None = None,
    ) -> list[DigestPart]:
        if context is None and not late and self._market is not None:
            context = self._market()
        quiet = self._quiet if held else None
        return digest_parts(
            alerts,
            self._style,
            late=late,
            maybe_repeated=maybe_repeated,
            context=context,
            held=None if not held else "" if quiet is None else str(quiet),
        )

    def news(self, news: News) -> str:
        return news_html(news, self._style)
