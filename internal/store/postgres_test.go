package store_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestPostgres(t *testing.T) {
	storetest.Run(t, storetest.Postgres, pgtest.Database)
}

func TestADatabaseThatCannotStoreEveryNameIsRefused(t *testing.T) {
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		db, err := store.Open(t.Context(), pgtest.DatabaseOf(t, encoding), store.Options{})
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), encoding) || !strings.Contains(err.Error(), "UTF8") {
			t.Errorf("a database in %s: error %v", encoding, err)
		}
	}
}

func TestAServerThatLetsNobodyInHasACause(t *testing.T) {
	right, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	password, name := *right, *right
	password.User, name.Path = url.UserPassword(right.User.Username(), "wrong"), "/nothing"
	for cause, wrong := range map[store.Cause]url.URL{store.NotLetIn: password, store.NoSuchName: name} {
		db, err := store.Open(t.Context(), wrong.String(), store.Options{})
		if err == nil {
			err = db.Ping(t.Context())
			db.Close()
		}
		if !errors.Is(err, domain.ErrUnavailable) || !errors.Is(err, cause) || store.Advice(err) == "" {
			t.Errorf("error %v, want %q and an advice", err, cause)
		}
	}
}
