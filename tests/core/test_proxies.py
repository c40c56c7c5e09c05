"""Which proxy leads to an address, by variables as desktops, container engines and VPN tools set them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.proxy import parse_proxy
from yarl import URL

from altmonitor.core.errors import ConfigError
from altmonitor.core.proxies import proxy_to, read_proxies

REST = "https://fapi.binance.com"
STREAMS = "wss://fstream.binance.com/market"
PROXY = "http://127.0.0.1:7890"


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_proxies(environ)
    return caught.value.problems


def test_each_address_has_the_proxy_of_its_scheme() -> None:
    environ = {"HTTPS_PROXY": "http://one:3128", "HTTP_PROXY": "http://two:3128"}
    assert proxy_to(REST, environ) == proxy_to(STREAMS, environ) == "http://one:3128"
    assert proxy_to("http://mirror.example/x", environ) == proxy_to("ws://mirror.example", environ) == "http://two:3128"
    assert proxy_to(REST, {"HTTP_PROXY": "http://two:3128"}) is None
    assert proxy_to(REST, {}) is None


def test_small_letters_go_before_capitals_and_empty_is_not_given() -> None:
    assert proxy_to(REST, {"https_proxy": "http://small:1", "HTTPS_PROXY": "http://large:1"}) == "http://small:1"
    assert proxy_to(REST, {"https_proxy": "  ", "HTTPS_PROXY": "http://large:1"}) == "http://large:1"


def test_all_proxy_stands_in_for_the_two_and_is_not_looked_at_beside_them() -> None:
    assert proxy_to(REST, {"ALL_PROXY": PROXY}) == proxy_to("ws://x.example", {"all_proxy": PROXY}) == PROXY
    as_vpn_tools_say_it = {"https_proxy": PROXY, "http_proxy": PROXY, "all_proxy": "socks5://127.0.0.1:7891"}
    assert proxy_to(REST, as_vpn_tools_say_it) == PROXY


def test_what_is_meant_is_understood() -> None:
    wrong = []
    for given_value, expected in (
        ("127.0.0.1:7890", PROXY),
        ("http://127.0.0.1:7890/", PROXY),
        ("HTTP://127.0.0.1:7890", PROXY),
        (" http://127.0.0.1:7890 ", PROXY),
        ("http.docker.internal:3128", "http://http.docker.internal:3128"),
        ("https://Proxy.Example:8443", "https://proxy.example:8443"),
        ("http://proxy", "http://proxy"),
        ("http://me:p%40ss@proxy:3128", "http://me:p%40ss@proxy:3128"),
        ("http://me@proxy:3128", "http://me:@proxy:3128"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("http://bücher.example:80", "http://xn--bcher-kva.example:80"),
    ):
        found = proxy_to(REST, {"HTTPS_PROXY": given_value})
        if found != expected:
            wrong.append((given_value, found))
    assert wrong == []


def test_what_no_library_could_use_is_refused_in_one_line_that_names_the_variable() -> None:
    wrong = []
    for value in (
        '"http://127.0.0.1:7890"',
        "'http://127.0.0.1:7890'",
        "“http://127.0.0.1:7890”",
        "socks5://127.0.0.1:7891",
        "socks5h://127.0.0.1:7891",
        "SOCKS://127.0.0.1:7891/",
        "socks4://127.0.0.1:1",
        "ftp://proxy:21",
        "pac+http://proxy/proxy.pac",
        "ss://abc@proxy:8388",
        "http://proxy:",
        "http://proxy:0",
        "http://proxy:65536",
        "http://proxy:port",
        "http://proxy:٣",
        "http://",
        "http:///",
        "://proxy:1",
        "http://proxy.example/proxy.pac",
        "http://proxy:80?x=1",
        "http://one:80,http://two:80",
        "http://pro xy:80",
        "http://proxy:80\x01",
        "http://[::1:80",
        "http://[zz]:80",
        "http://..:80",
        "http://me:%ff@proxy:80",
        "http://" + "a" * 64 + ".example:80",
        "http=127.0.0.1:80;https=127.0.0.1:80",
    ):
        lines = problems_of(HTTPS_PROXY=value)
        if len(lines) != 1 or not lines[0].startswith("HTTPS_PROXY=") or " is not allowed: " not in lines[0]:
            wrong.append((value, lines))
    assert wrong == []
    assert problems_of(https_proxy="socks5://127.0.0.1:7891") == [
        "https_proxy='socks5://127.0.0.1:7891' is not allowed: SOCKS proxies cannot be used; most programs that offer "
        "one also have an http:// port: name that"
    ]
    assert problems_of(HTTP_PROXY='"http://x:1"', ALL_PROXY="socks5://y:1", NO_PROXY="10.0.0.0/33") == [
        "HTTP_PROXY='\"http://x:1\"' is not allowed: http://host:port or https://host:port without quotes, which "
        "belong to the value here",
        "ALL_PROXY='socks5://y:1' is not allowed: SOCKS proxies cannot be used; most programs that offer one also have "
        "an http:// port: name that",
        "NO_PROXY='10.0.0.0/33' is not allowed: '10.0.0.0/33' is no network such as 10.0.0.0/8",
    ]


def test_a_password_is_in_no_line() -> None:
    for value in ("http://me:sesame@proxy:99999", "socks5://me:sesame@x:1", "me:sesame@x:y", "http://a:ses@me@x:0"):
        (line,) = problems_of(HTTPS_PROXY=value)
        assert "ses" not in line


def test_names_addresses_ports_and_networks_are_left_out() -> None:
    entries = (
        "localhost,127.0.0.0/8,::1 10.0.0.0/8;192.168.*, .corp.example,*.lan.example,fe80::/10,[2001:db8::7]:8080,"
        "https://named.example/,mirror.example:8443,<local>,fe80::1%eth0,,"
    )
    environ = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "no_proxy": entries}
    direct = [
        "https://10.1.2.3/x",
        "https://192.168.7.7:8443",
        "https://corp.example",
        "https://api.CORP.example",
        "https://a.b.lan.example",
        "https://[fe80::5]/",
        "https://[2001:db8::7]:8080/",
        "https://named.example",
        "wss://mirror.example:8443/market",
        "http://mirror:80",
        "https://127.3.2.1",
    ]
    behind = [
        REST,
        STREAMS,
        "https://11.1.2.3",
        "https://xcorp.example",
        "https://[2001:db8::7]:8081/",
        "https://mirror.example",
        "https://192.169.1.1",
    ]
    assert [url for url in direct if proxy_to(url, environ) is not None] == []
    assert [url for url in behind if proxy_to(url, environ) != PROXY] == []
    assert proxy_to(REST, environ | {"no_proxy": "*"}) is None


def test_this_machine_is_always_asked_directly() -> None:
    environ = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY}
    for url in ("http://127.0.0.1:3001", "ws://localhost:1/x", "https://[::1]:8081", "https://127.9.9.9"):
        assert proxy_to(url, environ) is None


def test_a_list_nobody_can_read_is_refused() -> None:
    assert problems_of(NO_PROXY='"localhost,127.0.0.1"') == [
        "NO_PROXY='\"localhost,127.0.0.1\"' is not allowed: names, addresses and networks separated by commas, without "
        "quotes"
    ]
    assert problems_of(NO_PROXY="mirror:port") == [
        "NO_PROXY='mirror:port' is not allowed: 'mirror:port' is no host:port"
    ]


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40),
        st.from_regex(r"(https?|socks5)://[a-z:@\[\]./%0-9é]{0,20}(:[0-9]{0,6})?/?", fullmatch=True),
    )
)
def test_whatever_is_named_is_refused_or_taken_by_every_library(text: str) -> None:
    try:
        found = proxy_to(REST, {"HTTPS_PROXY": text})
    except ConfigError as refused:
        assert len(refused.problems) == 1
        return
    if found is not None:
        URL(found)
        parse_proxy(found)


@given(st.text(st.sampled_from('ab1.:/*[]%,; -0"é<>'), max_size=30))
def test_whatever_is_left_out_is_refused_or_understood(text: str) -> None:
    try:
        assert proxy_to(REST, {"HTTPS_PROXY": PROXY, "NO_PROXY": text}) in (PROXY, None)
    except ConfigError as refused:
        assert len(refused.problems) == 1
