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
func newDatabase(ctx context.Context, beside, name string) (string, func(), error) {
	admin, err := sql.Open("pgx", beside)
	if err != nil {
		return "", nil, err
	}
	if _, err := admin.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		return "", nil, errors.Join(fmt.Errorf("make the database %s: %w", name, err), admin.Close())
	}
	made, err := url.Parse(beside)
	if err != nil {
		return "", nil, err
	}
	made.Path = "/" + name
	return made.String(), func() {
		_, _ = admin.ExecContext(context.WithoutCancel(ctx), `DROP DATABASE `+name+` WITH (FORCE)`)
		_ = admin.Close()
	}, nil
}

const (
	chunk        = 20_000  // rows that one statement writes
	listSize     = 1 << 20 // entries of a status list
	everyNth     = 10      // token is one of the client that is revoked at last
	otherClients = 100
	users        = 100_000
)

// filling is how tokens are made up: like issued ones in all that the index has of them, but nobody has them.
type filling struct {
	table    string    // that they go into
	rows     int64     // that there are to be
	from, to time.Time // between which they were issued, one after the other
	lifetime time.Duration
	client   int64 // whose every tenth is
}

// fillStatement writes the tokens $1 … $2 of $3, issued from $4 to $5 (milliseconds), which live $6 microseconds, in the order
// of their ids. Half of them are users', and a grant has three. Tokens issued for real in that time are moved to where they
// belong among them, so that they lie scattered over table and indexes.
const fillStatement = `
	WITH bounds AS (
		SELECT lpad(to_hex($4::bigint + ($5::bigint - $4::bigint) * $1::bigint / $3::bigint), 12, '0') AS lo,
			lpad(to_hex($4::bigint + ($5::bigint - $4::bigint) * ($2::bigint + 1) / $3::bigint), 12, '0') AS hi),
	real AS (
		DELETE FROM issued_tokens
		WHERE jti >= (SELECT rpad(lo, 32, '0')::uuid FROM bounds) AND jti < (SELECT rpad(hi, 32, '0')::uuid FROM bounds)
		RETURNING issued_at, expires_at, revision, user_id, grant_id, client_id, key_id, api_id, status_list, status_index, kind, jti, digest),
	numbers AS (
		SELECT n, $4::bigint + ($5::bigint - $4::bigint) * n / $3::bigint AS ms,
			(n % $10::bigint * 660661 + 104729) % $10::bigint AS scattered
		FROM generate_series($1::bigint, $2::bigint) AS n)
	INSERT INTO %s
		(issued_at, expires_at, revision, user_id, grant_id, client_id, key_id, api_id, status_list, status_index, kind, jti, digest)
	SELECT * FROM real
	UNION ALL
	SELECT ms / 1000 * 1000000, ms / 1000 * 1000000 + $6::bigint, i.revision,
		CASE WHEN n %% 2 = 1 THEN hashint8(n) & 65535 END, CASE WHEN n %% 2 = 1 THEN n / 6 END,
		CASE WHEN n %% $7::bigint = 0 THEN $8::bigint ELSE 1000 + (hashint8(n) & 127) END, k.id, a.id,
		$9::bigint + n / $10::bigint, scattered # (scattered >> 9 & 511), 1,
		(lpad(to_hex(ms), 12, '0') || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid, gen_random_uuid()
	FROM numbers, installation i, signing_keys k, apis a
	WHERE k.state = 'active' AND k.alg = 'ES256'
	ORDER BY 12`
