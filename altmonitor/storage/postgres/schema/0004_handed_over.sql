-- What a feed had found and not stored when another one took the lead; the one that leads takes it from here.

CREATE TABLE handed_over (
    key TEXT PRIMARY KEY,      -- of the alert
    event_ms BIGINT NOT NULL,  -- unix ms
    body BYTEA NOT NULL        -- altmonitor.storage.postgres.hand_over, msgpack
);
