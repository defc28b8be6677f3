package store

// applicationID marks the file as ours, at offset 68 of its first page: "hook"
// in ASCII.
const applicationID = 0x686f6f6b

// schemaVersion is what this program writes and understands. A file with an
// older one is brought forward when it is opened for writing, a file with a
// newer one is left alone.
const schemaVersion = 1

// pageSize is a compromise between rows of about 1.5 kB, of which five fit,
// and the pages that a commit of a single row has to sync.
const pageSize = 8192

// schema is version 1.
//
// A delivery is one row whose seq grows in the order of commits, over all
// processes. Only what a commit must check stands in it and in its one index;
// by_key, by_facet and texts are derived from it by the indexer, up to the seq
// that state.indexed and state.texted say. Rows past those are looked through
// one by one.
const schema = `
CREATE TABLE delivery (
	seq     INTEGER PRIMARY KEY,
	id      BLOB NOT NULL,     -- 16 bytes, sorts by time
	at      INTEGER NOT NULL,  -- received, Unix microseconds
	stored  INTEGER NOT NULL,  -- committed, Unix milliseconds: what retention goes by
	facet   INTEGER NOT NULL,  -- what it can be filtered by
	key     INTEGER NOT NULL,  -- hash of what makes two deliveries duplicates
	answer  INTEGER,           -- status it was answered with, if that was known on arrival
	dup     BLOB,              -- id of the first delivery with the same event
	record  BLOB NOT NULL,     -- the rest of it, see codec.go
	sum     BLOB NOT NULL,     -- SHA-256 of body, CRC-32C of answer and dup
	body    BLOB NOT NULL
);
CREATE UNIQUE INDEX delivery_id ON delivery (id);

-- One row for each combination that occurs. type is NULL in the rows for
-- what had no room of its own.
CREATE TABLE facet (
	facet     INTEGER PRIMARY KEY,
	provider  TEXT NOT NULL,
	type      TEXT,
	direction TEXT NOT NULL,
	status    TEXT NOT NULL,
	UNIQUE (provider, type, direction, status)
);

CREATE TABLE by_facet (facet INTEGER, id BLOB, seq INTEGER, PRIMARY KEY (facet, id)) WITHOUT ROWID;
CREATE TABLE by_key (key INTEGER, seq INTEGER, PRIMARY KEY (key, seq)) WITHOUT ROWID;

-- Deliveries whose newest attempt, or without one whose answer, is not 2xx.
CREATE TABLE failed (facet INTEGER, id BLOB, seq INTEGER, PRIMARY KEY (facet, id)) WITHOUT ROWID;

-- Trigrams of what can be searched, without the text itself and without the
-- places in it: a match is looked for in the delivery again. Segments are
-- merged by the indexer, in steps that hold the lock only for a moment.
CREATE VIRTUAL TABLE texts USING fts5 (
	text, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1'
);
INSERT INTO texts (texts, rank) VALUES ('automerge', 0);
INSERT INTO texts (texts, rank) VALUES ('usermerge', 8);
INSERT INTO texts (texts, rank) VALUES ('crisismerge', 64);

-- Deliveries up to state.texted that are too large for texts.
CREATE TABLE untexted (seq INTEGER PRIMARY KEY);

-- n grows in the order of commits. Number 0 is not an attempt: it is the
-- status that the delivery itself was answered with in the end.
CREATE TABLE attempt (
	n      INTEGER PRIMARY KEY,
	seq    INTEGER NOT NULL,
	number INTEGER NOT NULL,
	record BLOB NOT NULL,
	body   BLOB
);
CREATE UNIQUE INDEX attempt_of ON attempt (seq, number);

-- Deliveries that are to be tried again.
CREATE TABLE pending (
	id      BLOB NOT NULL,
	url     TEXT NOT NULL,
	number  INTEGER NOT NULL,
	next_at INTEGER NOT NULL,  -- Unix microseconds
	note    TEXT NOT NULL,
	PRIMARY KEY (id, url)
) WITHOUT ROWID;
CREATE INDEX pending_next ON pending (next_at);

CREATE TABLE state (
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	version  INTEGER NOT NULL,  -- as user_version: a writer meets it in every transaction
	seq      INTEGER NOT NULL,  -- last one given to a delivery
	attempt  INTEGER NOT NULL,  -- last n given to an attempt
	count    INTEGER NOT NULL,  -- deliveries
	holes    INTEGER NOT NULL,  -- how many were deleted that were not the oldest
	bytes    INTEGER NOT NULL,  -- of their bodies
	skew     INTEGER NOT NULL,  -- how far an id may be ahead of its received time, ms
	indexed  INTEGER NOT NULL,
	texted   INTEGER NOT NULL,
	salt     BLOB NOT NULL      -- of key
);
INSERT INTO state VALUES (1, 1, 0, 0, 0, 0, 0, 0, 0, 0, randomblob(16));
`
