"""The renderer delivery is given: one language, one zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

from altmonitor.alert import Alert
from altmonitor.delivery.ports import DigestPart
from altmonitor.delivery.render.alerts import Style, alert_html
from altmonitor.delivery.render.digest import DigestContext, digest_parts
from altmonitor.delivery.render.news import News
from altmonitor.delivery.render.news_text import news_html


class MessageRenderer:
    """Implements `delivery.ports.Renderer`. lang: `en` or `zh`. tz: zone of every time told.

    market: asked for the state of the whole market when a digest of fresh alerts is written; None: not told.
    """

    def __init__(self, lang: str, tz: tzinfo, *, market: Callable[[], DigestContext | None] | None = None) -> None:
        self._style = Style(lang=lang, tz=tz)
        self._market = market

    def alert(self, alert: Alert, *, maybe_repeated: bool) -> str:
        return alert_html(alert, self._style, maybe_repeated=maybe_repeated)

    def digest(
        self,
        alerts: Sequence[Alert],
        *,
        late: bool,
        maybe_repeated: bool = False,
        context: DigestContext | None = None,
    ) -> list[DigestPart]:
        if context is None and not late and self._market is not None:
            context = self._market()
        return digest_parts(alerts, self._style, late=late, maybe_repeated=maybe_repeated, context=context)

    def news(self, news: News) -> str:
        return news_html(news, self._style)
