package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// Run is the suite that every database must pass. At each call newDB gives a new, migrated database, and newURL names an empty one.
func Run(t *testing.T, newDB func(tb testing.TB) *store.DB, newURL func(tb testing.TB) string) {
	suites := map[string]map[string]func(*testing.T, *store.DB){
		"apis": apiTests, "policies": policyTests, "resources": resourceTests, "clients": clientTests, "users": userTests, "attributes": attributeTests, "credentials": credentialTests, "password links": passwordLinkTests, "keyed requests": keyedTests, "filters": filterTests, "session lists": sessionListTests, "groups": groupTests, "roles": roleTests,
		"assignments": assignmentTests, "setup": setupTests, "sessions": sessionTests, "grants": grantTests, "devices": deviceTests, "index": indexTests, "list": listTests,
		"keys": keyTests, "hostile": hostileTests, "large changes": largeChangeTests, "versions": versionTests, "audit": auditTests, "changes": changeTests, "transactions": transactionTests, "purge": purgeTests, "registrations": registrationTests, "outbox": outboxTests,
		"marks": markTests, "revocations": revocationTests, "lost": lostTests, "criteria": criteriaTests, "status": statusTests, "partitions": partitionTests, "statistics": statisticsTests, "sets": setTests, "attention": attentionTests, "acme": acmeTests, "limits": limitTests,
	}
	for name, tests := range suites {
		t.Run(name, func(t *testing.T) {
			for name, test := range tests {
				t.Run(name, func(t *testing.T) { test(t, newDB(t)) })
			}
		})
	}
	for name, test := range urlTests {
		t.Run(name, func(t *testing.T) { test(t, newURL(t)) })
	}
}

// t0 is when the tests take place.
var t0 = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func must[T any](v T, err error) func(tb testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		check(tb, err)
		return v
	}
}

func wantErr(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("got error %v, want %v", err, want)
	}
}

func same[T any](tb testing.TB, got, want T) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("(-want +got)\n%s", diff)
	}
}

// revision is the database's.
func revision(tb testing.TB, db *store.DB) int64 {
	tb.Helper()
	_, revision, _, err := db.Changes(tb.Context(), 0)
	check(tb, err)
	return revision
}

// wantChanges runs a change and checks that it made one revision, which names just these objects, each "kind key".
func wantChanges(tb testing.TB, db *store.DB, change func(ctx context.Context) error, want ...string) {
	tb.Helper()
	before := revision(tb, db)
	check(tb, change(tb.Context()))
	changes, after, complete, err := db.Changes(tb.Context(), before)
	check(tb, err)
	if after != before+1 || !complete {
		tb.Errorf("revision went from %d to %d, complete: %v; want one more", before, after, complete)
	}
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%s %s", c.Kind, c.Key))
	}
	slices.Sort(want)
	slices.Sort(got)
	same(tb, got, want)
}

// parallel runs op n times at once and returns how often it succeeded, and with which other errors it failed.
func parallel(n int, op func(i int) error) (succeeded int, failed []error) {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = op(i)
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			succeeded++
		} else {
			failed = append(failed, err)
		}
	}
	return succeeded, failed
}

// onlyOneWins checks that of 50 at once one succeeds and the others get the error.
func onlyOneWins(tb testing.TB, loser error, op func(i int) error) {
	tb.Helper()
	succeeded, failed := parallel(50, op)
	if succeeded != 1 {
		tb.Errorf("%d of 50 succeeded, want 1", succeeded)
	}
	for _, err := range failed {
		wantErr(tb, err, loser)
	}
}

// world is a small installation: one of each.
type world struct {
	api, client, user, group, role int64
}

const audience = "https://orders.example"

// orders is what a grant has that covers that API alone.
var orders = []domain.GrantAPI{{Audience: audience}}

func makeWorld(tb testing.TB, db *store.DB) (w world) {
	tb.Helper()
	ctx := tb.Context()
	w.api = must(db.InsertAPI(ctx, domain.API{
		Audience: audience, SigningAlg: domain.ES256, CreatedAt: t0, UpdatedAt: t0,
		Permissions: []domain.Permission{{Name: "orders:read"}, {Name: "orders:write"}},
	}))(tb)
	w.client = must(db.InsertClient(ctx, domain.Client{
		ClientID: "shop", IDTokenAlg: domain.ES256, CreatedAt: t0, UpdatedAt: t0, Serves: []string{audience},
		APIs: []domain.ClientAPI{{Audience: audience, Permissions: []string{"orders:read"}}},
	}))(tb)
	w.user = must(db.InsertUser(ctx, domain.User{Subject: "sub-alice", Username: "alice", CreatedAt: t0, UpdatedAt: t0}))(tb)
	w.group = must(db.InsertGroup(ctx, domain.Group{Name: "ops", CreatedAt: t0}))(tb)
	w.role = must(db.InsertRole(ctx, domain.Role{
		Name: "clerk", CreatedAt: t0, UpdatedAt: t0,
		Permissions: []domain.RolePermission{{Audience: audience, Permission: "orders:read"}},
	}))(tb)
	return w
}

func (w world) grant(tb testing.TB, db *store.DB) int64 {
	tb.Helper()
	return must(db.InsertGrant(tb.Context(), domain.Grant{
		ClientID: w.client, UserID: w.user, APIs: orders, AuthTime: t0, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
	}))(tb)
}

// issued makes tokens of the world's client, the ids counting from a number.
func (w world) issued(from, n int) []domain.IssuedToken {
	tokens := make([]domain.IssuedToken, n)
	for i := range tokens {
		tokens[i] = domain.IssuedToken{
			ID: tokenID(from + i), Kind: domain.TokenAccess, KeyID: 1000, ClientID: w.client, APIID: w.api, ExpiresAt: t0.Add(time.Hour),
		}
	}
	return tokens
}

// tokenID is the n-th since t0, of ten in a second; a negative one is from before.
func tokenID(n int) domain.TokenID {
	id := domain.FirstTokenID(t0.Add(time.Duration(n) * 100 * time.Millisecond))
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

// indexed puts tokens into the index, and sets the revision at which they were written.
func indexed(tb testing.TB, db *store.DB, tokens ...domain.IssuedToken) {
	tb.Helper()
	now := revision(tb, db)
	_, err := db.InsertIssuedTokens(tb.Context(), tokens, slices.Repeat([]int64{now}, len(tokens)))
	check(tb, err)
	for i := range tokens {
		tokens[i].Revision = now
	}
}

// liveTokens counts the tokens that the filter chooses and that are live at t0.
func liveTokens(tb testing.TB, db *store.DB, filter domain.TokenFilter) int {
	tb.Helper()
	filter.State, filter.Now = domain.TokenLive, t0
	return len(listTokens(tb, db, filter))
}

// listTokens returns all tokens that the filter chooses, read page by page.
func listTokens(tb testing.TB, db *store.DB, filter domain.TokenFilter) (all []domain.TokenEntry) {
	tb.Helper()
	for {
		entries, next, err := db.ListIssuedTokens(tb.Context(), filter)
		check(tb, err)
		all = append(all, entries...)
		if next == (domain.TokenID{}) {
			return all
		}
		filter.Before = next
	}
}

func text(id int64) string { return strconv.FormatInt(id, 10) }
