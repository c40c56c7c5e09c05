from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.config import Config, is_loopback, load, secrets_given, variables_for_libraries
from altmonitor.core.errors import ConfigError
from altmonitor.core.types import Destination, Secret
from altmonitor.settings.variables import CHATS, VARIABLES

GOOD = certifi.where()
TOKEN = "123456789:AAHkQ0123456789abcdefghijklmnopqrst"


def read(**environ: str) -> Config:
    return load(environ, env_file=None)[0]


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(environ, env_file=None)
    return caught.value.problems


def test_defaults_are_those_of_the_table() -> None:
    config = read()
    assert (config.pump_threshold, config.dump_threshold, config.cooldown_sec) == (3.0, -3.0, 180)
    assert (config.oi_surge_pct_1m, config.oi_surge_pct_5m, config.oi_min_usd) == (3.0, 6.0, 1_000_000.0)
    assert (config.vol_burst_mult, config.vol_burst_lookback, config.vol_burst_min_usdt) == (5.0, 20, 50_000.0)
    assert (config.binance_ws_url, config.api_host) == ("wss://fstream.binance.com/market", "127.0.0.1")
    assert (config.tg_chat_id, bool(config.tg_bot_token), config.tg_min_send_interval) == (None, False, None)


def test_the_zone_of_times_is_read_as_the_chat_reads_it() -> None:
    given = ("UTC+8", "UTC+5:30", "Beijing", "Мумбаи", "America/New_York")
    found = [read(ALERT_TZ=zone).alert_tz for zone in given]
    assert found == ["UTC+8", "UTC+5:30", "Asia/Shanghai", "Asia/Kolkata", "America/New_York"]


def test_all_problems_are_told_at_once_with_name_value_and_what_is_allowed() -> None:
    assert problems_of(PUMP_THRESHOLD="lots", DUMP_THRESHOLD="3", OI_CONCURRENCY="0", ALERT_TZ="Mars/Base") == [
        "PUMP_THRESHOLD='lots' is not allowed: 0.1 to 100",
        "DUMP_THRESHOLD='3' is not allowed: -100 to -0.1",
        "OI_CONCURRENCY='0' is not allowed: a whole number, 1 to 50",
        "ALERT_TZ='Mars/Base' is not allowed: a zone such as UTC, Asia/Shanghai or UTC+5:30",
    ]


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("PUMP_THRESHOLD", "nan"),
        ("PUMP_THRESHOLD", "inf"),
        ("PUMP_THRESHOLD", "0.09"),
        ("PUMP_THRESHOLD", "-3"),
        ("PUMP_THRESHOLD", "9" * 400),
        ("OI_SURGE_PCT_1M", "-1"),
        ("OI_SURGE_PCT_1M", "nan"),
        ("VOL_BURST_MULT", "0.5"),
        ("VOL_BURST_LOOKBACK", "4"),
        ("VOL_BURST_LOOKBACK", "5.5"),
        ("OI_POLL_SEC", "14"),
        ("OI_POLL_SEC", "٦٠"),
        ("COOLDOWN_SEC", "1e3"),
        ("COOLDOWN_SEC", "9" * 400),
        ("ROLLING", "maybe"),
        ("TG_CHAT_ID", "@channel"),
        ("TG_CHAT_ID", "-100/"),
        ("TG_CHAT_ID", "0"),
        ("TG_CHAT_ID", "123,@channel"),
        ("TG_CHAT_ID", "123;456"),
        ("TG_CHAT_ID", "123 456"),
        ("TG_CHAT_ID", "-100/7/8"),
        ("TG_CHAT_ID", "https://t.me/c/123/7"),
        ("TG_CHAT_ID", "９９"),
        ("TG_CHAT_ID", "1" * 17),
        ("ALERT_BUDGET_PER_DAY", "-1"),
        ("ALERT_BUDGET_PER_DAY", "2.5"),
        ("ALERT_BUDGET_PER_DAY", "1001"),
        ("GROUP_ADMINS_ONLY", "admins"),
        ("TG_BOT_TOKEN", "not-a-token"),
        ("ALLOWED_CHAT_IDS", "1,two"),
        ("TG_MIN_SEND_INTERVAL", "0"),
        ("ALERT_LANG", "fr"),
        ("LSR_PERIOD", "1m"),
        ("API_PORT", "70000"),
        ("LOG_FORMAT", "xml"),
        ("BINANCE_REST_URL", "fapi.binance.com"),
        ("BINANCE_WS_URL", "https://fstream.binance.com"),
        ("TELEGRAM_API_URL", "http://"),
        ("TELEGRAM_API_URL", "http://host:port"),
        ("ALERT_TZ", "../etc/passwd"),
    ],
)
def test_a_bad_value_is_refused(name: str, bad: str) -> None:
    (problem,) = problems_of(**{name: bad})
    assert problem.startswith(f"{name}=")
    assert " is not allowed: " in problem


