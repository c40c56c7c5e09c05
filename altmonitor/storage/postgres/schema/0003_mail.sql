-- Posts go the other way, too: from the notifier that has the chat to the feed that leads.

ALTER TABLE posts ADD COLUMN to_feed BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX posts_to_feed ON posts (id) WHERE message_id IS NULL AND to_feed;
