package e2e

import (
	"os"
	"strings"
	"sync"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// template is the shop whose database others on the same kind of database are copies of: a dozen commands take longer than most tests.
type template struct {
	once    sync.Once
	clients shopClients
	file    []byte // SQLite's database; nil: it could not be made
}

var onSQLite, onPostgres template

// copyShop fills the installation's database, which is empty, with a copy of a shop's. False: it cannot be copied to where that is.
func (i *installation) copyShop() (clients shopClients, copied bool) {
	i.t.Helper()
	url := strings.TrimPrefix(i.env[0], "SIGNET_DATABASE_URL=")
	if i.onSQLite {
		onSQLite.once.Do(func() {
			path := i.t.TempDir() + "/signet.db"
			onSQLite.clients = newInstallation(i.t, "sqlite:"+path).makeShop()
			var err error
			onSQLite.file, err = os.ReadFile(path)
			check(i.t, err)
		})
		if onSQLite.file != nil {
			check(i.t, os.WriteFile(strings.TrimPrefix(url, "sqlite:"), onSQLite.file, 0o600))
		}
		return onSQLite.clients, onSQLite.file != nil
	}
	copied = pgtest.Fill(i.t, url, func(url string) error {
		onPostgres.clients = newInstallation(i.t, url).makeShop()
		return nil
	})
	return onPostgres.clients, copied
}
