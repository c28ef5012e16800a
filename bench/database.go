package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "github.com/signet-auth/signet/internal/store" // registers the driver "pgx"
)

// newDatabase makes a database beside the one at a URL, and returns its URL and what drops it.
func newDatabase(ctx context.Context, beside, name string) (made string, drop func(), err error) {
	admin, err := sql.Open("pgx", beside)
	if err != nil {
		return "", nil, err
	}
	if _, err := admin.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		return "", nil, errors.Join(fmt.Errorf("make the database %s: %w", name, err), admin.Close())
	}
	address, err := url.Parse(beside)
	if err != nil {
		return "", nil, err
	}
	address.Path = "/" + name
	query := address.Query()
	query.Set("search_path", "signet") // where our tables are
	address.RawQuery = query.Encode()
	return address.String(), func() {
		_, _ = admin.ExecContext(context.WithoutCancel(ctx), `DROP DATABASE `+name+` WITH (FORCE)`)
		_ = admin.Close()
	}, nil
}

// filling describes generated tokens: in the index they are like issued ones.
type filling struct {
	table    string // that they go into
	rows     int64
	from, to time.Time // between which they were issued, one after the other
	lifetime time.Duration
	users    int   // of two tokens, the number that are of users and not of clients: 0, 1 or 2
	client   int64 // the database id of the client of every tenth token
}

const (
	fillChunk = 20_000           // rows that one statement writes
	batchSpan = 20 * time.Minute // in which the client's tokens were issued: a million in ten seconds would not have been possible
	listSize  = 1 << 20          // entries of a status list
)

// fillLists creates the status lists of the tokens, and returns the id of the first.
const fillLists = `
	WITH made AS (
		INSERT INTO status_lists (size, leased, expires_at, created_at)
		SELECT $1, $1, $2, $2 FROM generate_series(1, $3) RETURNING id)
	SELECT MIN(id) FROM made`

// fillTokens writes the tokens $1 … $2 into %s, in the order of their ids: token n was issued at $3 + $4 n, both in
// milliseconds, and lives $5 microseconds. Of two, $11 are users', with three to a grant; every tenth is of client $6, and was
// issued up to $12 milliseconds earlier, evenly over the $13 tokens; they are in the lists from $7 on, of $8 entries. The tokens
// with ids from $9 to $10, which were issued for real in that time, are moved to where they belong among the others. So they lie
// scattered over the table and its indexes.
const fillTokens = `
	WITH columns AS (
		DELETE FROM issued_tokens WHERE jti >= $9 AND jti < $10
		RETURNING expires_at, revision, grant_id, client_ref, user_id, key_id, api_id, status_list, status_index, jti, digest
	), numbers AS (
		SELECT n, ($3::float8 + $4::float8 * n)::bigint AS ms, (n %% $8 * 660661 + 104729) %% $8 AS scattered
		FROM generate_series($1::bigint, $2::bigint) AS n
	)
	INSERT INTO %s
		(expires_at, revision, grant_id, client_ref, user_id, key_id, api_id, status_list, status_index, jti, digest)
	SELECT * FROM columns
	UNION ALL
	SELECT ms / 1000 * 1000000 + $5::bigint, i.revision, CASE WHEN n %% 2 < $11 THEN n / 3 END,
		CASE WHEN n %% 10 = 1 THEN $6 ELSE 1000 + n %% 97 END, CASE WHEN n %% 2 < $11 THEN n * 7919 %% 100000 END, k.id, a.id,
		$7 + n / $8, scattered # (scattered >> 9),
		(lpad(to_hex(CASE WHEN n %% 10 = 1 THEN ms - $12 + $12 * n / $13 ELSE ms END), 12, '0') || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid AS jti, gen_random_uuid()
	FROM numbers, installation i, signing_keys k, apis a
	WHERE k.state = 'active' AND k.alg = 'ES256' AND a.audience <> 'urn:signet:admin'
	ORDER BY jti`

