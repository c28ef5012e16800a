package revocation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestWhatMeetsSeveralCriteriaIsInactiveAtOnceAndNothingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		ctx := eventtest.Context(t)
		role, err := f.A.Directory.FindRole(ctx, "clerk")
		servicetest.Must(t, err)
		for name, c := range map[string]struct {
			selector func(of domain.IssuedToken) revocation.TokenSelector
			covers   bool
		}{
			"its client and API": {func(of domain.IssuedToken) revocation.TokenSelector {
				return revocation.TokenSelector{ClientID: of.ClientID, APIID: of.APIID}
			}, true},
			"its client and another key": {func(of domain.IssuedToken) revocation.TokenSelector {
				return revocation.TokenSelector{ClientID: of.ClientID, KeyID: of.KeyID + 1}
			}, false},
			"the role of its client": {func(domain.IssuedToken) revocation.TokenSelector {
				return revocation.TokenSelector{RoleID: role.ID, Names: revocation.Names{Role: role.Name}}
			}, true},
			"a role that nobody has, by its id": {func(domain.IssuedToken) revocation.TokenSelector {
				return revocation.TokenSelector{RoleID: role.ID + 1000}
			}, false},
			"those issued later": {func(of domain.IssuedToken) revocation.TokenSelector {
				return revocation.TokenSelector{ClientID: of.ClientID, IssuedSince: of.ID.Time().Add(time.Hour)}
			}, false},
			"suspended ones": {func(of domain.IssuedToken) revocation.TokenSelector {
				return revocation.TokenSelector{ClientID: of.ClientID, Suspended: true}
			}, false},
		} {
			before := f.Issue(t, f.A, "orders:read")
			begun, err := f.A.Revocation.Revoke(ctx, c.selector(before.Record))
			servicetest.Must(t, err)
			after := f.Issue(t, f.B, "orders:read")
			for _, state := range []string{"begun", "done"} {
				if got := f.Introspect(t, f.B, before.Token) == nil; got != c.covers {
					t.Errorf("%s, %s: revoked %v, want %v", name, state, got, c.covers)
				}
				if f.Introspect(t, f.B, after.Token) == nil {
					t.Errorf("%s, %s: a later token is revoked", name, state)
				}
				_, err = f.A.Revocation.Finish(ctx, begun, nil)
				servicetest.Must(t, err)
			}
		}
	})
}

func TestRevocationsWithoutSenseAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		for _, selector := range []revocation.TokenSelector{
			{}, {IssuedBefore: time.Now()}, {All: true, UserID: 1}, {All: true, Suspended: true}, {All: true, IssuedSince: time.Now()},
			{GrantID: 1, KeepGrants: true}, {UserID: 1, ClientID: 2, IssuedSince: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
		} {
			if _, err := f.A.Revocation.Revoke(eventtest.Context(t), selector); !errors.Is(err, domain.ErrInvalid) {
				t.Errorf("%+v: %v, want ErrInvalid", selector, err)
			}
		}
	})
}
