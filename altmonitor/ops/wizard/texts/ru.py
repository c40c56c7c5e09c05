"""The wizard in Russian."""

TEXTS = {
    "welcome": "Настройка altmonitor. На каждом вопросе: b = назад, q = выход; Enter берёт то, что в [ ].",
    "no_terminal": """\
Мастер настройки задаёт вопросы, ему нужен терминал. Без него сделайте вручную:
  1. напишите @BotFather в Telegram /newbot и скопируйте токен
  2. напишите новому боту любое сообщение и узнайте свой chat id (например, у @userinfobot)
  3. запишите оба в {file}, доступный только вам (chmod 600):
       TG_BOT_TOKEN=123456:ABC…
       TG_CHAT_ID=123456789
  4. altmonitor doctor   проверит, всё ли в порядке
  5. altmonitor run""",
    "prompt": "{prompt}: ",
    "prompt_default": "{prompt} [{default}]: ",
    "quoted": "«{text}»",
    "choose": "Номер",
    "choose_again": "Число от 1 до {count}, пожалуйста (или b, q).",
    "yes_no": "[Д/н]",
    "no_yes": "[д/Н]",
    "yes_or_no": "д или н, пожалуйста (или b, q).",
    "go_back": "← назад",
    "leave": "выход",
    "arrow_keys": "(стрелки, затем Enter)",
    "telegram_asking": "спрашиваю Telegram …",
    "keep": "Оставить?",
    "go_on": "Как продолжить?",
    "try_again": "Попробовать ещё раз",
    "go_on_anyway": "Всё равно продолжить",
    "alerts_in_english": "Мастер говорит на вашем языке; сами алерты приходят на английском.",
    "environment_wins": "{name} задана в окружении этой оболочки: при запуске она важнее файла.",
    # token
    "token_title": "\n— Бот —",
    "token_known": "Токен бота уже есть: {token}",
    "token_how": "В Telegram напишите /newbot боту @BotFather (https://t.me/BotFather), дайте имя, скопируйте токен.",
    "token_prompt": "Вставьте токен (он не виден)",
    "token_nothing": "Ничего не пришло. Вставьте токен и нажмите Enter.",
    "token_shape": "Это не токен (знаков: {count}). Он выглядит так: 123456789:AAF… – цифры, двоеточие, 35 знаков.",
    "token_seen": "Получен {token}",
    "token_refused": (
        "Telegram отвечает, но не знает этого токена. Скопируйте его у @BotFather снова (/mybots → API Token)."
    ),
    "bot_found": "Telegram знает его: @{bot}",
    "other_token": "Другой токен",
    "webhook_set": "У бота стоит webhook ({host}): сообщения уходят туда, эта программа их не увидит.",
    "webhook_remove": "Снять webhook? То, что им пользуется, перестанет работать.",
    "webhook_removed": "Webhook снят.",
    "second_poller": (
        "Сообщения этого бота сейчас читает другая программа (409 Conflict), возможно, altmonitor на другой машине.\n"
        "  Читать может только одна. Остановите ту или заведите для этой отдельного бота."
    ),
    "retry_later": "Telegram просит подождать {seconds} с.",
    "trouble_no_network": "Нет связи ни с Telegram ({host}), ни с чем-либо ещё: здесь нет сети.",
    "trouble_blocked": (
        "Нет связи с Telegram ({host}), хотя сеть работает:\n"
        "  похоже, он здесь заблокирован (страна, провайдер, экран). Токен может быть верным. Поможет прокси."
    ),
    "trouble_proxy": "Нет связи с Telegram ({host}) через прокси {proxy}: он работает, пускает вас?",
    "trouble_not_telegram": (
        "Вместо Telegram ({host}) отвечает что-то другое: страница входа в сеть, прокси – или у Telegram неполадки.\n"
        "  Откройте любую страницу в браузере и попробуйте снова."
    ),
    "type_proxy": "Использовать прокси",
    "proxy_prompt": "Прокси, например http://127.0.0.1:8080",
    "proxy_wrong": (
        "Это не адрес http-прокси. Например http://host:8080 или http://user:password@host:8080 (socks не подходит)."
    ),
    # chat
    "chat_title": "\n— Чат —",
    "chat_known": "Алерты идут сюда: {chat}",
    "chat_known_lost": "В файле стоит TG_CHAT_ID={chat}, но: {why}",
    "chat_how": "Куда слать алерты?",
    "pair": "Покажите код, я напишу его в нужном чате (рекомендуется)",
    "by_hand": "Введу chat id сам",
    "pair_how": """\
Напишите этот код в чате, который должен получать алерты:    {code}
  самому боту:         откройте https://t.me/{bot}?start={code} → START
  в группе или теме:   добавьте @{bot}, затем напишите   /pair {code}
  в канале:            @{bot} – администратор, затем опубликуйте   {code}""",
    "waiting": "жду код … {seconds} с (Enter – больше не ждать) ",
    "strangers": "Сообщений без кода пропущено: {count}. Возможно, бота знает кто-то ещё; он ничего не получит.",
    "no_code": "Код не замечен. Если это группа: @{bot} в ней состоит, сообщение начиналось с /pair ?",
    "several_claims": "Код написан больше чем в одном месте.",
    "which_chat": "Куда слать алерты?",
    "claim_right": "Найдено: {chat}, написал(а) {who}. Верно?",
    "chat_right": "Найдено: {chat}. Верно?",
    "also_commands": "Можно ли писать команды и здесь: {chat}?",
    "nobody_named": "сам чат",
    "chat_id_prompt": "Chat id, например 123456789, -1001234567890, -1001234567890/42 (тема) или @channel",
    "chat_id_wrong": "Это не chat id: целое число, для темы форума id/тема, или @имя.",
    "chat_is_bot": "Это id самого бота. Ваш другой: выберите код, он найдёт его.",
    "chat_unknown": "Этот чат не подходит: {why}",
    "chat_moved": "Группа стала супергруппой, её id теперь {chat}.",
    "cannot_write": "Бот не может писать туда: {why}",
    "can_write": "Бот может писать туда.",
    "no_right_channel": "сделайте его администратором канала с правом публиковать сообщения",
    "no_right_group": "он не участник или не может отправлять сообщения: добавьте его в группу или дайте это право",
    "other_chat": "Другой чат",
    "who_commands": "Там пишут несколько человек. Кто может менять настройки командами?",
    "only_me": "Только я, написавший код",
    "administrators": "Спрашивать могут все, менять настройки – только администраторы",
    "everybody": "Все в этом чате",
    "kind_private": "личный чат",
    "kind_group": "группа",
    "kind_supergroup": "группа",
    "kind_channel": "канал",
    "kind": "чат",
    "topic": "тема {number}",
    # thresholds
    "preset_title": "\n— Сколько алертов —",
    "preset_how": "Насколько чувствительно? (OI – открытый интерес; в чате это меняют /set_pump и другие)",
    "preset_line": "{name}: цена ±{pump} %, OI {oi_1m} % / {oi_5m} %, объём ×{vol}, пауза {cooldown} с",
    "preset_known": "Пороги уже стоят: {names}",
    "preset_keep": "Оставить как есть",
    "preset_channels": "Каналы для других читателей, у каждого свой набор; потом снова этот вопрос",
    "channels_now": "Каналы сейчас: {names}",
    "channels_none": "нет",
    "channel_add": "Добавить канал с набором {name}",
    "channel_which": "Что дальше?",
    "channels_forget": "Убрать все каналы",
    "channels_done": "С каналами всё",
    "channel_how": "Какой канал?",
    "channel_is_chat": "Это ваш собственный чат; канал должен быть другим.",
    "preset_budget": "Назову число алертов в день, пороги подстроятся",
    "budget_prompt": "Сколько примерно алертов в день",
    "budget_wrong": "Целое число от 1 до 1000, пожалуйста.",
    "live_wins": (
        "Внимание: пороги, изменённые в чате ({names}), хранятся в {file} и важнее; /reset в чате их отменяет."
    ),
    # test alert
    "test_title": "\n— Пробный алерт тем же путём, каким идёт каждый —",
    "test_banner": "Проверка из мастера настройки: на рынке ничего не произошло",
    "test_sent": "Telegram принял. В чате теперь есть сообщение про {symbol}.",
    "test_seen": "Видите его?",
    "test_where": (
        "Telegram принял сообщение. Поищите:\n"
        "  не другой ли это чат или тема, не в архиве ли чат, не в папке ли, не без сети ли приложение?"
    ),
    "test_failed": "Не дошло: {why}",
    # why
    "why_blocked": "Telegram не даёт боту писать туда: человек заблокировал его. Откройте бота и нажмите START.",
    "why_removed": "Telegram не даёт боту писать туда: его удалили или он не был участником. Добавьте его снова.",
    "why_no_chat": "Telegram не знает этого чата или бота в нём: нажмите START у бота или добавьте его в группу.",
    "why_deactivated": "этого аккаунта больше нет.",
    "why_no_rights": "Telegram не даёт боту писать туда: дайте ему право отправлять сообщения.",
    "why_topic": "тема закрыта или её больше нет.",
    "why_token": "Telegram больше не знает этого токена: скопируйте его у @BotFather снова.",
    "why_second": "сообщения этого бота читает другая программа, или у него стоит webhook.",
    "why_wait": "Telegram просит немного подождать.",
    "why_no_answer": "Telegram не ответил вовремя; попробуйте ещё раз.",
    "why_refused": "Telegram это не принимает.",
    "file_full": "диск полон. Освободите место и запустите снова; файл остался прежним.",
    "file_denied": "у вас нет права писать туда. Разрешите запись в папку или укажите другой файл: --env-file.",
    "file_mounted": "файл смонтирован отдельно. Смонтируйте его папку.",
    "file_no_folder": "его папки нет. Создайте её.",
    "file_is_folder": "это папка, а не файл. Укажите файл: --env-file.",
    "file_not_utf8": "файл не в кодировке UTF-8. Сохраните его в UTF-8.",
    "file_quote": "в файле открыта и не закрыта кавычка. Исправьте строку или уберите файл.",
    "file_other": "что-то мешает; что именно, скажет `altmonitor doctor`.",
    "settings_wrong": "Недопустимые значения: {names}. Что допустимо, скажет `altmonitor doctor`.",
    # file
    "written": "Записано: {file} (доступен только вам)",
    "unchanged": "В {file} всё это уже стоит.",
    "backup": "  прежний файл: {file}",
    "not_written": "Ничего не записано: {why}",
    # the market
    "market_title": "\n— Рынок —",
    "market_asking": "спрашиваю биржу …",
    "market_list": "Биржа, REST: контрактов для наблюдения {count}, ответ за {seconds} с",
    "market_empty": "Биржа, REST: контрактов {count}, и ни один не подходит: проверьте BINANCE_REST_URL",
    "market_region": (
        "Биржа, REST: отказ этому адресу или этой стране.\n"
        "  Запускайте на сервере в другом месте или через прокси (HTTPS_PROXY)."
    ),
    "market_blocked": "Биржа, REST: запрет ещё на {seconds} с. Другие программы этого адреса делят тот же лимит.",
    "market_no_name": "Биржа, REST: имя {host} здесь неизвестно. Проверьте DNS и сеть.",
    "market_refused": "Биржа, REST: {host} не принимает соединение. Проверьте сеть и межсетевой экран.",
    "market_no_answer": "Биржа, REST: {host} не отвечает. Проверьте сеть, межсетевой экран или задайте HTTPS_PROXY.",
    "market_proxy_no_name": "Биржа, REST: имя прокси {proxy} здесь неизвестно. Проверьте HTTPS_PROXY.",
    "market_proxy_refused": "Биржа, REST: прокси {proxy} не принимает соединение. Проверьте HTTPS_PROXY.",
    "market_proxy_no_answer": "Биржа, REST: прокси {proxy} не отвечает. Запустите его или проверьте HTTPS_PROXY.",
    "market_stranger": ("Биржа, REST: {host} отвечает не то: страница входа в сеть, прокси – или у биржи неполадки."),
    "market_candle": "Биржа, свечи: свеча {symbol} пришла через {seconds} с, ей {age} с",
    "market_silent": (
        "Биржа, свечи: соединение есть, подписок подтверждено {count}, но ни одной свечи за {seconds} с.\n"
        "  BINANCE_WS_URL должен быть маршрутизируемым: wss://fstream.binance.com/market"
    ),
    "market_no_stream": "Биржа, свечи: нет соединения с {host} за {seconds} с. Проверьте межсетевой экран и прокси.",
    "market_other": "{venue}: контрактов для наблюдения {count}, свеча {symbol} пришла через {seconds} с",
    "market_other_not": (
        "{venue}: рынок сюда не приходит (контрактов известно: {count}). Остальных это не касается. Подробно: {doctor}"
    ),
    "market_trouble": "Пока это не решено, алертов не будет. Подробно: {doctor}",
    # start
    "start_title": "\n— Запуск —",
    "start_how": "Где запускать?",
    "here": "Здесь, в этом терминале (Ctrl-C завершает)",
    "docker": "В Docker на этой машине (docker compose up -d)",
    "systemd": "Службой этой машины (systemd), и после перезагрузки",
    "remove_systemd": "Убрать службу с этой машины",
    "server": "На моём сервере, по SSH (deploy.py)",
    "demo": "Сначала показать демо (учебный рынок, здесь)",
    "later": "Не сейчас",
    "dashboard_here": "Страницы в браузере: {address}",
    "starting_here": "Запускаю; алерты идут в Telegram. Ctrl-C завершает, `{command}` запускает снова.",
    "running": "$ {command}",
    "not_found": "{program} здесь не установлен: {way_out}",
    "way_out_docker": "https://docs.docker.com/engine/install/",
    "way_out_systemd": "здесь нет systemd; выберите другой способ",
    "way_out_deploy": "deploy.py нет рядом с setup_wizard.py; возьмите весь репозиторий",
    "start_failed": "Не вышло (код {code}): {command}\n  Причина выше. Из-за этого ничего не запущено.",
    "the_container": "контейнер",
    "the_service": "служба",
    "the_server": "сервер",
    "carry_found": "Задано в этой оболочке, но не в {file}: {names}. Проверка шла с этим; {where} этого не увидит.",
    "carry_ask": "Записать и в {file}?",
    "carry_loopback": (
        "{names}: 127.0.0.1 и localhost внутри контейнера – это сам контейнер.\n"
        "  Укажите адрес, доступный контейнеру (Docker Desktop: host.docker.internal; Linux: 172.17.0.1)."
    ),
    "carry_certificates": "{names} указывает на файл этой машины, которого в контейнере нет.",
    "docker_other_file": "Docker читает .env рядом с docker-compose.yml, а не {file}.",
    "docker_not_allowed": "Вам нельзя пользоваться Docker: sudo usermod -aG docker $USER, затем войдите заново.",
    "docker_not_running": "Docker не запущен: sudo systemctl start docker или запустите Docker Desktop.",
    "docker_no_compose": "У Docker нет `compose`: установите docker-compose-plugin (https://docs.docker.com/compose/).",
    "docker_no_file": "{file} нет в {folder}: возьмите весь репозиторий (git clone) и запустите там.",
    "container_waiting": "жду, пока заработает … {seconds} с · {line}",
    "container_no_answer": "Docker не отвечает",
    "container_no_data": "данных с биржи ещё нет, {seconds} с после старта",
    "container_none": "контейнера нет",
    "container_ended": "контейнер {service} завершился, код {code}",
    "container_restarting": "контейнер {service} завершается и запускается снова, код {code}",
    "container_refused": "настройки не приняты; исправьте {file}, затем docker compose up -d",
    "started_well": "Работает. {line}",
    "started_not_well": "Запущено, но через {seconds} с не в порядке: {line}\n  {logs}",
    "logs_docker": "Причина: docker compose logs",
    "logs_systemd": "Причина: journalctl -u altmonitor -n 50",
    "service_removed": "Служба остановлена и убрана; алерты и настройки остались на месте.",
    "later_how": "Запуск:    {command}\nПроверка:  {doctor}",
    # end
    "quit_nothing": "Остановлено. Ничего не записано.",
    "quit_written": "Остановлено. {file} записан; запустите мастер снова или: {command}",
}
