-- What the version after this one might migrate to.

ALTER TABLE clients ADD COLUMN note TEXT;
ALTER TABLE issued_tokens ADD COLUMN note TEXT;
ALTER TABLE users ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE TABLE notes (id INTEGER PRIMARY KEY);
