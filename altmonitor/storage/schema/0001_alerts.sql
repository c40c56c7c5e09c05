-- What was found, and what became of it in every chat. One writer; other programs open the file read-only.

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, so that an id in a message stays unambiguous
    key TEXT NOT NULL UNIQUE,             -- the same market event has the same key in any run
    ts REAL NOT NULL,                     -- unix seconds of detection, our clock
    event_ms INTEGER NOT NULL,            -- the exchange's event time, unix ms
    candle_ms INTEGER,                    -- open time of the candle; NULL for open interest
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,                   -- price, oi, vol
    direction TEXT NOT NULL,              -- PUMP, DUMP, UP, DOWN
    price REAL,
    change_pct REAL,
    oi_change REAL,                       -- percent
    amplitude REAL,                       -- percent of the candle's open
    lsr REAL,
    metric REAL,                          -- percent, or multiple of the median for vol
    quadrant TEXT,                        -- up_up, up_down, down_up, down_down; NULL: open interest unknown
    note TEXT NOT NULL DEFAULT '',
    late INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
    details TEXT NOT NULL DEFAULT '{}'    -- JSON, altmonitor.alert.Details
) STRICT;

CREATE INDEX alerts_ts ON alerts (ts);
CREATE INDEX alerts_symbol_ts ON alerts (symbol, ts);
CREATE INDEX alerts_event_ms ON alerts (event_ms);

CREATE TABLE deliveries (
    alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    chat_id INTEGER NOT NULL,
    topic_id INTEGER NOT NULL DEFAULT 0,  -- 0: no forum topic
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed', 'expired')),
    message_id INTEGER,                   -- the digest's, where it went out in one
    attempts INTEGER NOT NULL DEFAULT 0,
    queued_ms INTEGER NOT NULL,
    sent_ms INTEGER,
    error TEXT,
    uncertain INTEGER NOT NULL DEFAULT 0 CHECK (uncertain IN (0, 1)), -- queued: an attempt has no known outcome; sent: its message says so
    PRIMARY KEY (alert_id, chat_id, topic_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_queued ON deliveries (alert_id) WHERE state = 'queued';
CREATE INDEX deliveries_sent ON deliveries (chat_id, sent_ms) WHERE sent_ms IS NOT NULL;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