def test_a_bad_token_is_not_repeated() -> None:
    (problem,) = problems_of(TG_BOT_TOKEN="123456:almost-a-token")
    assert problem == "TG_BOT_TOKEN=*** is not allowed: the token @BotFather gave you, 123456:ABC…"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PUMP_THRESHOLD", "5", 5.0),
        ("PUMP_THRESHOLD", " 0.1 ", 0.1),
        ("OI_SURGE_PCT_5M", "0", 0.0),
        ("ROLLING", "No", False),
        ("TG_CHAT_ID", "-1001234567890/77", Destination(chat_id=-1001234567890, topic_id=77)),
        ("ALERT_LANG", "ru", "ru"),
        ("ALERT_BUDGET_PER_DAY", "20", 20),
        ("GROUP_ADMINS_ONLY", "yes", True),
        ("TG_BOT_TOKEN", TOKEN, Secret(TOKEN)),
        ("ALLOWED_USER_IDS", "1, 22,,333", frozenset({1, 22, 333})),
        ("TG_MIN_SEND_INTERVAL", "1.5", 1.5),
        ("ALERT_LANG", "ZH", "zh"),
        ("LOG_LEVEL", "warning", "WARNING"),
        ("BINANCE_WS_URL", "ws://127.0.0.1:9/market/", "ws://127.0.0.1:9/market"),
        ("DB_FILE", "/data/a b.db", Path("/data/a b.db")),
    ],
)
def test_a_good_value_is_read(name: str, text: str, value: object) -> None:
    assert getattr(read(**{name: text}), name.lower()) == value


def test_several_chats_are_kept_in_order_each_once_and_the_first_is_the_main_one() -> None:
    config = read(TG_CHAT_ID="-1001234567890/77, 123 ,,-1001234567890,123")
    assert config.destinations == (
        Destination(chat_id=-1001234567890, topic_id=77),
        Destination(chat_id=123),
        Destination(chat_id=-1001234567890),
    )
    assert config.tg_chat_id == Destination(chat_id=-1001234567890, topic_id=77)
    assert read().destinations == ()


def test_a_chat_that_cannot_be_is_named_with_what_is_allowed() -> None:
    assert problems_of(TG_CHAT_ID="123,@channel") == [
        "TG_CHAT_ID='123,@channel' is not allowed: chat ids such as 123456789 or -1001234567890, "
        "with /topic for a forum topic, separated by commas"
    ]


def test_a_host_beyond_loopback_needs_a_token() -> None:
    assert problems_of(API_HOST="0.0.0.0") == [
        "API_HOST='0.0.0.0' can be reached from outside this machine: set API_TOKEN, or use 127.0.0.1"
    ]
    for short in ("a", "fifteen-letters"):
        assert problems_of(API_HOST="0.0.0.0", API_TOKEN=short) == [
            "API_HOST='0.0.0.0' can be reached from outside this machine: "
            "API_TOKEN must have at least 16 characters, or use 127.0.0.1"
        ]
    assert read(API_HOST="0.0.0.0", API_TOKEN="sixteen-letters-").api_host == "0.0.0.0"
    assert read(API_TOKEN="a").api_token.reveal() == "a"
    assert problems_of(API_HOST="0.0.0.0", API_TOKEN="sixteen-letters-", API_READ_TOKEN="short") == [
        "API_HOST='0.0.0.0' can be reached from outside this machine: "
        "API_READ_TOKEN must have at least 16 characters, or use 127.0.0.1"
    ]
    assert problems_of(API_TOKEN="the same", API_READ_TOKEN="the same") == [
        "API_READ_TOKEN=*** must be another one than API_TOKEN: it may only read"
    ]
    hooks = {"WEBHOOK_URLS": "https://a.example/hook?k=1, http://b.example/", "WEBHOOK_SECRET": "sixteen letters!"}
    assert read(**hooks).webhook_urls == ("https://a.example/hook?k=1", "http://b.example/")
    assert problems_of(**hooks | {"WEBHOOK_SECRET": "short"}) == [
        "WEBHOOK_SECRET must have at least 16 characters when WEBHOOK_URLS is set"
    ]
    assert problems_of(**hooks, HISTORY_ENABLED="false") == [
        "WEBHOOK_URLS needs HISTORY_ENABLED=true: what waits for a receiver is kept there"
    ]
    for wrong in ("ftp://a.example", "https://me:pw@a.example/", "https://a.example/ b", "hook", "https:///x"):
        assert problems_of(**hooks | {"WEBHOOK_URLS": wrong}), wrong
    assert read(API_CORS_ORIGIN="https://Example.org:8443").api_cors_origin == "https://example.org:8443"
    for wrong in ("*", "example.org", "https://example.org/", "https://a.example https://b.example"):
        assert problems_of(API_CORS_ORIGIN=wrong), wrong


