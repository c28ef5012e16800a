package revocation_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

// step is by how much clocks differ, or jump.
const step = 5 * time.Minute

// skewed is a fixture whose second replica has a clock of its own, with a user who has given the client a grant.
type skewed struct {
	servicetest.Fixture
	skew  time.Duration // of b's clock
	grant domain.Grant
}

func setUpSkewed(t *testing.T, db *store.DB, skew time.Duration) *skewed {
	t.Helper()
	s := &skewed{Fixture: servicetest.SetUp(t, db), skew: skew}
	s.B = servicetest.NewReplica(t, db, s.Master, func() time.Time { return s.Now.Load().Add(s.skew) })
	now := *s.Now.Load()
	s.grant = domain.Grant{
		ClientID: s.Request(t, s.A).Client.ID, UserID: s.Alice.ID, APIs: []domain.GrantAPI{{Audience: servicetest.Orders}}, AuthTime: now, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	var err error
	s.grant.ID, err = db.InsertGrant(eventtest.Context(t), s.grant)
	servicetest.Must(t, err)
	return s
}

// issue issues a token of the user's, so that every kind of revocation covers it.
func (s *skewed) issue(t *testing.T, r *servicetest.Replica) token.SignedToken {
	t.Helper()
	servicetest.Must(t, r.Cache.Refresh(eventtest.Context(t)))
	order := s.Request(t, r)
	order.Grant = &s.grant
	minted, err := r.Minter.Mint(eventtest.Context(t), order)
	servicetest.Must(t, err)
	servicetest.Must(t, r.Index.Record(eventtest.Context(t), r.Cache.Revision(), minted.Record))
	return minted
}

// wantActive fails unless both replicas say so of all tokens.
func (s *skewed) wantActive(t *testing.T, when string, want bool, tokens ...token.SignedToken) {
	t.Helper()
	for i, minted := range tokens {
		for name, r := range s.replicas() {
			if got := s.Introspect(t, r, minted.Token) != nil; got != want {
				t.Errorf("%s: token %d is active at %s: %v, want %v", when, i, name, got, want)
			}
		}
	}
}

// wantStatus fails unless the lists of both replicas say so of all tokens.
func (s *skewed) wantStatus(t *testing.T, when string, want domain.TokenStatus, tokens ...token.SignedToken) {
	t.Helper()
	for i, minted := range tokens {
		for name, r := range s.replicas() {
			if got := servicetest.Status(t, r, minted); got != want {
				t.Errorf("%s: in the list of %s token %d is %d, want %d", when, name, i, got, want)
			}
		}
	}
}

func (s *skewed) replicas() map[string]*servicetest.Replica {
	return map[string]*servicetest.Replica{"a": s.A, "b": s.B}
}

// revocations begin one of each kind at a replica, of what a token has.
var revocations = map[string]func(t *testing.T, r *servicetest.Replica, of domain.IssuedToken) domain.Revocation{
	"user": func(t *testing.T, r *servicetest.Replica, of domain.IssuedToken) domain.Revocation {
		return begin(t, r, revocation.TokenSelector{UserID: of.UserID})
	},
	"client": func(t *testing.T, r *servicetest.Replica, of domain.IssuedToken) domain.Revocation {
		return begin(t, r, revocation.TokenSelector{ClientID: of.ClientID})
	},
	"API": func(t *testing.T, r *servicetest.Replica, of domain.IssuedToken) domain.Revocation {
		return begin(t, r, revocation.TokenSelector{APIID: of.APIID})
	},
	"all": func(t *testing.T, r *servicetest.Replica, _ domain.IssuedToken) domain.Revocation {
		return begin(t, r, revocation.TokenSelector{All: true})
	},
	"key": func(t *testing.T, r *servicetest.Replica, of domain.IssuedToken) domain.Revocation {
		stored, err := r.Keys.List(eventtest.Context(t))
		servicetest.Must(t, err)
		i := slices.IndexFunc(stored, func(k domain.SigningKey) bool { return k.ID == of.KeyID })
		_, begun, err := r.Keys.Revoke(eventtest.Context(t), stored[i].KID)
		servicetest.Must(t, err)
		return begun
	},
}

func begin(t *testing.T, r *servicetest.Replica, selector revocation.TokenSelector) domain.Revocation {
	t.Helper()
	begun, err := r.Revocation.Revoke(eventtest.Context(t), selector)
	servicetest.Must(t, err)
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
						dead := []token.SignedToken{s.issue(t, s.A), s.issue(t, s.B)}
						s.wantActive(t, "before "+when, true, dead...)
						s.wantStatus(t, "before "+when, domain.StatusValid, dead...)

						begun := revoke(t, at, dead[0].Record)
						s.wantActive(t, when, false, dead...)
						alive := []token.SignedToken{s.issue(t, s.A), s.issue(t, s.B)}
						s.wantActive(t, "issued after "+when, true, alive...)

						_, err := s.B.Revocation.Finish(eventtest.Context(t), begun, nil)
						servicetest.Must(t, err)
						s.wantActive(t, "marked: "+when, false, dead...)
						s.wantActive(t, "issued after "+when, true, alive...)
						s.Pass(t, status.Pace)
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
		before := s.issue(t, s.B)
		s.wantStatus(t, "at first", domain.StatusValid, before)
		for _, jump := range []struct {
			name string
			to   time.Duration
		}{{"ahead", step}, {"back", 0}, {"behind", -step}, {"forward again", 0}} {
			s.skew = jump.to
			s.Pass(t, status.Pace)
			s.wantActive(t, jump.name, true, before)

			revoked, suspended, alive := s.issue(t, s.B), s.issue(t, s.A), s.issue(t, s.B)
			s.wantActive(t, jump.name, true, revoked, suspended, alive)
			servicetest.Must(t, errors.Join(s.A.Revocation.RevokeID(eventtest.Context(t), revoked.Record.ID), s.B.Revocation.Suspend(eventtest.Context(t), suspended.Record.ID)))
			s.wantActive(t, jump.name, false, revoked, suspended)
			s.Pass(t, status.Pace)
			s.wantStatus(t, jump.name, domain.StatusInvalid, revoked)
			s.wantStatus(t, jump.name, domain.StatusSuspended, suspended)
			s.wantStatus(t, jump.name, domain.StatusValid, alive)

			servicetest.Must(t, s.A.Revocation.Resume(eventtest.Context(t), suspended.Record.ID))
			s.wantActive(t, jump.name, true, suspended)
		}
	})
}

