package storetest

import (
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var hostileTests = map[string]func(*testing.T, *store.DB){
	"text that cannot be stored is not found, and not stored": func(t *testing.T, db *store.DB) {
		for _, text := range []string{"a\x00b", "a\xffb", "\xed\xa0\x80"} {
			_, err := db.FindUser(t.Context(), text)
			wantErr(t, err, domain.ErrNotFound)
			_, err = db.FindClient(t.Context(), text)
			wantErr(t, err, domain.ErrNotFound)
			_, err = db.FindCode(t.Context(), text)
			wantErr(t, err, domain.ErrNotFound)
			same(t, len(must(db.ListUsers(t.Context(), domain.UserFilter{}, domain.Page{After: text, Limit: 10}))(t)), 0)
			wantErr(t, addUser(t.Context(), db, text), domain.ErrInvalid)
		}
	},
}
