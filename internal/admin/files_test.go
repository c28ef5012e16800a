package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/servicetest"
)

func (w *world) apply(ctx context.Context, by authn.Caller, text string, set func(*admin.ApplyRequest)) (admin.Applied, error) {
	r := admin.ApplyRequest{Files: []apply.File{{Name: "f.yaml", Text: text}}}
	if set != nil {
		set(&r)
	}
	return w.Apply(ctx, by, r)
}

const files = `kind: api
audience: https://bills.example
permissions: [bills:read]
---
kind: role
name: biller
permissions: ["https://bills.example#bills:read"]
---
kind: group
name: billing
---
kind: client
client_id: bills
grant_types: [client_credentials]
apis: [https://bills.example]
---
kind: assignment
role: biller
client: bills
`

func TestEachChangeOfFilesNeedsItsOwnPermission(t *testing.T) {
	each(t, func(w *world) {
		needed := []string{
			"files:apply", "apis:read", "roles:read", "groups:read", "clients:read", "assignments:read", "apis:write", "roles:write", "groups:write",
			"clients:write", "assignments:write",
		}
		for i, missing := range needed {
			without := append(append([]string{}, needed[:i]...), needed[i+1:]...)
			for _, dry := range []bool{true, false} {
				_, err := w.apply(t.Context(), caller(t, without...), files, func(r *admin.ApplyRequest) { r.DryRun = dry })
				denied, ok := errors.AsType[*admin.DeniedError](err)
				if !ok || denied.Permission != missing {
					t.Errorf("without %s: %v", missing, err)
				}
			}
			if _, err := w.FindAPI(t.Context(), w.root, "https://bills.example"); !errors.Is(err, domain.ErrNotFound) {
				t.Fatalf("without %s: the API is there, error %v", missing, err)
			}
		}
		events, err := w.ListEvents(t.Context(), w.root, domain.EventFilter{Action: "management.refuse"}, admin.Query{Limit: 100})
		if servicetest.Must(t, err); len(events.Items) == 0 {
			t.Error("no refusal is recorded")
		}
		if _, err := w.apply(t.Context(), caller(t, needed...), files, nil); err != nil {
			t.Error(err)
		}
	})
}

// Who applies files takes over no more than who changes one object.
func TestFilesGiveNobodyMoreThanTheirAuthorHas(t *testing.T) {
	each(t, func(w *world) {
		by := caller(t, "files:apply", "roles:read", "roles:write", "assignments:read", "assignments:write", "clients:read", "clients:write")
		for _, text := range []string{
			"kind: role\nname: x\npermissions: ['urn:signet:admin#users:write']",
			"kind: client\nclient_id: x\ngrant_types: [client_credentials]\napis: ['urn:signet:admin']",
			"kind: client\nclient_id: x\ngrant_types: [client_credentials]\n---\nkind: assignment\nrole: administrator\nclient: x",
		} {
			if _, err := w.apply(t.Context(), by, text, nil); !errors.Is(err, domain.ErrDenied) {
				t.Errorf("%q: %v, want a refusal", text, err)
			}
		}
		// A client that may already do more than its new manager.
		_, err := w.apply(t.Context(), w.root, "kind: client\nclient_id: boss\ngrant_types: [client_credentials]\n---\nkind: assignment\nrole: administrator\nclient: boss", nil)
		servicetest.Must(t, err)
		if _, err := w.apply(t.Context(), by, "kind: client\nclient_id: boss\nclient_name: Mine\ngrant_types: [client_credentials]", nil); !errors.Is(err, domain.ErrDenied) {
			t.Errorf("a client with more permissions: %v, want a refusal", err)
		}
	})
}

func TestFilesAreAppliedWholeOrNotAtAll(t *testing.T) {
	each(t, func(w *world) {
		before := len(w.events())
		_, err := w.apply(t.Context(), w.root, files+"---\nkind: client\nclient_id: late\ngrant_types: [authorization_code]\n", nil)
		if !errors.Is(err, domain.ErrInvalid) || !strings.HasPrefix(err.Error(), "f.yaml:21: ") {
			t.Fatal(err)
		}
		if _, err := w.FindAPI(t.Context(), w.root, "https://bills.example"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("the API: %v", err)
		}
		if after := len(w.events()); after != before {
			t.Errorf("%d events are recorded of what was not done", after-before)
		}
		applied, err := w.apply(t.Context(), w.root, files, nil)
		if servicetest.Must(t, err); len(applied.Changes) != 5 {
			t.Errorf("%+v", applied)
		}
		if after := len(w.events()); after-before != 6 { // one for each object, and one for all
			t.Errorf("%d events are recorded, want 6", after-before)
		}
		role, err := w.FindRole(t.Context(), w.root, "biller")
		if servicetest.Must(t, err); role.ManagedBy != apply.DefaultSet {
			t.Errorf("%+v", role)
		}
	})
}

func TestFilesOfTwoAtOnceDoNotMix(t *testing.T) {
	each(t, func(w *world) {
		var both sync.WaitGroup
		for n := range 2 {
			both.Go(func() {
				var text strings.Builder
				for i := range 20 {
					fmt.Fprintf(&text, "---\nkind: group\nname: g%d\ndescription: of %d\n", i, n)
				}
				_, err := w.apply(t.Context(), w.root, text.String(), func(r *admin.ApplyRequest) { r.Set = fmt.Sprint("set", n) })
				if err != nil && !errors.Is(err, domain.ErrInvalid) && !domain.IsTemporary(err) {
					t.Error(err)
				}
			})
		}
		both.Wait()
		groups, err := w.ListGroups(t.Context(), w.root, admin.Query{Limit: 100})
		if servicetest.Must(t, err); len(groups.Items) != 20 {
			t.Fatalf("there are %d groups", len(groups.Items))
		}
		for _, g := range groups.Items {
			if first := groups.Items[0]; g.Description != first.Description || g.ManagedBy != first.ManagedBy {
				t.Errorf("%+v beside %+v", g, first)
			}
		}
	})
}

func TestOfManySecretsWithoutValuesTheFirstAreTold(t *testing.T) {
	each(t, func(w *world) {
		text := "kind: client\nclient_id: bills\nsecrets:\n"
		for i := range 30 {
			text += fmt.Sprintf("- {env: SECRET_%d}\n", i)
		}
		_, err := w.apply(t.Context(), w.root, text, nil)
		if problems, ok := errors.AsType[apply.Problems](err); !ok || len(problems) != 20 {
			t.Errorf("error %v", err)
		}
	})
}
