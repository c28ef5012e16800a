package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// In SQLite the incarnation is a random text in the database, and the same in a file beside it. Servers change both, when they start and
// every few minutes: an older copy of the database does not match the file. The database, which is written first, keeps the text of before
// as well, in case that the file is not written any more.

const incarnationPeriod = 5 * time.Minute

// noIncarnation is the text of before where there was no file.
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

// inPlace returns domain.ErrRestored if the database's file is not the one any more that was opened.
func (e *embedded) inPlace() error {
	now, err := os.Stat(e.path)
	if err == nil && os.SameFile(e.opened, now) {
		return nil
	}
	return fmt.Errorf("%w: %s was removed or replaced while this process used it: start it again", domain.ErrRestored, e.path)
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
	if err := writePrivate(e.incarnationFile(), current+"\n"); err != nil {
		return fmt.Errorf("%w: remember which database this is: %w", domain.ErrUnavailable, err)
	}
	e.kept = now
	return nil
}

// writePrivate replaces a small file, whole or not at all.
func writePrivate(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".signet-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a change of names in a folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	return errors.Join(err, folder.Close())
}

func (e *embedded) advanceIDs(ctx context.Context, c conn) error {
	tables, err := list(ctx, c, scanString, `SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' ORDER BY name`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		n, err := c.exec(ctx, `UPDATE sqlite_sequence SET seq = seq + $1 WHERE name = $2`, gapOf(table), table)
		if err == nil && n == 0 {
			_, err = c.exec(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES ($2, $1)`, gapOf(table), table)
		}
		if err != nil {
			return fmt.Errorf("advance the ids of %s: %w", table, err)
		}
	}
	return nil
}
