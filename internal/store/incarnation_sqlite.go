package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/durable"
)

// In SQLite the incarnation is a random text in the database and in a file beside it. Servers change both when they start and every few
// minutes, so that an older copy of the database does not match the file. The database is written first, and keeps the previous text too,
// in case that the file is not written.

const incarnationPeriod = 5 * time.Minute

// noIncarnation is the previous text where there was no file.
const noIncarnation = "none"

func (e *embedded) incarnationFile() string { return e.path + ".incarnation" }

// incarnation is the text in the file. domain.ErrRestored if another file has taken the place of the database since it was opened.
func (e *embedded) incarnation(context.Context, *DB) (string, error) {
	if err := e.inPlace(); err != nil {
		return "", err
	}
	text, err := os.ReadFile(e.incarnationFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// ErrReplaced says that a SQLite database's file was removed or replaced under a process that had it open.
var ErrReplaced error = replaced{}

// replaced is a domain.ErrRestored with advice of its own.
type replaced struct{}

func (replaced) Error() string {
	return "the database's file was removed or replaced while this process used it: see that the right one is there, and start it again"
}

func (replaced) Unwrap() error { return domain.ErrRestored }

// inPlace returns ErrReplaced if the database's file is not the one that was opened.
func (e *embedded) inPlace() error {
	now, err := os.Stat(e.path)
	if err == nil && os.SameFile(e.opened, now) {
		return nil
	}
	return ErrReplaced
}

func (e *embedded) nextIncarnation(stored, here string, now time.Time) string {
	current, before, _ := strings.Cut(stored, " ")
	before, repeated := strings.CutSuffix(before, ".")
	switch {
	case stored == "":
		return rand.Text() + " " + cmp.Or(here, noIncarnation)
	case here == current && (before == noIncarnation || now.Sub(e.kept).Abs() >= incarnationPeriod):
		return rand.Text() + " " + current
	case here == current:
		return stored
	case cmp.Or(here, noIncarnation) == before && repeated:
		return current + " " + before
	case cmp.Or(here, noIncarnation) == before:
		return stored + "." // another text, so that the file is written, which it was not
	}
	return ""
}

func (e *embedded) keepIncarnation(served string, now time.Time) error {
	current, _, _ := strings.Cut(served, " ")
	if err := durable.WriteFile(e.incarnationFile(), []byte(current+"\n"), 0o600); err != nil {
		return fmt.Errorf("%w: remember which database this is: %w", domain.ErrUnavailable, err)
	}
	e.kept = now
	return nil
}

func (e *embedded) advanceIDs(ctx context.Context, c conn) error {
	tables, err := list(ctx, c, scanString, `SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' ORDER BY name`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		leap := leapOf(table)
		n, err := c.exec(ctx, `UPDATE sqlite_sequence SET seq = seq + $1 WHERE name = $2`, leap, table)
		if err == nil && n == 0 {
			_, err = c.exec(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES ($2, $1)`, leap, table)
		}
		if err != nil {
			return fmt.Errorf("advance the ids of %s: %w", table, err)
		}
	}
	return nil
}
