"""Plain questions find their tool by what a client is shown of it; a ranking by words stands in for a model."""

from __future__ import annotations

import math
import re
from collections import Counter

from altmonitor.mcp.tools import tool_rows
from altmonitor.operations.table import OPERATIONS

QUESTIONS = {
    "What is the smart money doing in BTC, are the whales long or short?": "get_smart_money",
    "At which average entry are whales positioned in ETH?": "get_smart_money",
    "What is the long/short ratio of the top traders of SOL by the hour?": "get_top_trader",
    "How much taker buy volume and sell volume was there?": "get_top_trader",
    "How high is the open interest of DOGE now, in USD?": "get_open_interest",
    "Did open interest change over the last 4 hours?": "get_open_interest",
    "Give me everything about the positioning in ETH at once": "get_full_picture",
    "What does it cost me to hold 50,000 USD of BTC for a day, what is the funding rate?": "get_funding",
    "Show me a panel of ETH as a page to look at": "render_panel",
    "Write a Telegram message about who is positioned in SOL": "render_push",
    "How did the positions of smart money in BTC change over the last 60 minutes?": "get_change",
    "Which contracts are most one-sided, extremely long or short?": "scan_extreme",
    "Draw a chart of the tracked positions and whale entries of ETH": "render_chart",
    "Is the share of smart money in profit rising or falling, what is its trend?": "get_profit_trend",
    "Compare BTC and ETH side by side": "compare",
    "Which alerts were raised lately?": "get_alerts",
    "How many alerts were there in the last 24 hours, by kind?": "alert_stats",
    "What followed the alerts, did prices go on afterwards?": "get_outcomes",
    "How many alerts would I get with other thresholds, what if I try pump 4?": "try_thresholds",
    "Why was there no alert for SOL at 12:05?": "why",
    "Which thresholds are in force, what are my settings?": "get_settings",
    "Which contracts moved most in the last 5 minutes in the whole market?": "get_market",
    "Show me the one-minute candles of SOL": "get_candles",
    "Set the pump threshold to 5 percent, change my settings": "set_settings",
}


def words(text: str) -> list[str]:
    found = re.findall(r"[a-z]+|\d+", text.lower())
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in found]


def test_twenty_plain_questions_find_their_tool_by_its_description() -> None:
    tools = {name: one.tool for name, one in tool_rows(OPERATIONS, allow_writes=True).items()}
    shown = {name: Counter(words(f"{name} {name} {tool.description}")) for name, tool in tools.items()}
    in_tools = Counter(word for found in shown.values() for word in found)

    def weight(word: str) -> float:
        return math.log(1 + len(tools) / in_tools[word]) if word in in_tools else 0.0

    def score(question: str, name: str) -> float:
        found = shown[name]
        length = math.sqrt(sum((weight(word) * min(count, 2)) ** 2 for word, count in found.items()))
        return sum(weight(word) ** 2 * min(found[word], 2) for word in set(words(question))) / length

    wrong = {}
    for question, wanted in QUESTIONS.items():
        ranked = sorted(tools, key=lambda name: -score(question, name))
        if ranked[0] != wanted:
            wrong[question] = (wanted, ranked[:3])
    assert wrong == {}
    assert len(QUESTIONS) >= 20
