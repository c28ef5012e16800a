package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var attributeTests = map[string]func(*testing.T, *store.DB){
	"the standard attributes are there at once": func(t *testing.T, db *store.DB) {
		stored := map[string]domain.StandardAttribute{}
		for _, a := range must(db.ListAttributes(t.Context(), domain.Page{Limit: 100}))(t) {
			same(t, a.Standard, true)
			stored[a.Name] = domain.StandardAttribute{Name: a.Name, Type: a.Type, Description: a.Description}
		}
		want := map[string]domain.StandardAttribute{}
		for _, s := range domain.StandardAttributes {
			s.Scope = ""
			want[s.Name] = s
		}
		same(t, stored, want)
	},
	"an attribute is found as it was stored": func(t *testing.T, db *store.DB) {
		want := domain.Attribute{Name: "badge", Type: domain.AttributeNumber, Description: "Badge", Version: 1, CreatedAt: t0, UpdatedAt: t0}
		want.ID = must(db.InsertAttribute(t.Context(), want))(t)
		same(t, must(db.FindAttribute(t.Context(), "badge"))(t), want)
		_, err := db.InsertAttribute(t.Context(), want)
		wantErr(t, err, domain.ErrExists)
		want.Description, want.UpdatedAt = "Number of the badge", t0.Add(time.Hour)
		check(t, db.UpdateAttribute(t.Context(), want))
		want.Version++
		same(t, must(db.HoldAttribute(t.Context(), "badge"))(t), want)
		same(t, must(db.ListAttributes(t.Context(), domain.Page{After: "address.street_address", Limit: 1}))(t)[0], want)
		_, err = db.FindAttribute(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UpdateAttribute(t.Context(), domain.Attribute{Name: "none"}), domain.ErrNotFound)
		wantErr(t, db.DeleteAttribute(t.Context(), "none"), domain.ErrNotFound)
	},
	"a user's attributes are read with the user, whole": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		must(db.InsertAttribute(t.Context(), domain.Attribute{Name: "badge", Type: domain.AttributeNumber}))(t)
		must(db.InsertAttribute(t.Context(), domain.Attribute{Name: "projects", Type: domain.AttributeStringList}))(t)
		for _, values := range []map[string]any{
			{"badge": 42.5, "projects": []string{"a \"b\"", "ü"}, "phone_number_verified": true, "address.street_address": "Road 1\nFloor 2", "nickname": "\\u0041"},
			{"badge": float64(1 << 53), "nickname": "Al"},
			nil,
		} {
			wantChanges(t, db, func(ctx context.Context) error { return db.PutUserAttributes(ctx, w.user, values) }, "user "+text(w.user))
			same(t, must(db.FindUser(t.Context(), "alice"))(t).Attributes, values)
			same(t, must(db.FindUserByID(t.Context(), w.user))(t).Attributes, values)
			same(t, must(db.ListUsers(t.Context(), domain.UserFilter{}, domain.Page{Limit: 10}))(t)[0].Attributes, values)
		}
		check(t, db.PutUserAttributes(t.Context(), w.user, map[string]any{"badge": 1.0}))
		wantErr(t, db.PutUserAttributes(t.Context(), w.user, map[string]any{"nickname": "x", "none": "x"}), domain.ErrNotFound)
		same(t, must(db.FindUser(t.Context(), "alice"))(t).Attributes, map[string]any{"badge": 1.0})
	},
	"with an attribute go its values, and who had one has changed": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		other := must(db.InsertUser(t.Context(), domain.User{Subject: "sub-bob", Username: "bob"}))(t)
		must(db.InsertAttribute(t.Context(), domain.Attribute{Name: "badge", Type: domain.AttributeNumber}))(t)
		check(t, db.PutUserAttributes(t.Context(), w.user, map[string]any{"badge": 1.0, "nickname": "Al"}))
		check(t, db.PutUserAttributes(t.Context(), other, map[string]any{"nickname": "Bob"}))
		before := must(db.FindUser(t.Context(), "alice"))(t).Version
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteAttribute(ctx, "badge") }, "user "+text(w.user))
		alice := must(db.FindUser(t.Context(), "alice"))(t)
		same(t, alice.Attributes, map[string]any{"nickname": "Al"})
		same(t, alice.Version, before+1)
	},
}
