-- What followed each alert. Versions are those of the alert's own moment and never change.

CREATE TABLE outcomes (
    alert_id INTEGER PRIMARY KEY REFERENCES alerts (id) ON DELETE CASCADE,
    detectors TEXT NOT NULL,              -- digest of the detectors' source
    settings TEXT,                        -- digest of the thresholds in force (meta settings:<digest>); NULL: not known
    delay_ms INTEGER,                     -- from the event to its first message; NULL: not known yet
    is_delay_measured INTEGER NOT NULL DEFAULT 0 CHECK (is_delay_measured IN (0, 1)), -- of this alert itself
    entry_ms INTEGER,                     -- open time of the minute of entry, unix ms; NULL: not measured yet
    entry REAL,                           -- its open; NULL: no candle
    due_ms INTEGER                        -- when the next return can be measured; NULL: all is known
) STRICT;

CREATE INDEX outcomes_due ON outcomes (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE outcome_returns (
    alert_id INTEGER NOT NULL REFERENCES outcomes (alert_id) ON DELETE CASCADE,
    horizon_min INTEGER NOT NULL,
    raw_pct REAL,                         -- change of price since entry
    best_pct REAL,                        -- on the way, in the alert's direction
    worst_pct REAL,
    btc_pct REAL,                         -- change of BTC meanwhile
    control_pct REAL,                     -- mean change after comparable minutes
    control_up REAL,                      -- share of those that rose
    control_count INTEGER NOT NULL,
    control_hours INTEGER NOT NULL,       -- of how many hours around the alert's they are
    unknown INTEGER NOT NULL,             -- why raw_pct is NULL, replay.outcomes.Unknown; 0: it is known
    unknown_reach INTEGER NOT NULL,       -- the same of best_pct and worst_pct
    unknown_btc INTEGER NOT NULL,
    unknown_control INTEGER NOT NULL,
    PRIMARY KEY (alert_id, horizon_min)
) STRICT, WITHOUT ROWID;