func TestAGrantThatEndedWithOthersIsAsFarRevokedAsThese(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := setUpSkewed(t, db, 0)
		request := s.Request(t, s.A)
		for kind, selector := range map[domain.RevocationKind]revocation.TokenSelector{
			domain.RevokeOfUser: {UserID: s.Alice.ID}, domain.RevokeOfClient: {ClientID: request.Client.ID},
			domain.RevokeOfAPI: {APIID: request.API.ID}, domain.RevokeOfAll: {All: true},
			domain.RevokeByCriteria: {UserID: s.Alice.ID, APIID: request.API.ID},
		} {
			grant := s.grant
			var err error
			grant.ID, err = db.InsertGrant(eventtest.Context(t), grant)
			servicetest.Must(t, err)
			begun, err := s.A.Revocation.Revoke(eventtest.Context(t), selector)
			servicetest.Must(t, err)
			if got, err := s.B.Revocation.RevokeGrant(eventtest.Context(t), grant.ID); err != nil || got.ID != begun.ID || !got.DoneAt.IsZero() {
				t.Errorf("of a grant that ended by a revocation of kind %s: %+v, %v", kind, got, err)
			}
			_, err = s.A.Revocation.Finish(eventtest.Context(t), begun, nil)
			servicetest.Must(t, err)
			if got, err := s.B.Revocation.RevokeGrant(eventtest.Context(t), grant.ID); err != nil || got.DoneAt.IsZero() {
				t.Errorf("once that of kind %s is done: %+v, %v", kind, got, err)
			}
		}
	})
}

func TestAGrantOfAUserWithVeryManyTokensIsRevokedAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := setUpSkewed(t, db, 0)
		dead := []token.SignedToken{s.issue(t, s.A), s.issue(t, s.B)}
		others := make([]domain.IssuedToken, 10_000)
		for i := range others {
			others[i] = dead[0].Record
			others[i].ID, others[i].GrantID, others[i].Status = domain.FirstTokenID(*s.Now.Load()), 1_000_000, domain.StatusRef{}
			binary.BigEndian.PutUint32(others[i].ID[12:], uint32(i))
		}
		for some := range slices.Chunk(others, 1000) {
			_, err := db.InsertIssuedTokens(eventtest.Context(t), some, slices.Repeat([]int64{s.A.Cache.Revision()}, len(some)))
			servicetest.Must(t, err)
		}

		var group errgroup.Group
		for i := range 8 { // as when a code is replayed many times at once
			group.Go(func() error {
				r, err := []*servicetest.Replica{s.A, s.B}[i%2].Revocation.RevokeGrant(eventtest.Context(t), s.grant.ID)
				if err == nil && (r.ID == 0 || !r.DoneAt.IsZero()) {
					t.Errorf("all tokens of the user were looked at before it was answered: %+v", r)
				}
				return err
			})
		}
		servicetest.Must(t, group.Wait())
		open, err := db.OpenRevocations(eventtest.Context(t))
		servicetest.Must(t, err)
		if len(open) != 1 {
			t.Fatalf("%d revocations were begun", len(open))
		}
		begun := open[0]
		s.wantActive(t, "revoked", false, dead...)
		done, err := s.B.Revocation.Finish(eventtest.Context(t), begun, nil)
		servicetest.Must(t, err)
		if done.Marked != int64(len(dead)) {
			t.Errorf("%d tokens were marked, want %d", done.Marked, len(dead))
		}
		s.wantActive(t, "marked", false, dead...)
		again, err := s.A.Revocation.RevokeGrant(eventtest.Context(t), s.grant.ID)
		servicetest.Must(t, err)
		if again.DoneAt.IsZero() {
			t.Errorf("revoked again: %+v", again)
		}
	})
}