// fill generates tokens.
func (f filling) fill(ctx context.Context, db *sql.DB) error {
	var list int64
	expires := f.to.Add(f.lifetime).UnixMicro()
	if err := db.QueryRowContext(ctx, fillLists, listSize, expires, f.rows/listSize+1).Scan(&list); err != nil {
		return fmt.Errorf("make status lists: %w", err)
	}
	statement, err := db.PrepareContext(ctx, fmt.Sprintf(fillTokens, f.table))
	if err != nil {
		return err
	}
	defer statement.Close()
	from, step := float64(f.from.UnixMilli()), float64(f.to.Sub(f.from).Milliseconds())/float64(f.rows)
	firstID := func(n int64) string { return fmt.Sprintf("%012x%020x", int64(from+step*float64(n)), 0) }
	for n := int64(0); n < f.rows; n += fillChunk {
		end := min(n+fillChunk, f.rows)
		_, err := statement.ExecContext(ctx, n, end-1, from, step, f.lifetime.Microseconds(), f.client, list, listSize, firstID(n), firstID(end), f.users,
			batchSpan.Milliseconds(), f.rows)
		if err != nil {
			return fmt.Errorf("generate tokens: %w", err)
		}
	}
	return nil
}

// vacuum does what autovacuum and checkpoints would do during the measurement otherwise.
func vacuum(ctx context.Context, db *sql.DB, table string) error {
	for _, statement := range []string{`VACUUM (ANALYZE) ` + table, `CHECKPOINT`} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// bytesPerRow is the size of a row of a table, indexes included, and the parts of that size.
func bytesPerRow(ctx context.Context, db *sql.DB, table string, rows int64) (bytes float64, parts string, err error) {
	err = db.QueryRowContext(ctx, `
		SELECT pg_total_relation_size($1::regclass) / $2::float8, string_agg(name || ' ' || round(bytes / $2::numeric), ', ' ORDER BY bytes DESC)
		FROM (
			SELECT 'table' AS name, pg_table_size($1::regclass) AS bytes
			UNION ALL
			SELECT pg_get_indexdef(indexrelid, 1, TRUE), pg_relation_size(indexrelid) FROM pg_index WHERE indrelid = $1::regclass
		) AS parts`, table, rows).Scan(&bytes, &parts)
	return bytes, parts, err
}

// clientID is the database id of a client.
func (s *instance) clientID(ctx context.Context, name string) (id int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT id FROM clients WHERE client_id = $1`, name).Scan(&id)
	return id, err
}

// awaitRevocation waits until a revocation is in progress and returns how many rows it has updated.
func (s *instance) awaitRevocation(ctx context.Context) (marked int64, err error) {
	for {
		err := s.db.QueryRowContext(ctx, `SELECT marked FROM revocations WHERE done_at IS NULL`).Scan(&marked)
		if !errors.Is(err, sql.ErrNoRows) {
			return marked, err
		}
		time.Sleep(time.Millisecond)
	}
}

// partition makes a partition of the index from tokens that all expire in the hour that begins at a time, and returns its name
// and what a row takes. It is attached once it is full, so that no server drops it before.
func (f filling) partition(ctx context.Context, db *sql.DB, hour time.Time) (name string, bytes float64, parts string, err error) {
	f.table = "filling"
	if _, err := db.ExecContext(ctx, `CREATE TABLE filling (LIKE issued_tokens INCLUDING ALL, PRIMARY KEY (jti)) WITH (fillfactor = 90)`); err != nil {
		return "", 0, "", err
	}
	if err := f.fill(ctx, db); err != nil {
		return "", 0, "", err
	}
	if err := vacuum(ctx, db, f.table); err != nil {
		return "", 0, "", err
	}
	if bytes, parts, err = bytesPerRow(ctx, db, f.table, f.rows); err != nil {
		return "", 0, "", err
	}
	name = hour.UTC().Format("issued_tokens_2006010215")
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", 0, "", err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	_, failure := tx.ExecContext(ctx, `ALTER TABLE filling RENAME TO `+name)
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE issued_tokens ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`,
		name, hour.UnixMicro(), hour.Add(time.Hour).UnixMicro()))
	return name, bytes, parts, errors.Join(failure, err, tx.Commit())
}

// countTables counts the tables that exist.
func countTables(ctx context.Context, db *sql.DB, names []string) (n int, err error) {
	err = db.QueryRowContext(ctx, `SELECT COUNT(to_regclass(name)) FROM unnest($1::text[]) AS name`, names).Scan(&n)
	return n, err
}
