package adminclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/durable"
)

// Contexts are the servers that a user of this machine has signed in at.
type Contexts struct {
	Current string              `json:"current,omitempty"` // empty: the database
	Named   map[string]*Context `json:"contexts"`
}

// Context is a server, with the tokens for it.
type Context struct {
	Server        string    `json:"server"`
	TokenEndpoint string    `json:"token_endpoint"`
	RevokeAt      string    `json:"revocation_endpoint"`
	AccessToken   string    `json:"access_token"`
	ExpiresAt     time.Time `json:"expires_at"`
	RefreshToken  string    `json:"refresh_token,omitempty"`
}

// ContextStore keeps Contexts in a file of the user's configuration directory that nobody else may read.
type ContextStore struct{ dir string }

const maxContexts = 1 << 20 // bytes of the file

// OpenContexts finds the folder of the contexts: $XDG_CONFIG_HOME/signet, or what stands for that on this operating system.
func OpenContexts() (*ContextStore, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find where to keep tokens: %w", err)
	}
	return &ContextStore{filepath.Join(dir, "signet")}, nil
}

// File is where the contexts are.
func (s *ContextStore) File() string { return filepath.Join(s.dir, "contexts.json") }

// Load reads the contexts; there are none without a file. An error if others can read or change the file.
func (s *ContextStore) Load() (Contexts, error) {
	contexts := Contexts{Named: map[string]*Context{}}
	file, err := os.Open(s.File())
	if errors.Is(err, fs.ErrNotExist) {
		return contexts, nil
	}
	if err != nil {
		return contexts, fmt.Errorf("read the contexts: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return contexts, fmt.Errorf("read the contexts: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return contexts, fmt.Errorf("others may read the tokens in %s: sign out and in again, after chmod 600", s.File())
	}
	if folder, err := os.Stat(s.dir); err != nil || runtime.GOOS != "windows" && folder.Mode().Perm()&0o022 != 0 {
		return contexts, fmt.Errorf("others may put another file in the place of %s: chmod 700 %s", s.File(), s.dir)
	}
	if info.Size() > maxContexts {
		return contexts, fmt.Errorf("%s is longer than a file of contexts", s.File())
	}
	if err := json.NewDecoder(file).Decode(&contexts); err != nil {
		return contexts, fmt.Errorf("%s is no file of contexts: %w", s.File(), err)
	}
	for name, c := range contexts.Named {
		if c == nil {
			delete(contexts.Named, name)
		}
	}
	return contexts, nil
}

// Edit changes the contexts, alone among the processes of this user: edit gets them as they are stored, and what it fails with ends the
// change.
func (s *ContextStore) Edit(edit func(*Contexts) error) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the contexts: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, "contexts.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the contexts: %w", err)
	}
	defer lock.Close() // which unlocks it
	if err := lockFile(lock); err != nil {
		return fmt.Errorf("lock the contexts: %w", err)
	}
	if err := s.removeLeft(); err != nil {
		return err
	}
	contexts, err := s.Load()
	if err != nil {
		return err
	}
	if err := edit(&contexts); err != nil {
		return err
	}
	return s.store(contexts)
}

// store replaces the file as a whole: a reader sees the old one or the new one.
func (s *ContextStore) store(contexts Contexts) error {
	text, err := json.MarshalIndent(contexts, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(s.File(), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	return nil
}

// removeLeft removes files that a process which was killed has left, with their tokens. The contexts are locked.
func (s *ContextStore) removeLeft() error {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("read the folder of the contexts: %w", err)
	}
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), filepath.Base(s.File())+".") { // as durable.WriteFile names it
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, file.Name())); err != nil {
			return fmt.Errorf("remove what a command left: %w", err)
		}
	}
	return nil
}

// Of is the context of a name. domain.ErrNotFound if there is none.
func (c Contexts) Of(name string) (*Context, error) {
	if found, ok := c.Named[name]; ok {
		return found, nil
	}
	return nil, fmt.Errorf("context %q: %w", name, domain.ErrNotFound)
}

// At is the name of the context of a server, the current one before others; empty if there is none.
func (c Contexts) At(server string) (name string) {
	for candidate, context := range c.Named {
		if context.Server == server && (name == "" || candidate == c.Current || name != c.Current && candidate < name) {
			name = candidate
		}
	}
	return name
}
