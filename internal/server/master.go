package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/store"
)

// readMaster finds the master key, in the environment or in a file. nil if there is none yet and one may be made.
func readMaster(cfg config.Config) (*keys.Master, error) {
	if cfg.MasterKey != "" {
		m, err := keys.ParseMaster(string(cfg.MasterKey))
		if err != nil {
			return nil, fmt.Errorf("SIGNET_MASTER_KEY: %w", err)
		}
		return m, nil
	}
	err := checkPrivate("master key", cfg.MasterKeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && cfg.MakeMasterKey:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the master key file %s is missing: put the one back that the database was made with, "+
			"or for a new database make one with: (umask 077; openssl rand -base64 32 > %[1]s)", cfg.MasterKeyFile)
	case err != nil:
		return nil, err
	}
	return keys.ReadMaster(cfg.MasterKeyFile)
}

// makeMaster makes the master key beside a SQLite database, unless the database was made with one that is gone.
func makeMaster(ctx context.Context, cfg config.Config, db *store.DB) (*keys.Master, error) {
	claimed, err := db.MasterKeyClaimed(ctx)
	if err != nil {
		return nil, fmt.Errorf("see whether the database has a master key: %w", err)
	}
	if claimed {
		// A process that started at the same time has made the key before it claimed the database.
		if m, err := keys.ReadMaster(cfg.MasterKeyFile); !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
		return nil, fmt.Errorf("the master key file %s is missing, and the database %s was made with it: put that file back, "+
			"or give the key in SIGNET_MASTER_KEY; another key cannot open the signing keys, and nothing was changed",
			cfg.MasterKeyFile, cfg.Database)
	}
	if err := os.MkdirAll(filepath.Dir(cfg.MasterKeyFile), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the master key: %w", err)
	}
	return keys.WriteMaster(cfg.MasterKeyFile)
}
