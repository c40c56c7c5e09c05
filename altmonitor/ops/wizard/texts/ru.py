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
    "choose": "Номер",
    "choose_again": "Число от 1 до {count}, пожалуйста (или b, q).",
    "yes_no": "[Y/n]",
    "no_yes": "[y/N]",
    "yes_or_no": "y или n, пожалуйста (или b, q).",
    "go_back": "← назад",
    "leave": "выход",
    "keep": "Оставить?",
    "go_on": "Как продолжить?",
    "try_again": "Попробовать ещё раз",
    "go_on_anyway": "Всё равно продолжить",
    "alerts_in_english": "Мастер говорит на вашем языке; сами сигналы приходят на английском.",
    "environment_wins": "{name} задана в окружении этой оболочки: при запуске она важнее файла.",
    # token
    "token_title": "\n— Бот —",
    "token_known": "Токен бота уже есть: {token}",
    "token_how": "В Telegram напишите /newbot боту @BotFather (https://t.me/BotFather), дайте имя, скопируйте токен.",
    "token_prompt": "Вставьте токен (он не виден)",
    "token_nothing": "Ничего не пришло. Вставьте токен и нажмите Enter.",
    "token_shape": "Это не токен ({count} знаков). Он выглядит так: 123456789:AAF… – цифры, двоеточие, 35 знаков.",
    "token_seen": "Получен {token}",
    "token_refused": (
        "Telegram отвечает, но не знает этого токена. Скопируйте его у @BotFather снова (/mybots → API\n  Token)."
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
    "trouble_no_network": "Нет связи ни с Telegram ({host}), ни с чем-либо ещё: здесь нет сети. {said}",
    "trouble_blocked": (
        "Нет связи с Telegram ({host}), хотя сеть работает: похоже, он здесь заблокирован (страна, провайдер,\n"
        "  межсетевой экран). Токен может быть верным. Поможет прокси вида http://. {said}"
    ),
    "trouble_proxy": "Нет связи с Telegram ({host}) через прокси {proxy}: он работает, пускает вас? {said}",
    "trouble_not_telegram": (
        "Вместо Telegram ({host}) отвечает что-то другое: страница входа в сеть, прокси – или у Telegram неполадки.\n"
        "  Откройте любую страницу в браузере и попробуйте снова."
    ),
    "type_proxy": "Использовать прокси",
    "proxy_prompt": "Прокси, например http://127.0.0.1:8080",
    "proxy_wrong": (
        "Это не адрес http-прокси. Например http://host:8080 или http://user:password@host:8080 (socks не\n  подходит)."
    ),
    # chat
    "chat_title": "\n— Чат —",
    "chat_known": "Сигналы идут сюда: {chat}",
    "chat_known_lost": "В файле стоит TG_CHAT_ID={chat}, но: {why}",
    "chat_how": "Куда слать сигналы?",
    "pair": "Покажите код, я напишу его в нужном чате (рекомендуется)",
    "by_hand": "Введу chat id сам",
    "pair_how": """\
Напишите этот код в чате, который должен получать сигналы:    {code}
  самому боту:         https://t.me/{bot}?start={code}   и START, или пошлите ему код
  в группе или теме:   добавьте @{bot}, затем напишите   /pair {code}
  в канале:            сделайте @{bot} администратором (публикация), затем опубликуйте   {code}""",
    "waiting": "жду код … {seconds} с (Enter – больше не ждать) ",
    "strangers": "Сообщений без кода пропущено: {count}. Возможно, бота знает кто-то ещё; он ничего не получит.",
    "no_code": "Код не замечен. Если это группа: @{bot} в ней состоит, сообщение начиналось с /pair ?",
    "several_claims": "Код написан больше чем в одном месте.",
    "which_chat": "Куда слать сигналы?",
    "claim_right": "Найдено: {chat}, написал(а) {who}. Верно?",
    "chat_right": "Найдено: {chat}. Верно?",
    "also_commands": "Можно ли писать команды и здесь: {chat}?",
    "nobody_named": "сам чат",
    "chat_id_prompt": "Chat id, например 123456789, -1001234567890, -1001234567890/42 (тема) или @channel",
    "chat_id_wrong": "Это не chat id: целое число, для темы форума id/тема, или @имя.",
    "chat_is_bot": "Это id самого бота. Ваш другой: выберите код, он найдёт его.",
    "chat_unknown": "Telegram отвечает: {why}",
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
    "preset_title": "\n— Сколько сигналов —",
    "preset_how": "Насколько чувствительно? (в чате это всегда меняют /set_pump и другие команды)",
    "preset_line": "{name}: цена ±{pump} %, OI {oi_1m} % / {oi_5m} %, объём ×{vol}, пауза {cooldown} с",
    "preset_known": "Пороги уже стоят: {names}",
    "preset_keep": "Оставить как есть",
    "preset_budget": "Назову число сигналов в день, пороги подстроятся",
    "budget_prompt": "Сколько примерно сигналов в день",
    "budget_wrong": "Целое число от 1 до 1000, пожалуйста.",
    "live_wins": (
        "Внимание: пороги, изменённые в чате ({names}), хранятся в {file} и важнее; /reset в чате их\n  отменяет."
    ),
    # test alert
    "test_title": "\n— Пробный сигнал тем же путём, каким идёт каждый —",
    "test_banner": "Test from the setup: nothing moved",
    "test_sent": "Telegram принял. В чате теперь есть сообщение про {symbol}.",
    "test_seen": "Видите его?",
    "test_where": (
        "Telegram принял сообщение. Поищите: не другой ли это чат или тема, не в архиве ли чат, не в папке ли,\n"
        "  не без сети ли приложение?"
    ),
    "test_failed": "Не дошло: {why}",
    # file
    "written": "Записано: {file} (доступен только вам)",
    "unchanged": "В {file} всё это уже стоит.",
    "backup": "  прежний файл: {file}",
    "not_written": "Ничего не записано: {why}",
    # the market
    "market_title": "\n— Рынок —",
    "market_trouble": "Пока это не решено, сигналов не будет. Подробно: {doctor}",
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
    "starting_here": "Запускаю; сигналы идут в Telegram. Ctrl-C завершает, `{command}` запускает снова.",
    "running": "$ {command}",
    "not_found": "{program} здесь не установлен: {way_out}",
    "way_out_docker": "https://docs.docker.com/engine/install/",
    "way_out_systemd": "здесь нет systemd; выберите другой способ",
    "way_out_deploy": "deploy.py нет рядом с setup_wizard.py; возьмите весь репозиторий",
    "start_failed": "Не вышло (код {code}): {command}\n  Причина выше. Из-за этого ничего не запущено.",
    "started_well": "Работает. {line}",
    "started_not_well": "Запущено, но через {seconds} с не в порядке: {line}\n  {logs}",
    "logs_docker": "Причина: docker compose logs",
    "logs_systemd": "Причина: journalctl -u altmonitor -n 50",
    "service_removed": "Служба остановлена и убрана; сигналы и настройки остались на месте.",
    "later_how": "Запуск:    {command}\nПроверка:  {doctor}",
    # end
    "quit_nothing": "Остановлено. Ничего не записано.",
    "quit_written": "Остановлено. {file} записан; запустите мастер снова или: {command}",
}
