package store_test

import (
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestPostgres(t *testing.T) {
	storetest.Run(t, storetest.Postgres, pgtest.Database)
}
