-- Version 1 of the file of snapshots. The three ob_ tables keep names, columns and their order of the older tool, which
-- may read and write the same file; what only altmonitor needs stands in tables of its own.

CREATE TABLE IF NOT EXISTS ob_smart_money_snapshots (
    symbol TEXT NOT NULL,
    ts INTEGER NOT NULL, -- unix ms: when it was captured
    total_positions REAL,
    total_traders INTEGER,
    long_short_ratio REAL,
    long_traders INTEGER,
    long_traders_qty REAL,
    long_traders_avg_entry_price REAL,
    short_traders INTEGER,
    short_traders_qty REAL,
    short_traders_avg_entry_price REAL,
    long_whales INTEGER,
    long_whales_qty REAL,
    long_whales_avg_entry_price REAL,
    short_whales INTEGER,
    short_whales_qty REAL,
    short_whales_avg_entry_price REAL,
    long_profit_traders INTEGER,
    short_profit_traders INTEGER,
    long_profit_whales INTEGER,
    short_profit_whales INTEGER,
    price REAL, -- mark price at capture
    PRIMARY KEY (symbol, ts)
);

CREATE INDEX IF NOT EXISTS idx_sm_ts ON ob_smart_money_snapshots (ts);

-- "pct" columns hold fractions 0…1.
CREATE TABLE IF NOT EXISTS ob_top_trader_snapshots (
    symbol TEXT NOT NULL,
    ts INTEGER NOT NULL, -- unix ms: when it was captured
    period TEXT NOT NULL,
    top_account_long_pct REAL,
    top_account_short_pct REAL,
    top_account_lsr REAL,
    top_position_long_pct REAL,
    top_position_short_pct REAL,
    top_position_lsr REAL,
    taker_buy_vol REAL,
    taker_sell_vol REAL,
    taker_bsr REAL,
    PRIMARY KEY (symbol, ts, period)
);

CREATE INDEX IF NOT EXISTS idx_tt_ts ON ob_top_trader_snapshots (ts);

CREATE TABLE IF NOT EXISTS ob_oi_snapshots (
    symbol TEXT NOT NULL,
    ts INTEGER NOT NULL, -- unix ms: end of the exchange's 5-minute bar
    oi_now_usd REAL,
    oi_now_coins REAL,
    oi_chg_5m REAL, -- percent, of contracts; NULL where the bar to compare with is missing
    oi_chg_15m REAL,
    oi_chg_1h REAL,
    oi_chg_4h REAL,
    PRIMARY KEY (symbol, ts)
);

CREATE INDEX IF NOT EXISTS idx_oi_ts ON ob_oi_snapshots (ts);

-- One row per series: its running or last sweep, and what came of the sweeps before it.
CREATE TABLE IF NOT EXISTS tracker_sweeps (
    series TEXT PRIMARY KEY,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER, -- NULL: not finished; taken up again by the next start
    empty_in_row INTEGER NOT NULL DEFAULT 0,
    thin_in_row INTEGER NOT NULL DEFAULT 0,
    is_stuck INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- The last answer of each symbol, with the sweep it belongs to: whoever stands here under the running sweep is done.
CREATE TABLE IF NOT EXISTS tracker_answers (
    series TEXT NOT NULL,
    symbol TEXT NOT NULL,
    sweep_ms INTEGER NOT NULL,
    answered_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (series, symbol)
) WITHOUT ROWID;

-- Position alerts that were told, so that a restart does not tell them again.
CREATE TABLE IF NOT EXISTS tracker_told (
    symbol TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    told_ms INTEGER NOT NULL,
    PRIMARY KEY (symbol, fingerprint)
) WITHOUT ROWID;

-- News of a tracker with a chat of its own: stored before they are sent, marked sent only with the chat's message id.
CREATE TABLE IF NOT EXISTS tracker_news (
    id INTEGER PRIMARY KEY,
    html TEXT NOT NULL,
    queued_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', -- queued, in_flight (may have arrived), sent, failed
    done_ms INTEGER,
    message_id INTEGER,
    error TEXT
);
