from __future__ import annotations

from altmonitor.web.pages.rendering import choice, takes_gzip, whole


def test_compression_is_used_only_where_it_is_taken() -> None:
    for accepted in ("gzip", "br, gzip;q=0.8", "GZIP, deflate"):
        assert takes_gzip(accepted), accepted
    for accepted in ("", "br", "gzip;q=0", "gzip;q=0.0", "x-gzippy"):
        assert not takes_gzip(accepted), accepted


def test_what_an_address_says_wrong_is_the_default() -> None:
    assert choice({"sort": "oi"}, "sort", ("oi", "price"), "price") == "oi"
    assert choice({"sort": "x"}, "sort", ("oi", "price"), "price") == "price"
    for given in ("", "-1", "0", "11", "3.5", "٣", "9" * 30):
        assert whole({"page": given}, "page", low=1, high=10, default=4) == 4, given
    assert whole({"page": "10"}, "page", low=1, high=10, default=4) == 10
