-- Wallets of a venue that shows every account, in the file of snapshots. Whoever watches them writes; others read.

-- Those that are watched now, as the leaderboard tells of them.
CREATE TABLE IF NOT EXISTS wallets (
    address TEXT PRIMARY KEY,
    row TEXT NOT NULL -- JSON
) WITHOUT ROWID;

-- The newest answer about each of them.
CREATE TABLE IF NOT EXISTS wallet_states (
    address TEXT PRIMARY KEY,
    as_of_ms INTEGER NOT NULL,
    body BLOB NOT NULL -- msgpack
) WITHOUT ROWID;

-- What changed between two looks. Sizes in coins, below 0 for a short.
CREATE TABLE IF NOT EXISTS wallet_events (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    coin TEXT NOT NULL,
    symbol TEXT NOT NULL,
    size_before REAL NOT NULL,
    size_after REAL NOT NULL,
    usd REAL,
    role TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_wallet_events_at ON wallet_events (at_ms);
CREATE INDEX IF NOT EXISTS idx_wallet_events_coin ON wallet_events (coin, at_ms);
CREATE INDEX IF NOT EXISTS idx_wallet_events_address ON wallet_events (address, at_ms);

-- The whole pool at the end of each hour, so that sums of any part of it can be told later.
CREATE TABLE IF NOT EXISTS wallet_hours (
    hour_ms INTEGER PRIMARY KEY,
    wallets INTEGER NOT NULL,
    body BLOB NOT NULL -- msgpack, deflated
);

-- One row: how the watching goes. JSON.
CREATE TABLE IF NOT EXISTS wallet_watch (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    row TEXT NOT NULL
);
