-- What several processes on several machines need beside the tables they share with SQLite.

-- Which installation owns this database: at most one row.
CREATE TABLE cluster (
    id TEXT NOT NULL,
    singleton BOOLEAN NOT NULL DEFAULT TRUE PRIMARY KEY CHECK (singleton)
);

-- Who may do what only one process may. A row stays when nobody holds it, so that its token goes on growing.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    ends TIMESTAMPTZ NOT NULL
);

-- Numbers are given out in blocks, so that a process can number what it has found while nothing answers.
CREATE SEQUENCE alert_id_blocks INCREMENT BY 65536 START 1;
CREATE SEQUENCE change_ids START 1;

-- Live settings, what state.json is beside SQLite: at most one row.
CREATE TABLE state (
    content TEXT NOT NULL,
    version BIGINT NOT NULL,
    who TEXT NOT NULL,
    saved TIMESTAMPTZ NOT NULL,
    singleton BOOLEAN NOT NULL DEFAULT TRUE PRIMARY KEY CHECK (singleton)
);

-- SQLite's functions of these names, as far as they are used.
CREATE FUNCTION instr(hay TEXT, needle TEXT) RETURNS INTEGER LANGUAGE SQL IMMUTABLE PARALLEL SAFE
    AS $$ SELECT strpos(hay, needle) $$;
CREATE FUNCTION json_patch(old TEXT, new TEXT) RETURNS TEXT LANGUAGE SQL IMMUTABLE PARALLEL SAFE
    AS $$ SELECT (old::jsonb || new::jsonb)::text $$;
CREATE FUNCTION json_valid(content TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    PERFORM content::jsonb;
    RETURN TRUE;
EXCEPTION WHEN OTHERS THEN
    RETURN FALSE;
END $$;
