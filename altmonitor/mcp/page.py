"""The MCP App: one page in the client's frame that shows what render_panel and render_chart drew. It loads nothing."""

from __future__ import annotations

from typing import Final

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>altmonitor</title>
<style>body{margin:0;font:14px/1.5 system-ui,sans-serif}#say{padding:12px}</style></head>
<body><div id="say" role="status">Waiting for the numbers …</div><div id="page"></div>
<script>
"use strict";
const say = document.getElementById("say"), page = document.getElementById("page");
let next = 1;
const send = (message) => parent.postMessage({jsonrpc: "2.0", ...message}, "*");

// Ours was escaped where it was written; still nothing that acts is taken over.
function show(html) {
  const drawn = new DOMParser().parseFromString(html, "text/html");
  for (const one of drawn.querySelectorAll("script,iframe,object,embed,link,base,meta,form")) one.remove();
  for (const one of drawn.querySelectorAll("*"))
    for (const name of one.getAttributeNames())
      if (/^on|^(src|href|xlink:href|srcdoc|action)$/i.test(name)) one.removeAttribute(name);
  page.replaceChildren(...drawn.querySelectorAll("style"), ...drawn.body.childNodes);
  say.hidden = true;
  const {width, height} = document.documentElement.getBoundingClientRect();
  send({method: "ui/notifications/size-changed", params: {width: Math.ceil(width), height: Math.ceil(height)}});
}

function told(result) {
  const values = result && result.structuredContent;
  if (values && typeof values.html === "string") { show(values.html); return; }
  const text = result && result.content && result.content.find((one) => one.type === "text");
  page.replaceChildren();
  say.hidden = false;
  say.textContent = text ? text.text : "There is nothing to show.";
}

addEventListener("message", (event) => {
  if (event.source !== parent || !event.data || event.data.jsonrpc !== "2.0") return;
  const {id, method, params, result} = event.data;
  if (id === 1 && result) send({method: "ui/notifications/initialized", params: {}});
  else if (method === "ui/notifications/tool-result") told(params);
  else if (method === "ui/notifications/tool-cancelled") say.textContent = "The call was cancelled.";
  else if (method && id !== undefined) send({id, result: {}});
});
send({id: next++, method: "ui/initialize", params: {protocolVersion: "2026-01-26", appCapabilities: {},
  appInfo: {name: "altmonitor", version: "1"}}});
</script></body></html>
"""