def test_loopback_is_told_by_address() -> None:
    local = ("127.0.0.1", "::1", "localhost", "LOCALHOST", "127.9.9.9")
    assert [host for host in local if not is_loopback(host)] == []
    reached = (
        "0.0.0.0",
        "::",
        "",
        "192.168.1.5",
        "monitor.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
    )
    assert [host for host in reached if is_loopback(host)] == []


def test_the_environment_wins_over_the_file_and_an_empty_value_counts_as_not_given(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "\ufeff# comment\nexport PUMP_THRESHOLD=\"4.5\" # why\nDUMP_THRESHOLD=-7\nAPI_TOKEN='a${HOME}b'\n", "utf-8"
    )
    config, _ = load({"DUMP_THRESHOLD": "-8", "PUMP_THRESHOLD": ""}, env_file=env_file)
    assert (config.pump_threshold, config.dump_threshold) == (4.5, -8.0)
    assert config.api_token.reveal() == "a${HOME}b"


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"PUMP_THRESHOLD=\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load({}, env_file=env_file)


def test_an_unknown_name_with_a_known_prefix_is_answered_with_the_nearest() -> None:
    _, warnings = load({"OI_POOL_SEC": "30", "TG_CHATID": "1", "HOME": "/"}, env_file=None)
    assert warnings == [
        "OI_POOL_SEC is not a setting of altmonitor: did you mean OI_POLL_SEC?",
        "TG_CHATID is not a setting of altmonitor: did you mean TG_CHAT_ID?",
    ]


def test_a_secret_shows_itself_only_when_asked() -> None:
    config = read(TG_BOT_TOKEN=TOKEN)
    assert TOKEN not in repr(config)
    assert TOKEN not in f"{config.tg_bot_token}"
    assert config.tg_bot_token.reveal() == TOKEN


@given(st.sampled_from([variable.name for variable in VARIABLES]), st.text(max_size=40))
def test_whatever_is_given_the_answer_is_a_value_or_a_clear_line(name: str, text: str) -> None:
    try:
        load({name: text}, env_file=None)
    except ConfigError as problem:
        assert all(line.startswith(name) for line in problem.problems)


def test_the_quiet_that_ends_a_move_is_a_number_of_minutes() -> None:
    assert (read().episode_quiet_min, read(EPISODE_QUIET_MIN="2.5").episode_quiet_min) == (15.0, 2.5)
    for wrong in ("0", "0.9", "61", "nan", "-5", "soon"):
        assert problems_of(EPISODE_QUIET_MIN=wrong) == [f"EPISODE_QUIET_MIN={wrong!r} is not allowed: 1 to 60"]


def test_a_class_is_given_the_part_of_the_configuration_it_reads() -> None:
    @dataclass(frozen=True)
    class Reads:
        oi_poll_sec: int
        alert_lang: str

    assert read(OI_POLL_SEC="30", ALERT_LANG="zh").part(Reads) == Reads(oi_poll_sec=30, alert_lang="zh")


