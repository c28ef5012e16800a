package token_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

func TestTokenHoldsOnlyWhatRoleScopeAndClientAgreeOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A, "orders:read", "orders:write")
		active := f.Introspect(t, f.B, minted.Token)
		if active == nil {
			t.Fatal("inactive")
		}
		want := token.Claims{
			Issuer: servicetest.Issuer, Subject: "reporting", Audience: servicetest.Orders, ClientID: "reporting", ID: minted.Record.ID.String(),
			IssuedAt: minted.Record.IssuedAt().Unix(), ExpiresAt: minted.Record.IssuedAt().Unix() + 600,
			Scope: "orders:read", Roles: []string{"clerk"}, Entitlements: []string{"orders:read"}, Status: new(token.Status),
		}
		want.Status.List.Index = minted.Record.Status.Index
		want.Status.List.URI = servicetest.Issuer + "/statuslists/" + strconv.FormatInt(minted.Record.Status.List, 10)
		if diff := cmp.Diff(want, active.Claims); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTokenDoesNotOutliveTheAssignmentItRestsOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		until := f.Now.Load().Add(90 * time.Second)
		servicetest.Must(t, f.A.Directory.Assign(eventtest.Context(t), domain.Assignment{
			Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "reporting", ExpiresAt: until,
		}))
		minted := f.Issue(t, f.B, "orders:read")
		if minted.ExpiresAt.After(until) {
			t.Errorf("expires %v, after the assignment's end %v", minted.ExpiresAt, until)
		}
		f.Now.Store(&until)
		if again := f.Issue(t, f.B, "orders:read"); len(again.Scopes) != 0 {
			t.Errorf("a token of the time after has %v", again.Scopes)
		}
	})
}
