"""A wallet between two looks: what it opened, added, cut, flipped and closed."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.positioning.wallets import Performance, Wallet, WalletPosition, WalletState, compared, role_of

ADDRESS = "0x" + "a1" * 20
MINUTE_MS = 60_000


def position(coin: str, size: float, *, at_ms: int, price: float = 100.0, entry: float = 90.0) -> WalletPosition:
    return WalletPosition(
        coin=coin, symbol=f"{coin}USDT", size=size, notional_usd=abs(size) * price, entry=entry, as_of_ms=at_ms
    )


def state(at_ms: int, **sizes: float) -> WalletState:
    positions = tuple(position(coin, size, at_ms=at_ms) for coin, size in sizes.items())
    return WalletState(address=ADDRESS, as_of_ms=at_ms, account_usd=1e6, positions=positions)


def test_scripted_states_make_open_add_cut_flip_and_close() -> None:
    looks = [
        state(0),
        state(MINUTE_MS, BTC=2.0),
        state(2 * MINUTE_MS, BTC=3.0),
        state(3 * MINUTE_MS, BTC=1.0),
        state(4 * MINUTE_MS, BTC=-4.0),
        state(5 * MINUTE_MS),
    ]
    now, told = compared(None, looks[0])
    found = list(told)
    for look in looks[1:]:
        now, told = compared(now, look)
        found += told
    assert [(event.kind, event.size_before, event.size_after, event.usd, event.is_long) for event in found] == [
        ("open", 0.0, 2.0, 200.0, True),
        ("add", 2.0, 3.0, 100.0, True),
        ("cut", 3.0, 1.0, 200.0, True),
        ("flip", 1.0, -4.0, 400.0, False),
        ("close", -4.0, 0.0, 400.0, False),
    ]
    assert [(event.from_ms, event.at_ms) for event in found] == [
        (minute * MINUTE_MS, (minute + 1) * MINUTE_MS) for minute in range(5)
    ]


def test_the_first_look_tells_nothing_and_later_ones_know_since_when() -> None:
    first, told = compared(None, state(0, BTC=1.0, ETH=-2.0))
    assert told == ()
    assert [one.since_ms for one in first.positions] == [None, None]
    second, told = compared(first, state(MINUTE_MS, BTC=1.0, ETH=3.0, SOL=5.0))
    assert [(event.kind, event.coin) for event in told] == [("flip", "ETH"), ("open", "SOL")]
    assert {one.coin: one.since_ms for one in second.positions} == {"BTC": None, "ETH": MINUTE_MS, "SOL": MINUTE_MS}
    third, told = compared(second, state(2 * MINUTE_MS, BTC=1.0, ETH=3.0, SOL=5.0))
    assert told == ()
    assert {one.coin: one.since_ms for one in third.positions}["SOL"] == MINUTE_MS


def test_small_changes_are_no_event_until_they_have_added_up() -> None:
    now, _ = compared(None, state(0, BTC=100.0))
    told = []
    for minute, size in enumerate((100.5, 100.9, 101.0, 101.5), 1):
        now, events = compared(now, state(minute * MINUTE_MS, BTC=size))
        told += [(event.kind, event.size_before, event.size_after) for event in events]
    assert told == [("add", 100.0, 101.0)]


def test_a_price_that_moves_is_no_event() -> None:
    now, _ = compared(None, state(0, BTC=1.0))
    risen = state(MINUTE_MS, BTC=1.0)
    risen = replace(risen, positions=tuple(replace(one, notional_usd=500.0) for one in risen.positions))
    after, told = compared(now, risen)
    assert told == ()
    assert after.positions[0].entry_usd == now.positions[0].entry_usd == 90.0
    assert (now.positions[0].mark_price, after.positions[0].mark_price) == (100.0, 500.0)


def test_vaults_are_marked_and_market_makers_by_the_rule() -> None:
    def wallet(*, volume_usd: float | None, pnl_usd: float | None) -> Wallet:
        month = Performance(pnl_usd=pnl_usd, volume_usd=volume_usd)
        return Wallet(address=ADDRESS, account_usd=1e6, performance={"month": month})

    busy = wallet(volume_usd=2e8, pnl_usd=50_000.0)
    assert role_of(busy, is_vault=False) == "market_maker"
    assert role_of(busy, is_vault=True) == "vault"
    assert role_of(wallet(volume_usd=2e8, pnl_usd=300_000.0), is_vault=False) == "trader"
    assert role_of(wallet(volume_usd=5e7, pnl_usd=100.0), is_vault=False) == "trader"
    assert role_of(wallet(volume_usd=None, pnl_usd=None), is_vault=False) == "trader"
