package status

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// stingyStore gives one change at a time.
type stingyStore struct{ Lists }

func (s stingyStore) StatusChanges(ctx context.Context, after int64, _ int) ([]domain.StatusChange, int64, bool, error) {
	return s.Lists.StatusChanges(ctx, after, 1)
}

// forgetfulStore does not know all changes any more.
type forgetfulStore struct{ Lists }

func (s forgetfulStore) StatusChanges(ctx context.Context, after int64, limit int) ([]domain.StatusChange, int64, bool, error) {
	_, newest, _, err := s.Lists.StatusChanges(ctx, after, limit)
	return nil, newest, false, err
}

func TestSyncEndsWithEveryChangeInItsOwnList(t *testing.T) {
	for name, wrap := range map[string]func(Lists) Lists{
		"all at once": func(s Lists) Lists { return s }, "one at a time": func(s Lists) Lists { return stingyStore{s} },
		"changes are gone": func(s Lists) Lists { return forgetfulStore{s} },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				ctx, now := eventtest.Context(t), time.Now()
				p := NewPublisher(wrap(db), nil, "", time.Second, func() time.Time { return now })
				allocator := testAllocator(db)
				var tokens []domain.IssuedToken
				var lists []*publishedList
				for i := range 2 {
					for n := range 3 {
						expires := now.Add(time.Duration(i+1) * time.Hour)
						ref, err := allocator.Allocate(ctx, expires)
						check(t, err)
						tokens = append(tokens, domain.IssuedToken{
							ID: domain.TokenID{byte(i + 1), byte(n)}, Kind: domain.TokenAccess, Status: ref, ExpiresAt: expires,
						})
					}
					l, err := p.find(ctx, tokens[len(tokens)-1].Status.List)
					check(t, err)
					lists = append(lists, l)
				}
				_, revision, _, err := db.Changes(ctx, 0)
				check(t, err)
				_, err = db.InsertIssuedTokens(ctx, tokens, slices.Repeat([]int64{revision}, len(tokens)))
				check(t, err)
				for _, revoked := range tokens[1:] {
					_, err = db.RevokeTokens(ctx, now, revoked.Ref())
					check(t, err)
				}
				now = now.Add(time.Minute)
				check(t, p.Sync(ctx))
				for i, l := range lists {
					if !l.asOf.Equal(now) {
						t.Errorf("list %d is current as of %v, want %v", i, l.asOf, now)
					}
					for n, issued := range tokens {
						want := domain.StatusInvalid
						if n == 0 || issued.Status.List != l.ID {
							want = domain.StatusValid
						}
						got, err := l.entries.Get(int(issued.Status.Index))
						if err != nil || got != want {
							t.Errorf("list %d says %d of token %d (%v), want %d", i, got, n, err, want)
						}
					}
				}
			})
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
