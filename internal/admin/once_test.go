package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/servicetest"
)

// keeping are the requests of a database, with a look at the last one whose answer was kept.
type keeping struct {
	admin.Requests
	kept atomic.Pointer[domain.KeyedRequest]
}

// KeepAnswer implements admin.Requests.
func (k *keeping) KeepAnswer(ctx context.Context, r domain.KeyedRequest) error {
	k.kept.Store(&r)
	return k.Requests.KeepAnswer(ctx, r)
}

// register registers a client with a key, as the admin API does.
func (w *world) register(ctx context.Context, caller authn.Caller, key, name string) (string, error) {
	answer, err := w.Once(ctx, caller, admin.Keyed{Operation: "client.create", Key: key, Request: []byte(name)},
		func(ctx context.Context, c *admin.CarryingOut) error {
			return c.Tx(ctx, func(ctx context.Context) error {
				made, err := w.CreateClient(ctx, caller, domain.Client{Name: name, GrantTypes: []string{domain.GrantClientCredentials}}, admin.GivenSecret{})
				if err != nil {
					return err
				}
				text, err := json.Marshal(made)
				if err != nil {
					return err
				}
				return c.Keep(ctx, text)
			})
		})
	return string(answer), err
}

// named counts the clients that begin so.
func (w *world) named(name string) int {
	w.t.Helper()
	page, err := w.ListClients(w.t.Context(), w.root, domain.ClientFilter{}, admin.Query{Search: name, Limit: 100})
	servicetest.Must(w.t, err)
	return len(page.Items)
}

func TestARequestWithAKeyIsCarriedOutOnceByReplicasAtTheSameTime(t *testing.T) {
	each(t, func(w *world) {
		replicas := []*world{w, newWorld(t, w.db, w.master)}
		answers := make([]string, 16)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() {
				for {
					var err error
					answers[i], err = replicas[i%2].register(t.Context(), w.root, "key", "reporting")
					if !errors.Is(err, admin.ErrUnderWay) && !domain.IsTemporary(err) {
						servicetest.Must(t, err)
						return
					}
				}
			})
		}
		group.Wait()
		if distinct := slices.Compact(answers); len(distinct) != 1 || w.named("reporting") != 1 {
			t.Errorf("%d clients, answers %q", w.named("reporting"), distinct)
		}
	})
}

func TestAKeyIsItsCallersAndOfOneRequest(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		may := caller(t, "clients:write")
		first, err := w.register(ctx, may, "key", "reporting")
		servicetest.Must(t, err)
		again, err := w.register(ctx, may, "key", "reporting")
		servicetest.Must(t, err)
		if first != again {
			t.Errorf("answered %s, then %s", first, again)
		}
		if _, err := w.register(ctx, may, "key", "billing"); !errors.Is(err, admin.ErrKeyUsed) {
			t.Errorf("another request: %v", err)
		}
		if _, err := w.register(ctx, caller(t, "clients:read"), "key", "reporting"); !errors.Is(err, domain.ErrDenied) {
			t.Errorf("one who may not any more: %v", err)
		}
		other, err := w.register(ctx, w.root, "key", "reporting")
		servicetest.Must(t, err)
		if other == first || w.named("reporting") != 2 {
			t.Errorf("somebody else's answer: %s", other)
		}
	})
}

func TestWhatWasRefusedIsNotRemembered(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		if _, err := w.register(ctx, w.root, "key", "re\nporting"); !errors.Is(err, domain.ErrInvalid) {
			t.Fatal(err)
		}
		if _, err := w.register(ctx, w.root, "key", "reporting"); err != nil {
			t.Errorf("the same key with what is right: %v", err)
		}
	})
}

// A server that stops before it has kept the answer has made nothing, and the request is carried out again.
func TestWhatIsMadeAndItsAnswerAreCommittedTogether(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		died := errors.New("died")
		make := func(then func(ctx context.Context, c *admin.CarryingOut) error) error {
			_, err := w.Once(ctx, w.root, admin.Keyed{Operation: "group.create", Key: "key"}, func(ctx context.Context, c *admin.CarryingOut) error {
				return c.Tx(ctx, func(ctx context.Context) error {
					if _, err := w.CreateGroup(ctx, w.root, "ops", ""); err != nil {
						return err
					}
					return then(ctx, c)
				})
			})
			return err
		}
		if err := make(func(context.Context, *admin.CarryingOut) error { return died }); !errors.Is(err, died) {
			t.Fatal(err)
		}
		if _, err := w.FindGroup(ctx, w.root, "ops"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("it was made: %v", err)
		}
		servicetest.Must(t, make(func(ctx context.Context, c *admin.CarryingOut) error { return c.Keep(ctx, []byte("secret")) }))
		if _, err := w.FindGroup(ctx, w.root, "ops"); err != nil {
			t.Error(err)
		}
	})
}

func TestAnswersAreKeptSealed(t *testing.T) {
	each(t, func(w *world) {
		const key = "8e03978e-40d5"
		answer, err := w.register(t.Context(), w.root, key, "reporting")
		servicetest.Must(t, err)
		stored := w.requests.kept.Load()
		for _, column := range [][]byte{stored.ID, stored.Request, stored.Answer} {
			if bytes.Contains(column, []byte("client_secret")) || bytes.Contains(column, []byte("reporting")) || bytes.Contains(column, []byte(key)) {
				t.Errorf("stored %q of %s", column, answer)
			}
		}
		until := time.Until(stored.ExpiresAt)
		if until > admin.AnswerKept || until < admin.AnswerKept-time.Hour {
			t.Errorf("it is kept for %s", until)
		}
	})
}
