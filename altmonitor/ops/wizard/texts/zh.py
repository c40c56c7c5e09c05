"""The wizard in Chinese."""

TEXTS = {
    "welcome": "altmonitor 安装向导。每一步都可以输入：b = 返回，q = 退出；直接回车采用 [ ] 中的值。",
    "no_terminal": """\
安装向导需要在终端里提问。没有终端时请手动完成：
  1. 在 Telegram 中联系 @BotFather，发送 /newbot，复制它给出的 token
  2. 给新机器人发任意一条消息，并查到自己的 chat id（例如用 @userinfobot）
  3. 把两者写入 {file}，仅本人可读（chmod 600）：
       TG_BOT_TOKEN=123456:ABC…
       TG_CHAT_ID=123456789
  4. altmonitor doctor   检查是否一切就绪
  5. altmonitor run""",
    "choose": "编号",
    "choose_again": "请输入 1 到 {count} 之间的数字（或 b、q）。",
    "yes_no": "[Y/n]",
    "no_yes": "[y/N]",
    "yes_or_no": "请输入 y 或 n（或 b、q）。",
    "go_back": "← 返回",
    "leave": "退出",
    "keep": "保留吗？",
    "go_on": "接下来怎么做？",
    "try_again": "重试",
    "go_on_anyway": "仍然继续",
    "alerts_in_english": "向导使用你的语言；告警消息为英文。",
    "environment_wins": "当前 shell 的环境变量中设置了 {name}，运行时它优先于文件中的值。",
    # token
    "token_title": "\n— 机器人 —",
    "token_known": "已有机器人 token：{token}",
    "token_how": "在 Telegram 中给 @BotFather（https://t.me/BotFather）发送 /newbot，取名后复制 token。",
    "token_prompt": "粘贴 token（不会显示）",
    "token_nothing": "没有收到内容。请粘贴 token 后按回车。",
    "token_shape": "这不是 token（{count} 个字符）。正确的形如 123456789:AAF… ：数字、冒号、35 个字符。",
    "token_seen": "已收到 {token}",
    "token_refused": "Telegram 有应答，但不认识这个 token。请在 @BotFather 重新复制（/mybots → API Token）。",
    "bot_found": "Telegram 已确认：@{bot}",
    "other_token": "换一个 token",
    "webhook_set": "该机器人设置了 webhook（{host}）：消息会发往那里，本程序收不到。",
    "webhook_remove": "删除该 webhook？使用它的程序将停止工作。",
    "webhook_removed": "webhook 已删除。",
    "second_poller": (
        "另一个程序正在读取这个机器人的消息（409 Conflict），也许是另一台机器上的 altmonitor。\n"
        "  只能有一个。请停掉它，或为本程序另建一个机器人。"
    ),
    "retry_later": "Telegram 要求等待 {seconds} 秒。",
    "trouble_no_network": "无法连接 Telegram（{host}），其他地址也不通：这里没有网络。{said}",
    "trouble_blocked": (
        "网络可用，但无法连接 Telegram（{host}）：看来在这里被屏蔽（国家、运营商或防火墙）。\n"
        "  token 可能没有问题。可以使用 http:// 代理。{said}"
    ),
    "trouble_proxy": "通过代理 {proxy} 无法连接 Telegram（{host}）：代理在运行吗？允许你使用吗？{said}",
    "trouble_not_telegram": (
        "应答的不是 Telegram（{host}）：可能是网络登录页或代理，也可能 Telegram 出了故障。\n"
        "  请先在浏览器中打开一个网页，再重试。"
    ),
    "type_proxy": "使用代理",
    "proxy_prompt": "代理地址，例如 http://127.0.0.1:8080",
    "proxy_wrong": "不是 http 代理地址。例如 http://host:8080 或 http://user:password@host:8080（不支持 socks）。",
    # chat
    "chat_title": "\n— 聊天 —",
    "chat_known": "告警发往：{chat}",
    "chat_known_lost": "文件中有 TG_CHAT_ID={chat}，但是：{why}",
    "chat_how": "告警发到哪里？",
    "pair": "显示配对码，我在接收告警的聊天中写出它（推荐）",
    "by_hand": "手动输入 chat id",
    "pair_how": """\
请在接收告警的聊天中写出此配对码：    {code}
  发给机器人本身：   https://t.me/{bot}?start={code}   点 START，或直接发送配对码
  在群组或话题中：   先把 @{bot} 加入，再写          /pair {code}
  在频道中：         把 @{bot} 设为管理员（可发消息），再发布   {code}""",
    "waiting": "等待配对码 … {seconds} 秒（按回车停止等待） ",
    "strangers": "已忽略 {count} 条没有配对码的消息。可能有他人知道这个机器人；他们得不到任何东西。",
    "no_code": "没有看到配对码。若在群组中：@{bot} 是成员吗？消息是否以 /pair 开头？",
    "several_claims": "配对码出现在多个地方。",
    "which_chat": "哪一个接收告警？",
    "claim_right": "找到：{chat}，由 {who} 写出。对吗？",
    "chat_right": "找到：{chat}。对吗？",
    "also_commands": "{chat} 中也可以发送命令吗？",
    "nobody_named": "聊天本身",
    "chat_id_prompt": "chat id，例如 123456789、-1001234567890、-1001234567890/42（话题）或 @channel",
    "chat_id_wrong": "不是 chat id：应为整数，话题写作 id/话题，或 @名称。",
    "chat_is_bot": "这是机器人自己的 id。你的不同：请选择配对码，它会自动找到。",
    "chat_unknown": "Telegram 答复：{why}",
    "chat_moved": "该群组已升级为超级群组，新 id 为 {chat}。",
    "cannot_write": "机器人无法在那里发消息：{why}",
    "can_write": "机器人可以在那里发消息。",
    "no_right_channel": "请把它设为频道管理员，并允许发布消息",
    "no_right_group": "它不是成员，或无权发消息：请把它加入群组，或给它该权限",
    "other_chat": "换一个聊天",
    "who_commands": "那里有多人发言。谁可以用命令修改设置？",
    "only_me": "只有写出配对码的我",
    "administrators": "所有人可以查询，只有管理员可以更改设置",
    "everybody": "该聊天中的所有人",
    "kind_private": "私聊",
    "kind_group": "群组",
    "kind_supergroup": "群组",
    "kind_channel": "频道",
    "kind": "聊天",
    "topic": "话题 {number}",
    # thresholds
    "preset_title": "\n— 告警数量 —",
    "preset_how": "灵敏度如何？（之后可随时在聊天中用 /set_pump 等命令修改）",
    "preset_line": "{name}：价格 ±{pump} %，OI {oi_1m} % / {oi_5m} %，成交量 ×{vol}，冷却 {cooldown} 秒",
    "preset_known": "文件中已有阈值：{names}",
    "preset_keep": "保持现状",
    "preset_budget": "我给出每天的告警数量，阈值随之调整",
    "budget_prompt": "每天大约多少条告警",
    "budget_wrong": "请输入 1 到 1000 的整数。",
    "live_wins": "注意：聊天中改过的阈值（{names}）保存在 {file} 中并优先生效；在聊天中用 /reset 撤销。",
    # test alert
    "test_title": "\n— 测试告警，走与真实告警相同的路径 —",
    "test_banner": "来自安装向导的测试：并无行情变动",
    "test_sent": "Telegram 已接收。聊天中现在有一条关于 {symbol} 的消息。",
    "test_seen": "看到了吗？",
    "test_where": "Telegram 确实接收了消息。请检查：是否是另一个聊天或话题，聊天是否被归档或在文件夹中，应用是否离线？",
    "test_failed": "没有送达：{why}",
    # file
    "written": "已写入：{file}（仅本人可读）",
    "unchanged": "{file} 内容已是如此。",
    "backup": "  原文件保存为：{file}",
    "not_written": "没有写入任何内容：{why}",
    # the market
    "market_title": "\n— 行情 —",
    "market_trouble": "解决之前不会有告警。详细检查：{doctor}",
    # start
    "start_title": "\n— 启动 —",
    "start_how": "在哪里运行？",
    "here": "就在此终端（Ctrl-C 结束）",
    "docker": "本机 Docker（docker compose up -d）",
    "systemd": "作为本机服务（systemd），重启后也会运行",
    "remove_systemd": "从本机移除该服务",
    "server": "在我的服务器上，通过 SSH（deploy.py）",
    "demo": "先看演示（模拟行情，就在此处）",
    "later": "以后再说",
    "starting_here": "正在启动；告警将发往 Telegram。Ctrl-C 结束，`{command}` 再次启动。",
    "running": "$ {command}",
    "not_found": "这里没有安装 {program}：{way_out}",
    "way_out_docker": "https://docs.docker.com/engine/install/",
    "way_out_systemd": "本系统没有运行 systemd；请选择其他方式",
    "way_out_deploy": "deploy.py 不在 setup_wizard.py 旁边；请获取完整的仓库",
    "start_failed": "失败（退出码 {code}）：{command}\n  原因见上方输出。没有因此启动任何程序。",
    "started_well": "已在运行。{line}",
    "started_not_well": "已启动，但 {seconds} 秒后仍不正常：{line}\n  {logs}",
    "logs_docker": "原因见：docker compose logs",
    "logs_systemd": "原因见：journalctl -u altmonitor -n 50",
    "service_removed": "服务已停止并移除；告警与设置保留在原处。",
    "later_how": "启动：  {command}\n检查：  {doctor}",
    # end
    "quit_nothing": "已停止。没有写入任何内容。",
    "quit_written": "已停止。{file} 已写入；再次运行向导即可启动，或：{command}",
}
