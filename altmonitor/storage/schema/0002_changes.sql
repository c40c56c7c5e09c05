-- What was changed by commands, by whom, and how to put it back.

CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,               -- unix ms
    who TEXT NOT NULL,                    -- name at that time
    user_id INTEGER,                      -- NULL: a post of a channel, or a program
    chat_id INTEGER NOT NULL,             -- whose settings were changed
    topic_id INTEGER NOT NULL DEFAULT 0,  -- 0: no forum topic
    command TEXT NOT NULL,                -- as typed
    before TEXT NOT NULL,                 -- JSON, what that destination had of its own, in the form of state.json
    after TEXT NOT NULL,
    undoes INTEGER,                       -- id of the change this one took back; NULL: none
    undone_by INTEGER                     -- id of the change that took this one back
) STRICT;

CREATE INDEX changes_place ON changes (chat_id, topic_id, id);
CREATE INDEX changes_at ON changes (at_ms);
