package oauth

import (
	"errors"
	"testing"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestNoCodeIsGivenOutOnADecisionOfAnotherRevision(t *testing.T) {
	db := storetest.SQLite(t)
	s := &storage{&Provider{Config: Config{Transactions: db, Grants: db, Credentials: db}}}
	_, revision, _, err := db.Changes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, decided := range map[string]int64{"something changed": revision - 1, "a promotion lost a commit": revision + 1} {
		r := fosite.NewRequest()
		sess := newSession(decided)
		sess.grant = &domain.Grant{}
		r.Session = sess
		if err := s.CreateAuthorizeCodeSession(t.Context(), "signature", r); !errors.Is(err, domain.ErrStale) {
			t.Errorf("%s since: %v", name, err)
		}
	}
}
