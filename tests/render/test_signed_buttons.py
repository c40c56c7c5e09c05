"""What a button brings back: signed, short enough, and worthless to whoever made it up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.render.signed_buttons import AlertAction, ButtonSigner, Outdated, TypedCommand, stored_signer
from altmonitor.storage.memory import MemoryStore
from tests.movable_clock import T0, MovableClock

SEAL = ButtonSigner("ab" * 32)
HOUR_MS = 3_600_000


def test_an_action_is_read_back_and_always_written_alike() -> None:
    data = SEAL.action("mute", 512)
    assert data.startswith("mute:512:")
    assert data == SEAL.action("mute", 512)
    assert SEAL.read(data, now_ms=T0) == AlertAction(action="mute", alert_id=512)


def test_the_largest_alert_number_fits_into_64_bytes() -> None:
    assert len(SEAL.action("chart", 2**63 - 1).encode()) <= 64


def test_a_command_of_40_bytes_fits_with_chinese_symbols_and_colons_in_it() -> None:
    for text in ("/mute 币安人生USDT 1h", "/why SOLUSDT 2026-11-21 12:05", "/" + "x" * 39):
        data = SEAL.command(text, now_ms=T0)
        assert data is not None
        assert len(data.encode()) <= 64
        assert SEAL.read(data, now_ms=T0) == TypedCommand(text=text)
    assert SEAL.command("/" + "x" * 60, now_ms=T0) is None


def test_a_command_is_worth_an_hour() -> None:
    data = SEAL.command("/unmute all yes", now_ms=T0)
    assert data is not None
    assert SEAL.read(data, now_ms=T0 + HOUR_MS) == TypedCommand(text="/unmute all yes")
    with pytest.raises(Outdated):
        SEAL.read(data, now_ms=T0 + HOUR_MS + 60_000)


@pytest.mark.parametrize(
    "data",
    [
        "",
        ":",
        "mute:512",
        "mute:512:",
        "mute:512:AAAAAAAAAAAA",
        "!0:/reset all yes:AAAAAAAAAAAA",
        "ü:1:ü",
        "\ud800:1:x",
    ],
)
def test_what_was_not_signed_here_means_nothing(data: str) -> None:
    assert SEAL.read(data, now_ms=T0) is None


def test_another_key_another_action_or_another_alert_is_not_signed() -> None:
    data = SEAL.action("mute", 512)
    signature = data.rpartition(":")[2]
    assert ButtonSigner("cd" * 32).read(data, now_ms=T0) is None
    assert SEAL.read(f"mute:513:{signature}", now_ms=T0) is None
    assert SEAL.read(f"chart:512:{signature}", now_ms=T0) is None


@given(st.text(max_size=64))
def test_no_made_up_text_is_ever_carried_out(text: str) -> None:
    assert SEAL.read(text, now_ms=T0) is None


async def test_the_key_is_made_once_and_kept_and_a_damaged_one_replaced(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore(clock=MovableClock())
    data = (await stored_signer(store)).action("mute", 1)
    assert (await stored_signer(store)).action("mute", 1) == data
    await store.meta_set("button_key", "zz")
    assert (await stored_signer(store)).action("mute", 1) != data
    assert "the key of the buttons was damaged" in caplog.text


def test_the_key_is_not_shown() -> None:
    assert "ab" * 4 not in repr(SEAL)
