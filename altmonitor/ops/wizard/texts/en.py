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
    "prompt": "{prompt}: ",
    "prompt_default": "{prompt} [{default}]: ",
    "quoted": "“{text}”",
    "choose": "Number",
    "choose_again": "A number from 1 to {count}, please (or b, q).",
    "yes_no": "[Y/n]",
    "no_yes": "[y/N]",
    "yes_or_no": "y or n, please (or b, q).",
    "go_back": "← back",
    "leave": "quit",
    "arrow_keys": "(arrow keys, then Enter)",
    "telegram_asking": "asking Telegram …",
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
        "Telegram answers, and does not know this token. Copy it from @BotFather again (/mybots → API Token)."
    ),
    "bot_found": "Telegram knows it: @{bot}",
    "other_token": "Another token",
    "webhook_set": (
        "A webhook is set for this bot ({host}): its messages go there, and this program would never see them."
    ),
    "webhook_remove": "Remove that webhook? Whatever uses it will stop working.",
    "webhook_removed": "Webhook removed.",
    "second_poller": (
        "Another program is reading this bot's messages right now (409 Conflict), maybe altmonitor elsewhere.\n"
        "  Only one may. Stop it, or make a bot of its own for this one."
    ),
    "retry_later": "Telegram asks to wait {seconds} s.",
    "trouble_no_network": "Cannot reach Telegram ({host}), nor anything else: there is no network here.",
    "trouble_blocked": (
        "Cannot reach Telegram ({host}) although the network works:\n"
        "  it seems to be blocked here (country, provider or firewall). The token may be right. An http:// proxy helps."
    ),
    "trouble_proxy": "Cannot reach Telegram ({host}) through the proxy {proxy}: is it running, does it let you?",
    "trouble_not_telegram": (
        "Something else answers in place of Telegram ({host}):\n"
        "  a login page of this network, or a proxy – or Telegram has trouble. Open a web page, then try again."
    ),
    "type_proxy": "Use a proxy",
    "proxy_prompt": "Proxy, such as http://127.0.0.1:8080",
    "proxy_wrong": (
        "Not an http proxy address. Such as http://host:8080 or http://user:password@host:8080 (socks cannot be used)."
    ),
    # chat
    "chat_title": "\n— The chat —",
    "chat_known": "Alerts go to: {chat}",
    "chat_known_lost": "TG_CHAT_ID={chat} stands in the file, but: {why}",
    "chat_how": "Where should alerts go?",
    "pair": "Show me a code; I write it where alerts shall go (recommended)",
    "by_hand": "I type the chat id",
    "pair_how": """\
Write this code in the chat that shall get the alerts:    {code}
  to the bot itself:   open https://t.me/{bot}?start={code}, press START
  in a group, a topic: add @{bot} to it, then write     /pair {code}
  in a channel:        make @{bot} administrator, then post   {code}""",
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
    "chat_unknown": "That chat cannot be used: {why}",
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
    "preset_how": "How sensitive should it be? (OI: open interest; /set_pump and others change it in the chat)",
    "preset_line": "{name}: price ±{pump} %, OI {oi_1m} % / {oi_5m} %, volume ×{vol}, cooldown {cooldown} s",
    "preset_known": "Thresholds stand there already: {names}",
    "preset_keep": "Leave as it is",
    "preset_channels": "Channels for others to read, each with a preset; then this question again",
    "channels_now": "Channels now: {names}",
    "channels_none": "none",
    "channel_add": "Add a channel with the preset {name}",
    "channel_which": "What next?",
    "channels_forget": "Forget all channels",
    "channels_done": "Done with channels",
    "channel_how": "Which channel?",
    "channel_is_chat": "That is your own chat; a channel is another one.",
    "preset_budget": "I name a number of alerts a day, thresholds follow",
    "budget_prompt": "About how many alerts a day",
    "budget_wrong": "A whole number from 1 to 1000, please.",
    "live_wins": (
        "Note: thresholds changed in the chat ({names}) stand in {file} and win; /reset there takes them back."
    ),
    # test alert
    "test_title": "\n— A test alert, on the way every alert takes —",
    "test_banner": "Test from the setup: nothing moved",
    "test_sent": "Telegram has taken it. In the chat there is now a message about {symbol}.",
    "test_seen": "Do you see it?",
    "test_where": (
        "Telegram did accept the message. Look for it:\n"
        "  is it another chat or topic than you think, is the chat archived or in a folder, is the app offline?"
    ),
    "test_failed": "It did not get through: {why}",
    # why
    "why_blocked": "Telegram does not let the bot write there: it was blocked. Open the bot, press START.",
    "why_removed": "Telegram does not let the bot write there: it was removed, or never was a member. Add it again.",
    "why_no_chat": "Telegram knows no such chat with this bot in it: press START in the bot, or add it to the group.",
    "why_deactivated": "that account does not exist any more.",
    "why_no_rights": "Telegram does not let the bot write there: give it the right to send messages.",
    "why_topic": "the topic is closed, or does not exist any more.",
    "why_token": "Telegram does not know this token any more: copy it from @BotFather again.",
    "why_second": "another program reads this bot's messages, or a webhook is set.",
    "why_wait": "Telegram asks to wait a moment.",
    "why_no_answer": "Telegram did not answer in time; try again.",
    "why_refused": "Telegram refuses it.",
    "file_full": "the disk is full. Free some space and run this again; the file is as it was.",
    "file_denied": "this user may not write there. Make the folder writable, or name another file with --env-file.",
    "file_mounted": "the file is mounted by itself. Mount its folder instead.",
    "file_no_folder": "its folder does not exist. Create it.",
    "file_is_folder": "that is a folder, not a file. Name a file with --env-file.",
    "file_not_utf8": "the file is not UTF-8 text. Save it as UTF-8.",
    "file_quote": "a quote is opened in the file and not closed. Correct that line, or move the file away.",
    "file_other": "something is in the way; `altmonitor doctor` says what.",
    "settings_wrong": "Not allowed as they stand: {names}. `altmonitor doctor` says what is.",
    # file
    "written": "Written: {file} (readable by you alone)",
    "unchanged": "{file} already says all this.",
    "backup": "  the file as it was: {file}",
    "not_written": "Nothing was written: {why}",
    # the market
    "market_title": "\n— The market —",
    "market_asking": "asking the exchange …",
    "market_list": "Exchange, REST: {count} contracts to watch, answered in {seconds} s",
    "market_empty": "Exchange, REST: {count} contracts, none of which would be watched: check BINANCE_REST_URL",
    "market_region": (
        "Exchange, REST: this address or country is refused.\n"
        "  Run it on a server elsewhere, or through a proxy (HTTPS_PROXY)."
    ),
    "market_blocked": "Exchange, REST: blocked for {seconds} s more. Other programs here use the same budget.",
    "market_no_name": "Exchange, REST: the name {host} is unknown here. Check DNS and the network.",
    "market_refused": "Exchange, REST: {host} refuses the connection. Check the network and the firewall.",
    "market_no_answer": "Exchange, REST: {host} does not answer. Check the network, the firewall, or set HTTPS_PROXY.",
    "market_proxy_no_name": "Exchange, REST: the name of the proxy {proxy} is unknown here. Check HTTPS_PROXY.",
    "market_proxy_refused": "Exchange, REST: the proxy {proxy} refuses the connection. Start it, or check HTTPS_PROXY.",
    "market_proxy_no_answer": "Exchange, REST: the proxy {proxy} does not answer. Start it, or check HTTPS_PROXY.",
    "market_stranger": (
        "Exchange, REST: {host} gives no usable answer:\n"
        "  a login page of this network, a proxy, or the exchange has trouble."
    ),
    "market_candle": "Exchange, candles: a candle of {symbol} came after {seconds} s, {age} s old",
    "market_silent": (
        "Exchange, candles: connected, {count} subscriptions acknowledged, and no candle within {seconds} s.\n"
        "  BINANCE_WS_URL must be the routed address, wss://fstream.binance.com/market"
    ),
    "market_no_stream": "Exchange, candles: no connection to {host} within {seconds} s. Check firewall and proxy.",
    "market_other": "{venue}: {count} contracts to watch, a candle of {symbol} came after {seconds} s",
    "market_other_not": (
        "{venue}: its market does not come in here ({count} contracts known). The others go on. In detail: {doctor}"
    ),
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
    "dashboard_here": "Dashboard: {address}",
    "starting_here": "Starting; alerts go to Telegram. Ctrl-C ends it, `{command}` starts it again.",
    "running": "$ {command}",
    "not_found": "{program} is not installed here: {way_out}",
    "way_out_docker": "https://docs.docker.com/engine/install/",
    "way_out_systemd": "this system does not run systemd; choose another way",
    "way_out_deploy": "deploy.py is not beside setup_wizard.py; get the whole repository",
    "start_failed": (
        "That failed (exit code {code}): {command}\n  See what it says above. Nothing is running because of this."
    ),
    "the_container": "the container",
    "the_service": "the service",
    "the_server": "the server",
    "carry_found": "Set in this shell, not in {file}: {names}. What was tried here used it; {where} will not see it.",
    "carry_ask": "Write it into {file} too?",
    "carry_loopback": (
        "{names}: 127.0.0.1 and localhost mean the container itself in there.\n"
        "  Name an address the container can reach (Docker Desktop: host.docker.internal; Linux: 172.17.0.1)."
    ),
    "carry_certificates": "{names} names a file of this machine, which the container does not have.",
    "docker_other_file": "Docker reads .env beside docker-compose.yml, not {file}.",
    "docker_not_allowed": "This user may not use Docker: sudo usermod -aG docker $USER, then log in again.",
    "docker_not_running": "Docker does not run: sudo systemctl start docker, or start Docker Desktop.",
    "docker_no_compose": "Docker has no `compose` here: install docker-compose-plugin (https://docs.docker.com/compose/).",
    "docker_no_file": "{file} is not in {folder}: get the whole repository (git clone), and run this there.",
    "container_waiting": "waiting until it is well … {seconds} s · {line}",
    "container_no_answer": "Docker does not answer",
    "container_no_data": "no data from the exchange yet, {seconds} s after the start",
    "container_none": "there is no container",
    "container_ended": "the container {service} ended with exit code {code}",
    "container_restarting": "the container {service} ends and is started again, exit code {code}",
    "container_refused": "its settings are refused; correct {file}, then docker compose up -d",
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
