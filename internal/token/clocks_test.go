package token_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

// step is by how much clocks differ, or jump.
const step = 5 * time.Minute

// skewed is a fixture whose second replica has a clock of its own, with a user who has given the client a grant.
type skewed struct {
	fixture
	skew  time.Duration // of b's clock
	grant domain.Grant
}

func setUpSkewed(t *testing.T, db *store.DB, skew time.Duration) *skewed {
	t.Helper()
	s := &skewed{fixture: setUp(t, db), skew: skew}
	s.b = newReplica(t, db, s.master, func() time.Time { return s.now.Load().Add(s.skew) })
	ctx := t.Context()
	user, err := s.a.directory.CreateUser(ctx, domain.User{Username: "alice"}, "")
	must(t, err)
	now := *s.now.Load()
	s.grant = domain.Grant{
		ClientID: s.order(t, s.a).Client.ID, UserID: user.ID, Audience: orders, AuthTime: now, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	s.grant.ID, err = db.InsertGrant(ctx, s.grant)
	must(t, err)
	return s
}

// issue issues a token of the user's, so that every kind of revocation covers it.
func (s *skewed) issue(t *testing.T, r *replica) token.Minted {
	t.Helper()
	must(t, r.cache.Refresh(t.Context()))
	order := s.order(t, r)
	order.Grant = &s.grant
	minted, err := r.tokens.Mint(t.Context(), order)
	must(t, err)
	must(t, r.tokens.Record(t.Context(), r.cache.Revision(), minted.Record))
	return minted
}

// wantActive fails unless both replicas say so of all tokens.
func (s *skewed) wantActive(t *testing.T, when string, want bool, tokens ...token.Minted) {
	t.Helper()
	for i, minted := range tokens {
		for name, r := range s.replicas() {
			if got := s.introspect(t, r, minted.Token) != nil; got != want {
				t.Errorf("%s: token %d is active at %s: %v, want %v", when, i, name, got, want)
			}
		}
	}
}

// wantStatus fails unless the lists of both replicas say so of all tokens.
func (s *skewed) wantStatus(t *testing.T, when string, want domain.TokenStatus, tokens ...token.Minted) {
	t.Helper()
	for i, minted := range tokens {
		for name, r := range s.replicas() {
			if got := status(t, r, minted); got != want {
				t.Errorf("%s: in the list of %s token %d is %d, want %d", when, name, i, got, want)
			}
		}
	}
}

func (s *skewed) replicas() map[string]*replica { return map[string]*replica{"a": s.a, "b": s.b} }

// revocations begin one of each kind at a replica, of what a token has.
var revocations = map[string]func(t *testing.T, r *replica, of domain.IssuedToken) domain.Revocation{
	"user": func(t *testing.T, r *replica, of domain.IssuedToken) domain.Revocation {
		return begin(t, r, domain.RevokeOfUser, of.UserID)
	},
	"client": func(t *testing.T, r *replica, of domain.IssuedToken) domain.Revocation {
		return begin(t, r, domain.RevokeOfClient, of.ClientID)
	},
	"API": func(t *testing.T, r *replica, of domain.IssuedToken) domain.Revocation {
		return begin(t, r, domain.RevokeOfAPI, of.APIID)
	},
	"all": func(t *testing.T, r *replica, _ domain.IssuedToken) domain.Revocation {
		return begin(t, r, domain.RevokeOfAll, 0)
	},
	"key": func(t *testing.T, r *replica, of domain.IssuedToken) domain.Revocation {
		stored, err := r.keys.List(t.Context())
		must(t, err)
		i := slices.IndexFunc(stored, func(k domain.SigningKey) bool { return k.ID == of.KeyID })
		_, begun, err := r.keys.Revoke(t.Context(), stored[i].KID)
		must(t, err)
		return begun
	},
}

func begin(t *testing.T, r *replica, kind domain.RevocationKind, target int64) domain.Revocation {
	t.Helper()
	begun, err := r.tokens.Revoke(t.Context(), domain.Revocation{Kind: kind, TargetID: target})
	must(t, err)
	return begun
}

func TestRevocationsOfEveryKindHoldWhereClocksDiffer(t *testing.T) {
	for name, skew := range map[string]time.Duration{"fast": step, "slow": -step} {
		t.Run("b is "+name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				s := setUpSkewed(t, db, skew)
				for kind, revoke := range revocations {
					for name, at := range s.replicas() {
						when := "tokens of a " + kind + " revoked at " + name
						dead := []token.Minted{s.issue(t, s.a), s.issue(t, s.b)}
						s.wantActive(t, "before "+when, true, dead...)
						s.wantStatus(t, "before "+when, domain.StatusValid, dead...)

						begun := revoke(t, at, dead[0].Record)
						s.wantActive(t, when, false, dead...)
						alive := []token.Minted{s.issue(t, s.a), s.issue(t, s.b)}
						s.wantActive(t, "issued after "+when, true, alive...)

						_, err := s.b.tokens.Finish(t.Context(), begun, nil)
						must(t, err)
						s.wantActive(t, "marked: "+when, false, dead...)
						s.wantActive(t, "issued after "+when, true, alive...)
						s.pass(t, token.StatusPace)
						s.wantStatus(t, when, domain.StatusInvalid, dead...)
						s.wantStatus(t, "issued after "+when, domain.StatusValid, alive...)
					}
				}
			})
		})
	}
}

func TestReplicaWhoseClockJumpsGoesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := setUpSkewed(t, db, 0)
		before := s.issue(t, s.b)
		s.wantStatus(t, "at first", domain.StatusValid, before)
		for _, jump := range []struct {
			name string
			to   time.Duration
		}{{"ahead", step}, {"back", 0}, {"behind", -step}, {"forward again", 0}} {
			s.skew = jump.to
			s.pass(t, token.StatusPace)
			s.wantActive(t, jump.name, true, before)

			revoked, suspended, alive := s.issue(t, s.b), s.issue(t, s.a), s.issue(t, s.b)
			s.wantActive(t, jump.name, true, revoked, suspended, alive)
			must(t, errors.Join(s.a.tokens.RevokeID(t.Context(), revoked.Record.ID), s.b.tokens.Suspend(t.Context(), suspended.Record.ID)))
			s.wantActive(t, jump.name, false, revoked, suspended)
			s.pass(t, token.StatusPace)
			s.wantStatus(t, jump.name, domain.StatusInvalid, revoked)
			s.wantStatus(t, jump.name, domain.StatusSuspended, suspended)
			s.wantStatus(t, jump.name, domain.StatusValid, alive)

			must(t, s.a.tokens.Resume(t.Context(), suspended.Record.ID))
			s.wantActive(t, jump.name, true, suspended)
		}
	})
}

func TestAGrantOfAUserWithVeryManyTokensIsRevokedAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := setUpSkewed(t, db, 0)
		dead := []token.Minted{s.issue(t, s.a), s.issue(t, s.b)}
		others := make([]domain.IssuedToken, 10_000)
		for i := range others {
			others[i] = dead[0].Record
			others[i].ID, others[i].GrantID, others[i].Status = domain.FirstTokenID(*s.now.Load()), 1_000_000, domain.StatusRef{}
			binary.BigEndian.PutUint32(others[i].ID[12:], uint32(i))
		}
		for some := range slices.Chunk(others, 1000) {
			_, err := db.InsertIssuedTokens(t.Context(), some, slices.Repeat([]int64{s.a.cache.Revision()}, len(some)))
			must(t, err)
		}

		var group errgroup.Group
		for i := range 8 { // as when a code is replayed many times at once
			group.Go(func() error {
				r, err := []*replica{s.a, s.b}[i%2].tokens.RevokeGrant(t.Context(), s.grant.ID)
				if err == nil && (r.ID == 0 || !r.DoneAt.IsZero()) {
					t.Errorf("all tokens of the user were looked at before it was answered: %+v", r)
				}
				return err
			})
		}
		must(t, group.Wait())
		open, err := db.OpenRevocations(t.Context())
		must(t, err)
		if len(open) != 1 {
			t.Fatalf("%d revocations were begun", len(open))
		}
		begun := open[0]
		s.wantActive(t, "revoked", false, dead...)
		done, err := s.b.tokens.Finish(t.Context(), begun, nil)
		must(t, err)
		if done.Marked != int64(len(dead)) {
			t.Errorf("%d tokens were marked, want %d", done.Marked, len(dead))
		}
		s.wantActive(t, "marked", false, dead...)
		again, err := s.a.tokens.RevokeGrant(t.Context(), s.grant.ID)
		must(t, err)
		if again.DoneAt.IsZero() {
			t.Errorf("revoked again: %+v", again)
		}
	})
}
