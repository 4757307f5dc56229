package view

// schemaVersion is kept in the file's user_version. An older file is dropped and fed again by its owner.
const schemaVersion = 1

// A message's n is made from its time (see nextN), so that the newest hits of a search come first without sorting.
// place is the scope where the row stands in the main line, fresh the scope where it is unread there: NULL otherwise,
// so that the partial indexes hold nothing else. hlc has its top bit flipped, since SQLite's numbers are signed; wrote
// is that of the op, where an imported message is displayed by another.
const schema = `
CREATE TABLE meta(k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID;
INSERT INTO meta VALUES('cursor', 0), ('indexed', 0);
CREATE TABLE scopes(n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, generation INTEGER NOT NULL DEFAULT 0);
CREATE TABLE logs(n INTEGER PRIMARY KEY, scope INTEGER NOT NULL, id BLOB NOT NULL, device BLOB NOT NULL,
  user INTEGER NOT NULL, top INTEGER NOT NULL, below INTEGER NOT NULL, UNIQUE(id, scope, device));
CREATE INDEX logs_of ON logs(scope);
CREATE TABLE reads(scope INTEGER, log BLOB, below INTEGER NOT NULL, PRIMARY KEY(scope, log)) WITHOUT ROWID;
CREATE TABLE authors(n INTEGER PRIMARY KEY, user BLOB NOT NULL, system TEXT NOT NULL, source TEXT NOT NULL,
  name TEXT NOT NULL, UNIQUE(user, system, source, name));
CREATE TABLE messages(n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, op BLOB, scope INTEGER NOT NULL, hlc INTEGER NOT NULL,
  wrote INTEGER, author INTEGER NOT NULL, log INTEGER NOT NULL, seq INTEGER NOT NULL, kind INTEGER NOT NULL, root BLOB, place INTEGER,
  fresh INTEGER, calls INTEGER, mine INTEGER, pinned INTEGER, facts INTEGER NOT NULL, late INTEGER NOT NULL,
  arrived INTEGER NOT NULL, body BLOB);
CREATE UNIQUE INDEX messages_op ON messages(op) WHERE op NOT NULL;
CREATE INDEX messages_line ON messages(place, hlc, id) WHERE place NOT NULL;
CREATE INDEX messages_reply ON messages(root, hlc, id, author, log, seq) WHERE root NOT NULL;
CREATE INDEX messages_fresh ON messages(fresh, hlc, calls) WHERE fresh NOT NULL;
CREATE INDEX messages_log ON messages(log, seq);
CREATE INDEX messages_calls ON messages(calls) WHERE calls NOT NULL;
CREATE INDEX messages_mine ON messages(mine, root) WHERE mine NOT NULL;
CREATE INDEX messages_locked ON messages(kind) WHERE kind=3;
CREATE INDEX messages_pinned ON messages(pinned) WHERE pinned NOT NULL;
CREATE TABLE facts(n INTEGER PRIMARY KEY, id BLOB NOT NULL, target BLOB NOT NULL, kind INTEGER NOT NULL,
  scope INTEGER NOT NULL, hlc INTEGER NOT NULL, log INTEGER NOT NULL, seq INTEGER NOT NULL, arrived INTEGER NOT NULL,
  late INTEGER NOT NULL, rights INTEGER NOT NULL, body BLOB, UNIQUE(id, target));
CREATE INDEX facts_target ON facts(target);
CREATE TABLE files(file BLOB, message INTEGER, PRIMARY KEY(file, message)) WITHOUT ROWID;
CREATE INDEX files_message ON files(message);
CREATE TABLE ranks(scope INTEGER, level INTEGER, bucket INTEGER, rows INTEGER NOT NULL,
  PRIMARY KEY(scope, level, bucket)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(exact, stem, tags, content='', columnsize=0, tokenize='ascii', prefix='2 3');
INSERT INTO words(words, rank) VALUES('secure-delete', 1), ('hashsize', 4194304);
`

// The kinds of rows in messages beyond those of chat.PostKind.
const (
	kindBare = 10 // an op whose payload is gone and of which nothing says that a row stands for it
	kindLine = 11
	kindMute = 12 // an op that was opened and is shown as nothing
)

// The kinds of rows in facts beyond chat.Kind.
const (
	factDead   = 0 // redacted: kept so that it is not taken in again
	factRedact = 100
)
