package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

var sizes = `SELECT c.relname, pg_relation_size(c.oid), (SELECT count(*) FROM issued_tokens) FROM pg_class c WHERE c.relname LIKE 'issued_tokens_%' AND pg_relation_size(c.oid) > 8192 ORDER BY 1`

func show(t *testing.T, conn *pgx.Conn, q string, args ...any) {
	rows, err := conn.Query(t.Context(), q, args...)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		v, _ := rows.Values()
		t.Log(v...)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
}

func explain(t *testing.T, conn *pgx.Conn, q string, args ...any) {
	show(t, conn, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) "+q, args...)
}

func TestZZSize(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("ZZ"))
	clients, _ := strconv.Atoi(os.Getenv("ZZC"))
	url := pgtest.Database(t)
	db, err := Open(t.Context(), url, Options{OpTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	now := time.Now().Truncate(time.Hour)
	s := time.Now()
	var refs []domain.TokenRef
	var mu sync.Mutex
	var wg sync.WaitGroup
	i := 0
	for range 4 {
		wg.Go(func() {
			for {
				mu.Lock()
				if i >= n {
					mu.Unlock()
					return
				}
				batch := make([]domain.IssuedToken, 250)
				for j := range batch {
					at := now.Add(time.Duration(i) * time.Second / 2777)
					var ms [8]byte
					binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
					tk := &batch[j]
					rand.Read(tk.ID[:])
					copy(tk.ID[:6], ms[2:])
					rand.Read(tk.Digest[:])
					tk.Kind, tk.KeyID, tk.ClientID, tk.APIID = 1, 1, int64(1+mrand.IntN(clients)), int64(1+mrand.IntN(3))
					if mrand.IntN(2) == 0 {
						tk.ClientID = 1
					}
					tk.IssuedAt, tk.ExpiresAt = at, at.Add(time.Hour).Truncate(time.Second)
					tk.Status = domain.StatusRef{List: 1 + int64(i>>20), Index: int32(i & (1<<20 - 1))}
					i++
				}
				refs = append(refs, domain.TokenRef{ID: batch[0].ID, ExpiresAt: batch[0].ExpiresAt})
				mu.Unlock()
				mrand.Shuffle(len(batch), func(a, b int) { batch[a], batch[b] = batch[b], batch[a] })
				if _, err := db.InsertIssuedTokens(t.Context(), batch, slices.Repeat([]int64{1}, len(batch))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	t.Log("insert", time.Since(s), float64(n)/time.Since(s).Seconds(), "rows/s")
	conn.Exec(t.Context(), "VACUUM ANALYZE issued_tokens")
	rows, _ := conn.Query(t.Context(), sizes)
	var total int64
	for rows.Next() {
		var name string
		var size, count int64
		rows.Scan(&name, &size, &count)
		total += size
		t.Logf("%-60s %10d %.1f", name, size, float64(size)/float64(count))
	}
	t.Logf("bytes a row: %.1f", float64(total)/float64(n))
	db.PreparePartitions(t.Context(), now, time.Time{})
	s = time.Now()
	for range 500 {
		db.Ping(t.Context())
	}
	t.Log("ping", time.Since(s)/500)
	for _, q := range []string{"generic", "custom"} {
		show(t, conn, "SELECT name, generic_plans, custom_plans FROM pg_prepared_statements")
		_ = q
	}
	for _, k := range []int{1, 32, 256, 1, 32, 256} {
		s = time.Now()
		const rounds = 500
		for range rounds {
			some := make([]domain.TokenRef, k)
			for i := range some {
				some[i] = refs[mrand.IntN(len(refs))]
			}
			found, _, err := db.FindIssuedTokens(t.Context(), some)
			if err != nil || len(found) == 0 {
				t.Fatal(err, len(found))
			}
		}
		t.Log("find", k, time.Since(s)/rounds)
	}
	for _, f := range []domain.TokenFilter{
		{}, {ClientID: 1}, {ClientID: 2}, {ClientID: 9999}, {APIID: 2}, {APIID: 99}, {UserID: 5}, {GrantID: 5}, {ClientID: 1, Before: refs[len(refs)/2].ID},
		{ClientID: 1, Live: true, Now: now.Add(30 * time.Minute)}, {ClientID: 1, APIID: 99}, {ID: refs[5].ID}, {Live: true, Now: now}, {KeyID: 99}, {APIID: 2, Before: refs[len(refs)/2].ID},
	} {
		f.Limit = 50
		for range 7 {
			s = time.Now()
			l, err := db.ListIssuedTokens(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Since(s); true {
				t.Logf("list %+v: %d in %v", f, len(l), d)
			}
			break
		}
	}
	if os.Getenv("ZZX") != "" {
		where, order, args := db.tokenConditions(domain.TokenFilter{ClientID: 1, Limit: 50})
		explain(t, conn, `SELECT * FROM issued_tokens t WHERE `+where+` ORDER BY `+order+` LIMIT 50`, args...)
		where, order, args = db.tokenConditions(domain.TokenFilter{Limit: 50})
		explain(t, conn, `SELECT * FROM issued_tokens t WHERE `+where+` ORDER BY `+order+` LIMIT 50`, args...)
		q, args := db.dialect.tokensByRef(refs[:32])
		explain(t, conn, q, args...)
	}
	if os.Getenv("ZZU") != "" {
		slices.SortFunc(refs, func(a, b domain.TokenRef) int { return slices.Compare(a.ID[:], b.ID[:]) })
		from, to := refs[1000].ID[:], refs[1160].ID[:]
		tx, _ := conn.Begin(t.Context())
		explain(t, conn, `UPDATE issued_tokens SET revoked_at = 5 WHERE jti > $1 AND client_id = $3 AND substr(uuid_send(jti),1,4) >= substr(uuid_send($1),1,4) AND jti <= $2 AND substr(uuid_send(jti),1,4) <= substr(uuid_send($2),1,4) AND revoked_at IS NULL AND revision < 4 RETURNING status_list, status_index`, from, to, 1)
		explain(t, conn, `SELECT jti FROM issued_tokens WHERE jti > $1 AND client_id = $2 AND substr(uuid_send(jti),1,4) >= substr(uuid_send($1),1,4) ORDER BY substr(uuid_send(jti),1,4), jti LIMIT 1 OFFSET 20000`, from, 1)
		from, to = refs[2000].ID[:], refs[2080].ID[:]
		explain(t, conn, `UPDATE issued_tokens SET revoked_at = 5 WHERE jti > $1 AND jti <= $2 AND revoked_at IS NULL AND revision < 4 RETURNING status_list, status_index`, from, to)
		tx.Rollback(t.Context())
	}
	for _, r := range []domain.Revocation{{Kind: domain.RevokeOfClient, TargetID: 1}, {Kind: domain.RevokeOfKey, TargetID: 1}} {
		r, err = db.InsertRevocation(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		s = time.Now()
		steps := 0
		var worst time.Duration
		for r.DoneAt.IsZero() {
			s := time.Now()
			if r, err = db.StepRevocation(t.Context(), r.ID, 20000, time.Now()); err != nil {
				t.Fatal(err)
			}
			worst = max(worst, time.Since(s))
			steps++
		}
		t.Log("revoked", r.Kind, r.Marked, "in", time.Since(s), "steps", steps, "worst", worst, fmt.Sprintf("%.1f s/M", time.Since(s).Seconds()/float64(r.Marked)*1e6))
	}
	s = time.Now()
	e, seq, err := db.StatusEntries(t.Context(), 1)
	t.Log("entries", len(e), len(e[0].Indexes), seq, err, time.Since(s))
	s = time.Now()
	t.Log(db.foldStatusChanges(t.Context()))
	t.Log("fold", time.Since(s))
	s = time.Now()
	e, seq, err = db.StatusEntries(t.Context(), 1)
	t.Log("entries", len(e), len(e[0].Indexes), seq, err, time.Since(s))
	s = time.Now()
	if err := db.PreparePartitions(t.Context(), now.Add(40*time.Hour), now.Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	t.Log("drop all", time.Since(s))
}
