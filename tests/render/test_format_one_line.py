from __future__ import annotations

from altmonitor.render.format import one_line


def test_a_message_becomes_one_line_for_the_log() -> None:
    html = "🔴 <b>BLIND</b> since 14:17\n\nReason: <code>a &lt; b</code>\n27 symbols"
    assert one_line(html) == "🔴 BLIND since 14:17 · Reason: a < b · 27 symbols"
