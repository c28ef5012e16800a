package admin_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/servicetest"
)

func TestAListIsPagedBothWaysByCursorsOfItsOwn(t *testing.T) {
	each(t, func(w *world) {
		t := w.t
		all := caller(t, "groups:read", "groups:write", "roles:read")
		for i := range 5 {
			_, err := w.CreateGroup(t.Context(), w.root, fmt.Sprintf("team %d", i), "")
			servicetest.Must(w.t, err)
		}
		var names []string
		list := func(q admin.Query) (admin.Page[admin.Group], []string) {
			t.Helper()
			page, err := w.ListGroups(t.Context(), all, domain.GroupFilter{}, q)
			servicetest.Must(w.t, err)
			names = nil
			for _, group := range page.Items {
				names = append(names, group.Name)
			}
			return page, names
		}
		want := func(wanted ...string) {
			t.Helper()
			if diff := cmp.Diff(wanted, names); diff != "" {
				t.Errorf("a page (-want +got): %s", diff)
			}
		}
		q := admin.Query{Search: "TEAM", Limit: 2}
		var first, second, third, back, begin admin.Page[admin.Group]
		first, names = list(q)
		want("team 0", "team 1")
		if first.Previous != "" {
			t.Errorf("%+v ends the list there", first)
		}
		q.Cursor = first.Next
		second, names = list(q)
		want("team 2", "team 3")
		q.Cursor = second.Next
		third, names = list(q)
		want("team 4")
		if third.Next != "" {
			t.Errorf("%+v ends the list there", third)
		}
		q.Cursor = third.Previous
		back, names = list(q)
		want("team 2", "team 3")
		q.Cursor = back.Previous
		begin, names = list(q)
		want("team 0", "team 1")
		if begin.Previous != "" {
			t.Errorf("%+v ends the list there", begin)
		}
		q.Cursor = begin.Next
		_, names = list(q)
		want("team 2", "team 3")

		forged := []byte(first.Next)
		forged[len(forged)-2] ^= 1
		for name, q := range map[string]admin.Query{
			"forged": {Search: "TEAM", Cursor: string(forged), Limit: 2}, "of another search": {Search: "team", Cursor: first.Next, Limit: 2},
			"no cursor": {Cursor: "team 1", Limit: 2}, "cut off": {Search: "TEAM", Cursor: first.Next[:10], Limit: 2},
		} {
			if _, err := w.ListGroups(t.Context(), all, domain.GroupFilter{}, q); !errors.Is(err, admin.ErrCursor) {
				t.Errorf("%s: %v, want ErrCursor", name, err)
			}
		}
		if _, err := w.ListRoles(t.Context(), all, domain.RoleFilter{}, admin.Query{Search: "TEAM", Cursor: first.Next, Limit: 2}); !errors.Is(err, admin.ErrCursor) {
			t.Errorf("a cursor of groups for roles: %v, want ErrCursor", err)
		}
		if _, err := w.ListGroups(t.Context(), all, domain.GroupFilter{User: "alice"}, admin.Query{Search: "TEAM", Cursor: first.Next, Limit: 2}); !errors.Is(err, admin.ErrCursor) {
			t.Errorf("a cursor of all groups for a user's: %v, want ErrCursor", err)
		}
	})
}
