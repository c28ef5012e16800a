package admin_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/servicetest"
)

func TestTokensArePagedBothWaysByCursorsOfTheirFilter(t *testing.T) {
	each(t, func(w *world) {
		t := w.t
		tokens := make([]domain.IssuedToken, 5)
		begun := time.Now().UTC()
		client := domain.Client{ClientID: "reporting", IDTokenAlg: domain.ES256, CreatedAt: begun, UpdatedAt: begun}
		id, err := w.db.InsertClient(t.Context(), client)
		servicetest.Must(t, err)
		for i := range tokens {
			at := begun.Add(time.Duration(i) * time.Second)
			tokens[i] = domain.IssuedToken{ID: domain.FirstTokenID(at), Kind: domain.TokenAccess, ClientID: id, ExpiresAt: at.Add(time.Hour)}
		}
		_, err = w.db.InsertIssuedTokens(t.Context(), tokens, slices.Repeat([]int64{1 << 40}, len(tokens)))
		servicetest.Must(t, err)
		reader, of := caller(t, "tokens:read"), admin.TokenFilter{Names: index.Names{Client: "reporting"}}
		list := func(cursor string, want ...int) admin.Page[admin.Token] {
			t.Helper()
			page, err := w.ListTokens(t.Context(), reader, of, admin.Query{Cursor: cursor, Limit: 2})
			servicetest.Must(t, err)
			var got, wanted []string
			for _, token := range page.Items {
				got = append(got, token.ID)
			}
			for _, i := range want {
				wanted = append(wanted, tokens[i].ID.String())
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("a page (-want +got): %s", diff)
			}
			return page
		}
		first := list("", 4, 3)
		second := list(first.Next, 2, 1)
		third := list(second.Next, 0)
		begin := list(list(third.Previous, 2, 1).Previous, 4, 3)
		list(begin.Next, 2, 1)
		if first.Previous != "" || begin.Previous != "" || third.Next != "" {
			t.Errorf("the list goes on beyond its ends: %q, %q, %q", first.Previous, begin.Previous, third.Next)
		}
		for name, other := range map[string]admin.TokenFilter{
			"of all tokens": {}, "of a state": {Names: of.Names, State: domain.TokenLive}, "of a time": {Names: of.Names, IssuedBefore: begun},
			"of another kind of name": {KID: "reporting"},
		} {
			_, err := w.ListTokens(t.Context(), reader, other, admin.Query{Cursor: first.Next, Limit: 2})
			if !errors.Is(err, admin.ErrCursor) && !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("for the list %s: %v, want ErrCursor", name, err)
			}
		}
		for state, want := range map[domain.TokenState]int{domain.TokenLive: 5, domain.TokenRevoked: 0} {
			count, err := w.CountTokens(t.Context(), reader, admin.TokenFilter{Names: of.Names, State: state})
			if servicetest.Must(t, err); count != (admin.Count{Count: want}) {
				t.Errorf("%s: %+v, want %d", state, count, want)
			}
		}
	})
}
