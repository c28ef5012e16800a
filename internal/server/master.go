package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/store"
)

// readMaster finds the master key: in the environment, by a command or in a file. nil if there is none yet and one may be made.
func readMaster(ctx context.Context, cfg config.Config) (*keys.Master, error) {
	if cfg.MasterKey != "" {
		m, err := keys.ParseMaster(string(cfg.MasterKey))
		if err != nil {
			return nil, fmt.Errorf("SIGNET_MASTER_KEY: %w", err)
		}
		return m, nil
	}
	if len(cfg.MasterKeyCommand) > 0 {
		return runForMaster(ctx, cfg.MasterKeyCommand)
	}
	err := CheckPrivate("master key", cfg.MasterKeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && cfg.MakeMasterKey:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the master key file %s is missing: put the one back that the database was made with, "+
			"or for a new database make one with: (umask 077; openssl rand -base64 32 > %[1]s)", cfg.MasterKeyFile)
	case err != nil:
		return nil, err
	}
	m, err := keys.ReadMaster(cfg.MasterKeyFile)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: chown it to the user that Signet runs as", err)
	}
	return m, err
}

// makeMaster makes the master key beside a SQLite database, unless the database was made with one that is gone.
func makeMaster(ctx context.Context, cfg config.Config, db *store.DB, mode Mode) (*keys.Master, error) {
	claimed, err := db.ListMasterKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("see whether the database has a master key: %w", err)
	}
	if len(claimed) > 0 {
		// A process that started at the same time has made the key before it claimed the database.
		if m, err := keys.ReadMaster(cfg.MasterKeyFile); !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
		return nil, fmt.Errorf("the master key file %s is missing, and the database %s was made with it: put that file back, "+
			"or give the key in SIGNET_MASTER_KEY; another key cannot open the signing keys, and nothing was changed",
			cfg.MasterKeyFile, cfg.Database)
	}
	if mode == ModeRead {
		return nil, ErrNotMigrated
	}
	if err := os.MkdirAll(filepath.Dir(cfg.MasterKeyFile), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the master key: %w", err)
	}
	return keys.WriteMaster(cfg.MasterKeyFile)
}

// unlock opens the secret of the installation with the master key, and makes it where that may be.
func unlock(ctx context.Context, db *store.DB, master *keys.Master, mode Mode, now time.Time) (*keys.Master, error) {
	var secret *keys.Master
	var err error
	if mode == ModeRead {
		secret, err = keys.Unlock(ctx, db, master)
	} else {
		secret, err = keys.Claim(ctx, db, master, now)
	}
	switch {
	case errors.Is(err, keys.ErrUnclaimed):
		return nil, ErrNotMigrated
	case errors.Is(err, keys.ErrWrongMaster):
		return nil, fmt.Errorf("%w: give the key that it was made with, or restore the backup that this key opens", err)
	}
	return secret, err
}

const (
	masterCommandTimeout = 30 * time.Second
	masterCommandOutput  = 1024 // bytes
)

// runForMaster runs a command that writes the master key to its standard output. That is never logged; its standard error is reported.
func runForMaster(ctx context.Context, command []string) (*keys.Master, error) {
	ctx, cancel := context.WithTimeout(ctx, masterCommandTimeout)
	defer cancel()
	var stdout, stderr limitedBuffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // whoever sets it runs this process
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // for child processes that hold its output open
	err := cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("master_key_command %s: no answer within %v", command[0], masterCommandTimeout)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, fmt.Errorf("master_key_command %s: %w: %s", command[0], err, strings.TrimSpace(stderr.String()))
	case stdout.over:
		return nil, fmt.Errorf("master_key_command %s: it writes more than %d bytes, and no key", command[0], masterCommandOutput)
	}
	m, err := keys.ParseMaster(stdout.String())
	if err != nil {
		return nil, fmt.Errorf("master_key_command %s: what it writes is none: %w", command[0], err)
	}
	return m, nil
}

// limitedBuffer keeps the first masterCommandOutput bytes. It has no methods of bytes.Buffer: ReadFrom would have no limit.
type limitedBuffer struct {
	kept bytes.Buffer
	over bool
}

// Write implements io.Writer.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	kept := p[:min(len(p), masterCommandOutput-b.kept.Len())]
	b.over = b.over || len(kept) < len(p)
	b.kept.Write(kept)
	return len(p), nil
}

func (b *limitedBuffer) String() string { return b.kept.String() }
