"""The wizard in English."""

TEXTS = {
    "welcome": "altmonitor setup. At every question: b = back, q = quit; Enter takes what stands in [ ].",
    "no_terminal": """\
The setup asks questions and needs a terminal. Without one, do this by hand:
  1. write to @BotFather in Telegram, send /newbot, and copy the token it gives you
  2. write any message to your new bot, and find your chat id (for instance with @userinfobot)
  3. put both into {file}, readable by you alone (chmod 600):
       TG_BOT_TOKEN=123456:ABC…
       TG_CHAT_ID=123456789
  4. altmonitor doctor   says whether everything is right
  5. altmonitor run""",
    "choose": "Number",
    "choose_again": "A number from 1 to {count}, please (or b, q).",
    "yes_no": "[Y/n]",
    "no_yes": "[y/N]",
    "yes_or_no": "y or n, please (or b, q).",
    "go_back": "← back",
    "leave": "quit",
    "keep": "Keep it?",
    "go_on": "How do you want to go on?",
    "try_again": "Try again",
    "go_on_anyway": "Go on all the same",
    "alerts_in_english": "This setup speaks your language; the alerts come in English.",
    "environment_wins": "{name} is set in the environment of this shell and wins over the file there.",
    # token
    "token_title": "\n— The bot —",
    "token_known": "There is a bot token already: {token}",
    "token_how": "In Telegram, write /newbot to @BotFather (https://t.me/BotFather), choose a name, copy the token.",
    "token_prompt": "Paste the token (it stays invisible)",
    "token_nothing": "Nothing arrived. Paste the token and press Enter.",
    "token_shape": "That is no token ({count} characters). One looks like 123456789:AAF… – digits, a colon, 35 signs.",
    "token_seen": "Got {token}",
    "token_refused": (
        "Telegram answers, and does not know this token. Copy it from @BotFather again (/mybots → API\n  Token)."
    ),
    "bot_found": "Telegram knows it: @{bot}",
    "other_token": "Another token",
    "webhook_set": (
        "A webhook is set for this bot ({host}): its messages go there, and this program would never see\n  them."
    ),
    "webhook_remove": "Remove that webhook? Whatever uses it will stop working.",
    "webhook_removed": "Webhook removed.",
    "second_poller": (
        "Another program is reading this bot's messages right now (409 Conflict), maybe altmonitor elsewhere.\n"
        "  Only one may. Stop it, or make a bot of its own for this one."
    ),
    "retry_later": "Telegram asks to wait {seconds} s.",
    "trouble_no_network": "Cannot reach Telegram ({host}), nor anything else: there is no network here. {said}",
    "trouble_blocked": (
        "Cannot reach Telegram ({host}) although the network works: it seems to be blocked here (country, provider or\n"
        "  firewall). The token may well be right. A proxy helps: an http:// one. {said}"
    ),
    "trouble_proxy": "Cannot reach Telegram ({host}) through the proxy {proxy}: is it running, does it let you? {said}",
    "trouble_not_telegram": (
        "Something else answers in place of Telegram ({host}): a login page of this network, or a proxy – or Telegram\n"
        "  has trouble. Open a web page in a browser, then try again."
    ),
    "type_proxy": "Use a proxy",
    "proxy_prompt": "Proxy, such as http://127.0.0.1:8080",
    "proxy_wrong": (
        "Not an http proxy address. Such as http://host:8080 or http://user:password@host:8080 (socks\n  "
        "cannot be used)."
    ),
    # chat
    "chat_title": "\n— The chat —",
    "chat_known": "Alerts go to: {chat}",
    "chat_known_lost": "TG_CHAT_ID={chat} stands in the file, but: {why}",
    "chat_how": "Where should alerts go?",
    "pair": "Show me a code; I write it in the chat that shall get the alerts (recommended)",
    "by_hand": "I type the chat id",
    "pair_how": """\
Write this code in the chat that shall get the alerts:    {code}
  to the bot itself:   https://t.me/{bot}?start={code}   and press START, or send it the code
  in a group, a topic: add @{bot} to it, then write     /pair {code}
  in a channel:        make @{bot} administrator (post messages), then post   {code}""",
    "waiting": "waiting for the code … {seconds} s (Enter stops waiting) ",
    "strangers": "{count} message(s) without the code were ignored. Somebody else may know this bot; they get nothing.",
    "no_code": "The code was not seen. In a group, is @{bot} a member, and did the message begin with /pair ?",
    "several_claims": "The code was written in more than one place.",
    "which_chat": "Which one gets the alerts?",
    "claim_right": "Found: {chat}, written by {who}. Is that right?",
    "chat_right": "Found: {chat}. Is that right?",
    "also_commands": "May commands be written in {chat} as well?",
    "nobody_named": "the chat itself",
    "chat_id_prompt": "Chat id, such as 123456789, -1001234567890, -1001234567890/42 (topic) or @channel",
    "chat_id_wrong": "Not a chat id: a whole number, with /topic for a forum topic, or @name.",
    "chat_is_bot": "That is the bot's own id. Yours is another: choose the code, it finds it.",
    "chat_unknown": "Telegram says: {why}",
    "chat_moved": "The group has become a supergroup, its id is now {chat}.",
    "cannot_write": "The bot cannot write there: {why}",
    "can_write": "The bot may write there.",
    "no_right_channel": "make it administrator of the channel, with the right to post messages",
    "no_right_group": "it is not a member, or may not send messages: add it to the group, or give it that right",
    "other_chat": "Another chat",
    "who_commands": "Several people write there. Who may change settings by commands?",
    "only_me": "Only I, who wrote the code",
    "administrators": "Everybody may ask, only administrators may change settings",
    "everybody": "Everybody in that chat",
    "kind_private": "private chat",
    "kind_group": "group",
    "kind_supergroup": "group",
    "kind_channel": "channel",
    "kind": "chat",
    "topic": "topic {number}",
    # thresholds
    "preset_title": "\n— How many alerts —",
    "preset_how": "How sensitive should it be? (in the chat, /set_pump and others change it at any time)",
    "preset_line": "{name}: price ±{pump} %, OI {oi_1m} % / {oi_5m} %, volume ×{vol}, cooldown {cooldown} s",
    "preset_known": "Thresholds stand there already: {names}",
    "preset_keep": "Leave as it is",
    "preset_budget": "I name a number of alerts a day, thresholds follow",
    "budget_prompt": "About how many alerts a day",
    "budget_wrong": "A whole number from 1 to 1000, please.",
    "live_wins": (
        "Note: thresholds changed in the chat ({names}) stand in {file} and win; /reset there takes them\n  back."
    ),
    # test alert
    "test_title": "\n— A test alert, on the way every alert takes —",
    "test_banner": "Test from the setup: nothing moved",
    "test_sent": "Telegram has taken it. In the chat there is now a message about {symbol}.",
    "test_seen": "Do you see it?",
    "test_where": (
        "Telegram did accept the message. Look for it: is it another chat or topic than you think, is the chat\n"
        "  archived or in a folder, is the app offline?"
    ),
    "test_failed": "It did not get through: {why}",
    # file
    "written": "Written: {file} (readable by you alone)",
    "unchanged": "{file} already says all this.",
    "backup": "  the file as it was: {file}",
    "not_written": "Nothing was written: {why}",
    # the market
    "market_title": "\n— The market —",
    "market_trouble": "Alerts will not come until that is solved. Everything in detail: {doctor}",
    # start
    "start_title": "\n— Start —",
    "start_how": "Where should it run?",
    "here": "Here, in this terminal (Ctrl-C ends it)",
    "docker": "In Docker on this machine (docker compose up -d)",
    "systemd": "As a service of this machine (systemd), also after a reboot",
    "remove_systemd": "Remove the service from this machine",
    "server": "On my server, over SSH (deploy.py)",
    "demo": "Show me the demo first (simulated market, here)",
    "later": "Not now",
    "starting_here": "Starting; alerts go to Telegram. Ctrl-C ends it, `{command}` starts it again.",
    "running": "$ {command}",
    "not_found": "{program} is not installed here: {way_out}",
    "way_out_docker": "https://docs.docker.com/engine/install/",
    "way_out_systemd": "this system does not run systemd; choose another way",
    "way_out_deploy": "deploy.py is not beside setup_wizard.py; get the whole repository",
    "start_failed": (
        "That failed (exit code {code}): {command}\n  See what it says above. Nothing is running because\n  of this."
    ),
    "started_well": "It runs. {line}",
    "started_not_well": "It was started, but is not well after {seconds} s: {line}\n  {logs}",
    "logs_docker": "docker compose logs   says why",
    "logs_systemd": "journalctl -u altmonitor -n 50   says why",
    "service_removed": "The service is stopped and removed; alerts and settings were left in place.",
    "later_how": "Start it with:  {command}\nCheck it with:  {doctor}",
    # end
    "quit_nothing": "Stopped. Nothing was written.",
    "quit_written": "Stopped. {file} is written; run the setup again to start, or: {command}",
}
