package admin_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/servicetest"
)

const writers = 20

// updatable is an object of each kind that has updates: how to add a word to its text, and what its text and version are.
type updatable struct {
	add  func(version *int64, word string) error
	read func() (text string, version int64)
}

func (w *world) updatables() map[string]updatable {
	w.t.Helper()
	ctx, root := w.t.Context(), w.root
	w.AddAPI(w.t, "https://orders.example", "orders:read")
	w.AddRole(w.t, "clerk")
	w.AddUser(w.t, "alice", "")
	w.AddClient(w.t, domain.Client{ClientID: "shop", GrantTypes: []string{domain.GrantClientCredentials}})
	_, err := w.CreateGroup(ctx, root, "ops", "")
	servicetest.Must(w.t, err)
	must := func(err error) { servicetest.Must(w.t, err) }
	return map[string]updatable{
		"role": {
			func(version *int64, word string) error {
				_, err := w.UpdateRole(ctx, root, "clerk", version, func(r *domain.Role) error { r.Description += word; return nil })
				return err
			},
			func() (string, int64) {
				r, err := w.FindRole(ctx, root, "clerk")
				must(err)
				return r.Description, r.Version
			},
		},
		"client": {
			func(version *int64, word string) error {
				_, err := w.UpdateClient(ctx, root, "shop", version, func(c *domain.Client) error { c.Name += word; return nil })
				return err
			},
			func() (string, int64) { c, err := w.FindClient(ctx, root, "shop"); must(err); return c.Name, c.Version },
		},
		"API": {
			func(version *int64, word string) error {
				_, err := w.UpdateAPI(ctx, root, "https://orders.example", version, func(a *domain.API) error { a.Name += word; return nil })
				return err
			},
			func() (string, int64) {
				a, err := w.FindAPI(ctx, root, "https://orders.example")
				must(err)
				return a.Name, a.Version
			},
		},
		"user": {
			func(version *int64, word string) error {
				_, err := w.UpdateUser(ctx, root, "alice", version, func(u *domain.User) error { u.Name += word; return nil })
				return err
			},
			func() (string, int64) { u, err := w.FindUser(ctx, root, "alice"); must(err); return u.Name, u.Version },
		},
		"group": {
			func(version *int64, word string) error {
				_, err := w.UpdateGroup(ctx, root, "ops", version, func(g *domain.Group) error { g.Description += word; return nil })
				return err
			},
			func() (string, int64) {
				g, err := w.FindGroup(ctx, root, "ops")
				must(err)
				return g.Description, g.Version
			},
		},
	}
}

func TestNoneOfManyEditsAtOnceIsLost(t *testing.T) {
	each(t, func(w *world) {
		for kind, object := range w.updatables() {
			var group sync.WaitGroup
			for i := range writers {
				group.Go(func() {
					if err := object.add(nil, fmt.Sprintf("<%d>", i)); err != nil {
						t.Errorf("%s: %v", kind, err)
					}
				})
			}
			group.Wait()
			text, version := object.read()
			for i := range writers {
				if !strings.Contains(text, fmt.Sprintf("<%d>", i)) {
					t.Errorf("%s: edit %d is lost: %q", kind, i, text)
				}
			}
			if version != writers+1 {
				t.Errorf("%s: version %d after %d edits", kind, version, writers)
			}
		}
	})
}

func TestOfManyEditsOfOneVersionOneIsMade(t *testing.T) {
	each(t, func(w *world) {
		for kind, object := range w.updatables() {
			before, seen := object.read()
			var made atomic.Int32
			var group sync.WaitGroup
			for i := range writers {
				group.Go(func() {
					switch err := object.add(&seen, fmt.Sprintf("<%d>", i)); {
					case err == nil:
						made.Add(1)
					case !errors.Is(err, domain.ErrConflict):
						t.Errorf("%s: %v", kind, err)
					}
				})
			}
			group.Wait()
			text, version := object.read()
			if made.Load() != 1 || version != seen+1 || strings.Count(text[len(before):], "<") != 1 {
				t.Errorf("%s: %d edits were made; it is %q in version %d", kind, made.Load(), text, version)
			}
		}
	})
}