def test_an_address_no_library_could_use_is_refused() -> None:
    wrong = []
    for value in (
        "https://exa mple.com",
        "https://host:0",
        "https://host:99999",
        "https://host:",
        "https://host:/x",
        "https://..example",
        "https://[::1",
        "https://" + "a" * 64 + ".example",
        "https://bücher.example",
        "https://host/%zz|",
        "https://me@host",
        "https://host/\udcff",
    ):
        lines = problems_of(BINANCE_REST_URL=value)
        shown = value.replace("me@", "***@")
        if not lines[0].startswith(f"BINANCE_REST_URL={shown[:59]!r}"[:-1]) or len(lines) > 1:
            wrong.append((value, lines))
    assert wrong == []
    for value in (
        "https://me:secret@host:8443/api",
        "http://[::1]:8081",
        "https://h.example/a%20b/",
        "http://under_score",
    ):
        assert read(BINANCE_REST_URL=value).binance_rest_url == value.rstrip("/")


def test_where_health_listens_is_a_name_or_an_address() -> None:
    for value in ("a..b", "http://127.0.0.1", "127.0.0.1:3001", "local host", "[::1", "a.b:c"):
        assert problems_of(API_HOST=value) == [f"API_HOST={value!r} is not allowed: an address or host name"]
    assert (read(API_HOST="[::1]").api_host, read(API_HOST="LOCALHOST").api_host) == ("::1", "localhost")


def test_bytes_that_are_no_text_are_refused() -> None:
    assert problems_of(API_TOKEN="sixteen-letters-\udcff") == ["API_TOKEN=*** is not allowed: any text"]
    assert problems_of(SMART_MONEY_WATCHLIST="BTC\udcff")[0].startswith("SMART_MONEY_WATCHLIST=")


