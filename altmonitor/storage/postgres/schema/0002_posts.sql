-- What is to be said in chats, from the feed to the notifier that has the chat.

CREATE TABLE posts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat_id BIGINT,                       -- NULL: for every notifier
    topic_id BIGINT NOT NULL DEFAULT 0,   -- 0: no forum topic
    body BYTEA NOT NULL,                  -- altmonitor.delivery.posts, msgpack
    created_ms BIGINT NOT NULL,           -- unix ms
    message_id BIGINT,                    -- NULL: it waits; 0: it was no message
    problem TEXT NOT NULL DEFAULT ''      -- why it was not carried out
);

CREATE INDEX posts_waiting ON posts (id) WHERE message_id IS NULL;
