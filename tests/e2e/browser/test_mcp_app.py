"""The page that AI clients show in a frame: it greets its host, shows what a tool drew, and lets nothing act."""

from __future__ import annotations

import html
import json
from pathlib import Path

from altmonitor.mcp.server import PAGE
from altmonitor.render.format import Style
from altmonitor.render.panel import panel_of, panel_page
from altmonitor.settings.zones import zone_of
from tests.e2e.browser.chrome import Chrome
from tests.render.position_replies import PICTURE

HOST = """<!doctype html><meta charset="utf-8"><title>host</title>
<iframe id="app" sandbox="allow-scripts" width="560" height="900" srcdoc="{page}"></iframe>
<script>
const app = document.getElementById("app"), heard = window.heard = [], results = {results};
addEventListener("message", ({{data}}) => {{
  heard.push(data);
  if (data.method === "ui/initialize")
    app.contentWindow.postMessage({{jsonrpc: "2.0", id: data.id, result: {{protocolVersion: "2026-01-26",
      hostInfo: {{name: "host", version: "1"}}, hostCapabilities: {{}}, hostContext: {{}}}}}}, "*");
}});
window.tell = (number) => app.contentWindow.postMessage(
  {{jsonrpc: "2.0", method: "ui/notifications/tool-result", params: results[number]}}, "*");
</script>"""

ACTING = (
    "<!doctype html><html><head><style>p{color:red}</style></head><body><p id=drawn>drawn</p>"
    "<script>parent.postMessage({jsonrpc:'2.0',method:'acted'},'*')</script>"
    "<img src=x onerror=\"parent.postMessage({jsonrpc:'2.0',method:'acted'},'*')\"></body></html>"
)


def test_the_page_shows_a_panel_and_lets_nothing_act(browser: Chrome, tmp_path: Path) -> None:
    panel = panel_page(panel_of(PICTURE, Style(lang="en", tz=zone_of("UTC"))), lang="en")
    refused = {"isError": True, "content": [{"type": "text", "text": "<b>ask again in 10 s</b>"}]}
    results = [{"structuredContent": {"html": panel}, "content": []}, {"structuredContent": {"html": ACTING}}, refused]
    host = tmp_path / "host.html"
    told = json.dumps(results).replace("</", "<\\/")
    host.write_text(HOST.format(page=html.escape(PAGE, quote=True), results=told), "utf-8")
    browser.driver.get(host.as_uri())
    methods = "return heard.map((one) => one.method)"
    browser.sees("return heard.some((one) => one.method === 'ui/notifications/initialized')")

    browser.js("tell(0)")
    browser.sees("return heard.some((one) => one.method === 'ui/notifications/size-changed')")
    size = browser.js("return heard.find((one) => one.method === 'ui/notifications/size-changed').params")
    assert size["height"] > 200
    browser.driver.switch_to.frame("app")
    shown = browser.js("return document.body.innerText")
    assert "Who is positioned" in shown
    assert "Waiting" not in shown
    browser.driver.switch_to.default_content()

    browser.js("tell(1)")
    browser.driver.switch_to.frame("app")
    browser.sees("return document.getElementById('drawn')")
    assert browser.js("return document.querySelectorAll('#page script, #page [src], #page [onerror]').length") == 0
    browser.driver.switch_to.default_content()

    browser.js("tell(2)")
    browser.driver.switch_to.frame("app")
    browser.sees("return document.getElementById('say').textContent === '<b>ask again in 10 s</b>'")
    browser.driver.switch_to.default_content()
    assert browser.js("return app.hasAttribute('sandbox')")
    assert "acted" not in browser.js(methods)
    browser.leaves()