def test_what_only_libraries_read_is_looked_at_with_the_settings(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("https_proxy=socks5://x:1\nSSL_CERT_FILE=/gone.pem\n")
    with pytest.raises(ConfigError) as caught:
        load({"PUMP_THRESHOLD": "0"}, env_file=file)
    assert [line.partition("=")[0] for line in caught.value.problems] == [
        "PUMP_THRESHOLD",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
    ]
    assert variables_for_libraries(file) == {"HTTPS_PROXY": "socks5://x:1", "SSL_CERT_FILE": "/gone.pem"}
    load({"HTTPS_PROXY": "http://x:1", "SSL_CERT_FILE": GOOD}, env_file=file)
    load({"https_proxy": "http://x:1", "SSL_CERT_FILE": GOOD}, env_file=file)


def test_a_secret_is_masked_whichever_variable_it_was_pasted_into() -> None:
    half = TOKEN.partition(":")[2]
    keys = {
        "a bot token": TOKEN,
        "half of one": half,
        "one as an address carries it": f"bot{TOKEN.replace(':', '%3A')}/getMe",
        "a key of the exchange": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
        "a key as 32 digits": "a8f5f167f44f4964e6c998dee827110c",
        "a UUID": "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        "a web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "a private key": "-----BEGIN PRIVATE KEY-----MIIEvQIBADANBg-----END PRIVATE KEY-----",
    }
    logins = (
        "https://ann:hunter2@proxy.example:8443",
        "http://ann:p@ss/w#rd@proxy.example",
        "ann:hunter2@proxy.example:3128",
        "https://a:pw@proxy.example",
    )
    parts = ("hunter2", "p@ss", "w#rd", "pw@", "MIIEvQ")
    found = []
    for variable in VARIABLES:
        for text in (*keys.values(), *logins):
            try:
                load({variable.name: text}, env_file=None)
            except ConfigError as problem:
                lines = "\n".join(problem.problems)
                if any(part in lines for part in parts) or (text not in logins and text[3:20] in lines):
                    found.append((variable.name, text, lines))
    assert found == []
    assert problems_of(TG_CHAT_ID=TOKEN) == [f"TG_CHAT_ID='***' is not allowed: {CHATS}"]
    for name in ("HTTPS_PROXY", "http_proxy", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        for text in (TOKEN, f"socks5://ann:hunter2@h/{TOKEN}", f'"{TOKEN}"', "http://ann:hunter2@h:port"):
            try:
                load({name: text}, env_file=None)
            except ConfigError as problem:
                if half in str(problem) or "hunter2" in str(problem):
                    found.append((name, text, str(problem)))
    assert found == []


def test_a_known_secret_is_masked_where_it_was_pasted_again_however_short() -> None:
    assert problems_of(API_TOKEN="abc", PUMP_THRESHOLD="abc") == ["PUMP_THRESHOLD='***' is not allowed: 0.1 to 100"]
    assert problems_of(MY_PASSWORD="correct-horse", LOG_LEVEL="correct-horse")[0].startswith("LOG_LEVEL='***' is not")
    assert secrets_given({"API_TOKEN": "abc", "BINANCE_REST_URL": "https://me:pw@h"}, None) >= {"abc", "pw"}


def test_a_refused_value_that_is_no_secret_is_shown() -> None:
    for name, text in (("ALERT_TZ", "America/Argentina/Nowhere"), ("API_HOST", "ip-10-0-0-1.ap-southeast-1 x")):
        assert problems_of(**{name: text})[0].startswith(f"{name}={text!r} is not allowed")
    assert problems_of(TG_CHAT_ID="x" * 80)[0].startswith("TG_CHAT_ID='" + "x" * 59 + "…' is")


def test_names_that_most_bots_use_are_answered_with_ours_also_beside_another_mistake(tmp_path: Path) -> None:
    of_tokens = ("TELEGRAM_BOT_TOKEN", "BOT_TOKEN", "TELEGRAM_TOKEN", "TG_TOKEN", "TELEGRAM_API_TOKEN", "bot_token")
    of_chats = (
        "TELEGRAM_CHAT_ID",
        "CHAT_ID",
        "TG_CHANNEL_ID",
        "TELEGRAM_CHANNEL",
        "TELEGRAM_TO",
        "ADMIN_ID",
        "TG_CHAT",
    )
    for names, ours in ((of_tokens, "TG_BOT_TOKEN"), (of_chats, "TG_CHAT_ID")):
        for name in names:
            assert load({name: "5"}, env_file=None)[1] == [
                f"{name} is not a setting of altmonitor: did you mean {ours}?"
            ]
    of_another_program = {"BOT_TOKEN": "x", "CHAT_ID": "1", "TG_BOT_TOKEN": TOKEN, "TG_CHAT_ID": "5"}
    assert load(of_another_program, env_file=None)[1] == []
    assert problems_of(TELEGRAM_CHAT_ID="5", PUMP_THRESHOLD="lots") == [
        "PUMP_THRESHOLD='lots' is not allowed: 0.1 to 100",
        "TELEGRAM_CHAT_ID is not a setting of altmonitor: did you mean TG_CHAT_ID?",
    ]
    env_file = tmp_path / ".env"
    env_file.write_text("pump_threshold=4\nLOGLEVEL=INFO\nPATH=/bin\n", "utf-8")
    assert load({"SHELL": "/bin/sh"}, env_file=env_file)[1] == [
        "LOGLEVEL is not a setting of altmonitor: did you mean LOG_LEVEL?",
        "pump_threshold is not a setting of altmonitor: did you mean PUMP_THRESHOLD?",
    ]


def test_quotes_and_remarks_that_were_kept_by_who_read_the_file_are_named(tmp_path: Path) -> None:
    quotes = "which belong to the value here (docker run --env-file keeps them): write"
    assert problems_of(DB_FILE='"alerts.db"') == [
        f"DB_FILE='\"alerts.db\"' has quotes around it, {quotes} DB_FILE=value without them"
    ]
    assert problems_of(TG_BOT_TOKEN=f"'{TOKEN}'", TG_CHAT_ID="“5”") == [
        f"TG_BOT_TOKEN=*** has quotes around it, {quotes} TG_BOT_TOKEN=value without them",
        f"TG_CHAT_ID='“5”' has quotes around it, {quotes} TG_CHAT_ID=value without them",
    ]
    remark = "which belongs to the value here (docker run --env-file and service files keep it): write the remark"
    for name, text in (
        ("DB_FILE", "alerts.db   # history"),
        ("PUMP_THRESHOLD", "5 # percent"),
        ("ALERT_LANG", "ru\t#x"),
    ):
        assert problems_of(**{name: text}) == [f"{name}={text!r} has a remark behind it, {remark} on a line of its own"]
    env_file = tmp_path / ".env"
    env_file.write_text("DB_FILE='a # b.db'\nSTATE_FILE='\"s\"'\nALERT_LANG=ru   # mine\n", "utf-8")
    config, warnings = load({}, env_file=env_file)
    assert (config.db_file, config.state_file, config.alert_lang) == (Path("a # b.db"), Path('"s"'), "ru")
    assert warnings == []


def test_the_general_topic_is_the_group_itself() -> None:
    assert read(TG_CHAT_ID="-1001234567890/1").destinations == (Destination(chat_id=-1001234567890),)
    assert read(TG_CHAT_ID="-1001234567890/1,-1001234567890,-1001234567890/12").destinations == (
        Destination(chat_id=-1001234567890),
        Destination(chat_id=-1001234567890, topic_id=12),
    )


def test_how_long_alerts_are_kept_is_a_number_of_days() -> None:
    assert (read().retention_days, read(RETENTION_DAYS="7").retention_days) == (90, 7)
    for wrong in ("0", "-1", "1.5", "nan", "3651", "90 days"):
        assert problems_of(RETENTION_DAYS=wrong) == [
            f"RETENTION_DAYS={wrong!r} is not allowed: a whole number, 1 to 3650"
        ]


def test_venues_are_kept_in_order_each_once_and_an_unknown_one_is_named() -> None:
    assert load({}, env_file=None)[0].venues == ("binance",)
    assert load({"VENUES": "OKX, binance,okx"}, env_file=None)[0].venues == ("okx", "binance")
    for bad in ("kraken", "binance,kraken", ",", "binance;bybit"):
        with pytest.raises(ConfigError) as refused:
            load({"VENUES": bad}, env_file=None)
        assert refused.value.problems == [
            f"VENUES={bad!r} is not allowed: binance, bybit, okx, hyperliquid, separated by commas"
        ]


def test_addresses_of_a_cluster_may_hold_a_login_and_are_never_shown(tmp_path: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://alt:very-secret-1@db:5432/alt?sslmode=require",
        "NATS_URL": "nats://alt:very-secret-2@nats:4222",
        "TELEGRAM_BOT_TOKENS": f"1111111:{'a' * 35}, 2222222:{'b' * 35}",
    }
    config, _ = load(given, env_file=None)
    assert config.database_url == given["DATABASE_URL"]
    assert [token.reveal()[:7] for token in config.bot_tokens] == ["1111111", "2222222"]
    bad = {
        "DATABASE_URL": "mysql://alt:very-secret-1@db/alt",
        "NATS_URL": "http://alt:very-secret-2@nats:4222",
        "TELEGRAM_BOT_TOKENS": f"1111111:{'a' * 35},1111111:{'c' * 35}",
        "CLUSTER": "two words",
    }
    with pytest.raises(ConfigError) as refused:
        load(bad, env_file=None)
    assert len(refused.value.problems) == 4
    assert "very-secret" not in str(refused.value)
    assert "aaaa" not in str(refused.value)


def test_a_key_of_okx_goes_into_headers_and_is_shown_nowhere() -> None:
    config = load({"OKX_API_KEY": "k-1", "OKX_SECRET_KEY": "S3cr3t!", "OKX_PASSPHRASE": "Pass phrase"}, env_file=None)[
        0
    ]
    assert config.okx_passphrase.reveal() == "Pass phrase"
    assert "S3cr3t!" not in repr(config)
    for wrong in ("käse-käse-käse", "one\ntwo", "a\x00b"):
        told = problems_of(OKX_PASSPHRASE=wrong)
        assert told == ["OKX_PASSPHRASE=*** is not allowed: its passphrase, in plain letters"]


def test_a_channel_has_one_preset_and_is_no_chat_of_the_owner() -> None:
    calm, normal = Destination(chat_id=-1001), Destination(chat_id=-1002, topic_id=7)
    config = read(TG_CHAT_ID="77", PRESET_CHANNELS=" Calm=-1001 , normal = -1002/7,")
    assert dict(config.preset_channels) == {calm: "calm", normal: "normal"}
    assert config.chats == (Destination(chat_id=77), calm, normal)
    assert config.destinations == (Destination(chat_id=77),), "none of them is the owner's"
    for wrong in ("loud=-1001", "-1001", "calm=", "calm=@channel", "calm=-1001,normal=-1001", "calm=-1001=5", "=-1001"):
        (problem,) = problems_of(TG_CHAT_ID="77", PRESET_CHANNELS=wrong)
        assert problem == (
            f"PRESET_CHANNELS={wrong!r} is not allowed: calm=CHAT, normal=CHAT, active=CHAT or original=CHAT, "
            "with a chat id each, separated by commas"
        )
    assert problems_of(TG_CHAT_ID="77,-1001", PRESET_CHANNELS="calm=-1001") == [
        "PRESET_CHANNELS names -1001, which TG_CHAT_ID names too: a chat has one of them"
    ]
    assert problems_of(PRESET_CHANNELS="calm=-1001") == [
        "PRESET_CHANNELS needs TG_CHAT_ID: the chat of whoever runs this"
    ]
