package token_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
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

// grantOf is a grant of alice to the client reporting that ends at a time.
func grantOf(f servicetest.Fixture, client *domain.Client, ends time.Time) *domain.Grant {
	return &domain.Grant{ID: 1, ClientID: client.ID, UserID: f.Alice.ID, APIs: []domain.GrantAPI{{Audience: servicetest.Orders}}, AuthTime: f.Clock(), ExpiresAt: ends}
}

func TestTokenDoesNotOutliveItsGrant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		request := f.Request(t, f.A)
		for ends, want := range map[time.Duration]time.Duration{
			time.Hour: servicetest.AccessTTL, 90 * time.Second: 90 * time.Second, time.Millisecond: time.Second,
		} {
			request.Grant = grantOf(f, request.Client, f.Clock().Add(ends))
			minted, err := f.A.Minter.Mint(eventtest.Context(t), request)
			servicetest.Must(t, err)
			if got := minted.ExpiresAt.Sub(minted.Record.IssuedAt()); got < want-time.Second || got > want {
				t.Errorf("of a grant that ends in %v the token lives %v, want %v", ends, got, want)
			}
		}
	})
}

func TestTokenNamesTheSessionThatItsGrantEndsWith(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	request := f.Request(t, f.A)
	api := request.API
	for _, c := range []struct {
		ends bool
		api  *domain.API
		want string
	}{{true, api, "abc"}, {false, api, ""}, {true, nil, ""}} {
		request.API, request.Grant = c.api, grantOf(f, request.Client, f.Clock().Add(time.Hour))
		request.Grant.SID, request.Grant.EndsWithSession = "abc", c.ends
		minted, err := f.A.Minter.Mint(eventtest.Context(t), request)
		servicetest.Must(t, err)
		verified, err := f.A.Minter.Verify(eventtest.Context(t), minted.Token)
		servicetest.Must(t, err)
		if verified.Session != c.want {
			t.Errorf("of %+v it names %q", c, verified.Session)
		}
	}
}

func TestTokenOfAUserInVeryManyGroupsIsRefusedWithItsSize(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		request := f.Request(t, f.A, domain.ScopeRoles, domain.ScopeGroups)
		request.Grant = grantOf(f, request.Client, f.Clock().Add(time.Hour))
		minted, err := f.A.Minter.Mint(eventtest.Context(t), request)
		servicetest.Must(t, err)
		if _, err := f.A.Minter.Verify(eventtest.Context(t), minted.Token); err != nil {
			t.Errorf("what was minted does not verify: %v", err)
		}
		for i := range 100 {
			role, group := fmt.Sprintf("role-of-sixty-characters-of-department-number-%014d", i), fmt.Sprintf("group-of-sixty-characters-of-department-number-%013d", i)
			f.A.AddRole(t, role, servicetest.Orders+"#orders:read")
			_, err := f.A.Directory.CreateGroup(eventtest.Context(t), domain.Group{Name: group})
			servicetest.Must(t, err)
			servicetest.Must(t, f.A.Directory.AddMember(eventtest.Context(t), group, "alice"))
			f.A.AssignRole(t, role, domain.SubjectGroup, group, time.Time{})
		}
		f.A.Refresh(t)
		_, err = f.A.Minter.Mint(eventtest.Context(t), request)
		var large *token.TooLargeError
		if !errors.As(err, &large) || large.Size <= large.Limit || large.Limit != servicetest.MaxTokenSize {
			t.Errorf("of 100 groups with a role each: %v", err)
		}
	})
}

func TestAnExpiredIDTokenStillSaysWhoseItIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		request := f.Request(t, f.A)
		grant := grantOf(f, request.Client, f.Clock())
		grant.SID = "abc"
		signed, _, _, err := f.A.Minter.MintID(eventtest.Context(t), token.IDTokenRequest{
			Client: request.Client, User: &f.Alice, Grant: grant, Expires: f.Clock().Add(time.Minute),
		})
		servicetest.Must(t, err)
		f.Pass(t, time.Hour)
		got, err := f.B.Minter.VerifyIDToken(eventtest.Context(t), signed)
		servicetest.Must(t, err)
		want := token.IDClaims{Issuer: servicetest.Issuer, Subject: f.Alice.Subject, ClientID: request.Client.ClientID, Session: "abc"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, other := range []string{"", "x.y.z", f.Issue(t, f.A).Token, signed + "x"} {
			if _, err := f.B.Minter.VerifyIDToken(eventtest.Context(t), other); !errors.Is(err, keys.ErrNotOurs) {
				t.Errorf("%q: %v", other, err)
			}
		}
	})
}
