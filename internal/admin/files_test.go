package admin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/decision"
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
		_, err = w.apply(t.Context(), w.root, "kind: client\nclient_id: chief\ngrant_types: [client_credentials]", nil)
		servicetest.Must(t, err)
		servicetest.Must(t, w.Assign(t.Context(), w.root, domain.RoleAdministrator, domain.SubjectClient, "chief", time.Time{}))
		var all []string
		for _, name := range admin.PermissionNames() {
			if name != "users:write" {
				all = append(all, name)
			}
		}
		_, err = w.apply(t.Context(), caller(t, all...), "kind: group\nname: x", func(r *admin.ApplyRequest) { r.Prune = true })
		if denied, ok := errors.AsType[*admin.DeniedError](err); !ok || denied.Permission != "users:write" {
			t.Errorf("pruning a client with more permissions: %v, want a refusal", err)
		}
	})
}

func TestAPlanSaysWhatElseADeletionDeletes(t *testing.T) {
	each(t, func(w *world) {
		_, err := w.apply(t.Context(), w.root, "kind: role\nname: nurse\n---\nkind: client\nclient_id: ward\ngrant_types: [client_credentials]\nserves: [https://wards.example]\n---\nkind: api\naudience: https://wards.example\npermissions: [{name: see}]\nresources: [{type: ward, id: '1'}]\n---\nkind: group\nname: night\n---\nkind: attribute\nname: level\ntype: string\n", nil)
		servicetest.Must(t, err)
		_, err = w.CreateUser(t.Context(), w.root, admin.NewUser{Username: "nora", Attributes: map[string]any{"level": "ward"}})
		servicetest.Must(t, err)
		servicetest.Must(t, w.AddMember(t.Context(), w.root, "night", "nora"))
		_, err = w.CreateRole(t.Context(), w.root, domain.Role{Name: "visitor", Permissions: servicetest.RolePermissions("https://wards.example#see")})
		servicetest.Must(t, err)
		_, err = w.CreateGroup(t.Context(), w.root, "day", "")
		servicetest.Must(t, err)
		servicetest.Must(t, w.Assign(t.Context(), w.root, "nurse", domain.SubjectGroup, "day", time.Time{}))
		other := func(r *admin.ApplyRequest) { r.Set = "other" }
		_, err = w.apply(t.Context(), w.root, "kind: assignment\nrole: nurse\nclient: ward\n---\nkind: receiver\nclient_id: ward\nmethod: poll\n---\n"+
			"kind: client\nclient_id: kitchen\ngrant_types: [client_credentials]\napis: [https://wards.example]\n", other)
		servicetest.Must(t, err)
		prune := func(dry, over bool) (map[string]string, error) {
			applied, err := w.apply(t.Context(), w.root, "kind: attribute\nname: floor\ntype: string\n", func(r *admin.ApplyRequest) {
				r.Prune, r.DryRun, r.TakeOver = true, dry, over
			})
			notes := map[string]string{}
			for _, c := range applied.Changes {
				notes[c.Name] = c.Note
			}
			return notes, err
		}
		for _, dry := range []bool{true, false} {
			_, err := prune(dry, false)
			for _, want := range []string{"role nurse is in no file", "1 assignment of the set other", "client ward is in no file", "1 receiver of the set other",
				"api https://wards.example is in no file any more, but it would be taken from client kitchen of the set other, role visitor of no set"} {
				if !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), want) {
					t.Errorf("dry run %v: %v does not say %q", dry, err, want)
				}
			}
		}
		_, err = w.FindRole(t.Context(), w.root, "nurse")
		servicetest.Must(t, err)
		notes, err := prune(false, true)
		servicetest.Must(t, err)
		want := map[string]string{
			"nurse": "with it go 1 assignment, 1 assignment of the set other", "night": "with it go 1 membership", "level": "with it go 1 user value", "floor": "", "https://wards.example": "with it go 1 registered resource; it is taken from client kitchen of the set other, role visitor of no set",
			"ward": "with it go 1 assignment of the set other, 1 receiver of the set other",
		}
		if diff := cmp.Diff(want, notes); diff != "" {
			t.Error(diff)
		}
		_, err = w.FindReceiver(t.Context(), w.root, "ward")
		servicetest.Refused(t, err, domain.ErrNotFound)
	})
}

// What an API has no more is taken from roles and clients: not from those of others in silence.
func TestAPermissionIsNotTakenFromOthersUnsaid(t *testing.T) {
	each(t, func(w *world) {
		const audience = "https://bills.example"
		api := func(permissions string) string {
			return "kind: api\naudience: " + audience + "\npermissions: [" + permissions + "]\n"
		}
		const described = "---\nkind: role\nname: biller\npermissions: ['https://bills.example#read']\n---\n" +
			"kind: client\nclient_id: bills\ngrant_types: [client_credentials]\napis: [{audience: 'https://bills.example', permissions: [read, pay]}]\n"
		_, err := w.apply(t.Context(), w.root, api("read, pay, {name: void, description: Void it}")+described+"---\nkind: role\nname: left\npermissions: ['https://bills.example#pay']\n", nil)
		servicetest.Must(t, err)
		_, err = w.apply(t.Context(), w.root, "kind: role\nname: theirs\npermissions: ['https://bills.example#pay', 'https://bills.example#void']\n---\n"+
			"kind: client\nclient_id: all\ngrant_types: [client_credentials]\napis: ['https://bills.example']\n", func(r *admin.ApplyRequest) { r.Set = "other" })
		servicetest.Must(t, err)
		_, err = w.CreateRole(t.Context(), w.root, domain.Role{Name: "hand", Permissions: servicetest.RolePermissions(audience + "#pay")})
		servicetest.Must(t, err)
		_, err = w.CreateRole(t.Context(), w.root, domain.Role{Name: "adopted", Permissions: servicetest.RolePermissions(audience + "#pay")})
		servicetest.Must(t, err)

		// The files take it themselves from their own client, and from a role that they adopt.
		fewer := api("read, {name: void, description: Changed}") + strings.Replace(described, "[read, pay]", "[read]", 1) + "---\nkind: role\nname: adopted\n"
		remove := func(dry, over bool) (string, error) {
			applied, err := w.apply(t.Context(), w.root, fewer, func(r *admin.ApplyRequest) { r.DryRun, r.TakeOver = dry, over })
			for _, c := range applied.Changes {
				if c.Kind == "api" {
					return c.Note, err
				}
			}
			return "", err
		}
		const lost = "role left of the set default loses pay; role hand of no set loses pay; role theirs of the set other loses pay"
		for _, dry := range []bool{true, false} {
			_, err := remove(dry, false)
			const want = "f.yaml:3: permissions: API https://bills.example would have fewer, but role hand of no set loses pay; role theirs of the set other loses pay: "
			if !errors.Is(err, domain.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("dry run %v: %v", dry, err)
			}
		}
		role, err := w.FindRole(t.Context(), w.root, "theirs")
		if servicetest.Must(t, err); len(role.Permissions) != 2 {
			t.Errorf("%+v", role)
		}
		for _, dry := range []bool{true, false} {
			note, err := remove(dry, true)
			if err != nil || !sameParts(note, lost) {
				t.Errorf("dry run %v: note %q, error %v", dry, note, err)
			}
		}
		if role, err = w.FindRole(t.Context(), w.root, "theirs"); err != nil || len(role.Permissions) != 1 || role.ManagedBy != "other" {
			t.Errorf("%+v %v", role, err)
		}
		if again, err := w.apply(t.Context(), w.root, fewer, nil); err != nil || len(again.Changes) > 0 {
			t.Errorf("the second time changes %+v, error %v", again.Changes, err)
		}
		// Where nobody else has a permission, nothing is asked: also where the others in the set go with it.
		if _, err = w.apply(t.Context(), w.root, "kind: role\nname: theirs\n", func(r *admin.ApplyRequest) { r.Set = "other" }); err != nil {
			t.Fatal(err)
		}
		if _, err := w.apply(t.Context(), w.root, api("read")+described[:strings.Index(described, "---\nkind: client")]+"---\nkind: role\nname: adopted\n", func(r *admin.ApplyRequest) { r.Prune = true }); err != nil {
			t.Error(err)
		}
	})
}

// sameParts says whether notes have the same parts, in whatever order.
func sameParts(one, other string) bool {
	a, b := strings.Split(one, "; "), strings.Split(other, "; ")
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestWhoLosesAPermissionIsInTheAnswerAndTheEvent(t *testing.T) {
	each(t, func(w *world) {
		const audience = "https://bills.example"
		_, err := w.apply(t.Context(), w.root, strings.Replace(files, "[bills:read]", "[bills:read, bills:pay]", 1), nil)
		servicetest.Must(t, err)
		for i := range 250 {
			_, err := w.CreateRole(t.Context(), w.root, domain.Role{Name: fmt.Sprintf("r%03d", i), Permissions: servicetest.RolePermissions(audience+"#bills:pay", audience+"#bills:read")})
			servicetest.Must(t, err)
		}
		without := func(removed string) admin.API {
			t.Helper()
			api, err := w.UpdateAPI(t.Context(), w.root, audience, nil, func(api *domain.API) error {
				api.Permissions = slices.DeleteFunc(api.Permissions, func(p domain.Permission) bool { return p.Name == removed })
				return nil
			})
			servicetest.Must(t, err)
			return api
		}
		asked, err := w.LosingPermissions(t.Context(), w.root, audience, []string{"bills:pay"})
		if servicetest.Must(t, err); len(asked) != 250 {
			t.Errorf("%d lose it", len(asked))
		}
		api := without("bills:pay")
		if len(api.Lost) != 200 || api.LostMore != 50 || api.Lost[7].Name != "r007" || !slices.Equal(api.Lost[7].Permissions, []string{"bills:pay"}) {
			t.Errorf("%d are named, and %d more: %+v", len(api.Lost), api.LostMore, api.Lost)
		}
		events := w.events()
		last := events[len(events)-1]
		if !strings.Contains(last.Details, `"name":"r199"`) || strings.Contains(last.Details, `"name":"r200"`) || !strings.Contains(last.Details, `"lost_more":50`) {
			t.Errorf("the event says %.200s", last.Details)
		}
		if api := without("none"); api.Lost != nil || api.LostMore != 0 {
			t.Errorf("%+v", api)
		}
		_, err = w.LosingPermissions(t.Context(), caller(t, "apis:read"), audience, []string{"bills:read"})
		servicetest.Refused(t, err, domain.ErrDenied)
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
		groups, err := w.ListGroups(t.Context(), w.root, domain.GroupFilter{}, admin.Query{Limit: 100})
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

const shopFiles = files + `---
kind: assignment
role: biller
group: billing
---
kind: client
client_id: late
grant_types: [client_credentials]
apis: [https://bills.example]
secrets: [{env: LATE}]
`

func TestWhatOthersChangeMeanwhileIsSeenWhereFilesRestOnIt(t *testing.T) {
	each(t, func(w *world) {
		secrets := func(r *admin.ApplyRequest) { r.Secrets = map[string]string{"env:LATE": "correct horse battery staple"} }
		for _, c := range []struct {
			meanwhile    func() error
			transactions int
		}{
			{func() error { // nothing of the files
				_, err := w.CreateRole(t.Context(), w.root, domain.Role{Name: "other"})
				return err
			}, 1},
			{func() error { // under a name of theirs
				_, err := w.CreateRole(t.Context(), w.root, domain.Role{Name: "biller", Description: "By hand"})
				return err
			}, 2},
			{func() error {
				_, err := w.UpdateAPI(t.Context(), w.root, "https://bills.example", nil, func(api *domain.API) error {
					api.Permissions = nil
					return nil
				})
				return err
			}, 2},
		} {
			w.applied, w.meanwhile = 0, func() { servicetest.Must(t, c.meanwhile()) }
			_, err := w.apply(t.Context(), w.root, shopFiles, secrets)
			if servicetest.Must(t, err); w.applied != c.transactions {
				t.Errorf("%d transactions, want %d", w.applied, c.transactions)
			}
			again, err := w.apply(t.Context(), w.root, shopFiles, secrets)
			if servicetest.Must(t, err); len(again.Changes) > 0 {
				t.Errorf("the second time changes %+v", again.Changes)
			}
			// The next one makes all but the API anew, and changes that.
			_, err = w.apply(t.Context(), w.root, "kind: api\naudience: https://bills.example\nname: Bills", func(r *admin.ApplyRequest) { r.Prune = true })
			servicetest.Must(t, err)
		}
	})
}

func TestWhatAnotherSetTakesMeanwhileIsNotTakenFromIt(t *testing.T) {
	each(t, func(w *world) {
		const role, group = "kind: role\nname: biller\n", "---\nkind: group\nname: billing\n"
		_, err := w.CreateRole(t.Context(), w.root, domain.Role{Name: "biller"})
		servicetest.Must(t, err)
		_, err = w.CreateGroup(t.Context(), w.root, "billing", "")
		servicetest.Must(t, err)
		for _, text := range []string{role, group} {
			w.meanwhile = func() {
				_, err := w.apply(t.Context(), w.root, text, func(r *admin.ApplyRequest) { r.Set = "theirs" })
				servicetest.Must(t, err)
			}
			if _, err := w.apply(t.Context(), w.root, text, nil); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), "theirs") {
				t.Errorf("%s is taken: %v", text, err)
			}
		}
	})
}

func TestWhatASetTakesOverIsRecordedAndNeedsItsPermission(t *testing.T) {
	each(t, func(w *world) {
		const api = "kind: api\naudience: https://bills.example\npermissions: [bills:read]\n"
		const assigned = "---\nkind: assignment\nrole: biller\nuser: alice\n"
		w.AddUser(t, "alice", "")
		_, err := w.apply(t.Context(), w.root, api+"---\nkind: role\nname: biller\n"+assigned, func(r *admin.ApplyRequest) { r.Set = "theirs" })
		servicetest.Must(t, err)
		by := caller(t, "files:apply", "apis:read", "policies:read", "policies:write")
		_, err = w.apply(t.Context(), by, api+"policy: 'rules: []'\n", func(r *admin.ApplyRequest) { r.TakeOver = true })
		if denied, ok := errors.AsType[*admin.DeniedError](err); !ok || denied.Permission != "apis:write" {
			t.Errorf("an API is taken over with its policy alone: %v", err)
		}
		_, err = w.apply(t.Context(), w.root, api+"---\nkind: role\nname: biller\ndescription: Ours\n"+assigned, func(r *admin.ApplyRequest) { r.TakeOver = true })
		servicetest.Must(t, err)
		events := w.events()
		last := events[len(events)-1]
		if last.Action != "file.apply" || !strings.Contains(last.Details, `"adopted":["api https://bills.example","role biller"],`+
			`"adopted_assignments":[{"role":"biller","subject":"user:alice"}],"changed":1`) {
			t.Errorf("%s says %s", last.Action, last.Details)
		}
	})
}

func TestWhoMayNotSetASecretCannotTryIt(t *testing.T) {
	each(t, func(w *world) {
		with := func(secret string, dry bool) func(*admin.ApplyRequest) {
			return func(r *admin.ApplyRequest) {
				r.DryRun, r.Secrets = dry, map[string]string{"env:LATE": secret}
			}
		}
		const right = "correct horse battery staple"
		_, err := w.apply(t.Context(), w.root, shopFiles, with(right, false))
		servicetest.Must(t, err)
		by := caller(t, "files:apply", "apis:read", "roles:read", "groups:read", "clients:read", "assignments:read")
		for _, secret := range []string{right, "another horse battery staple"} {
			for _, dry := range []bool{true, false} {
				_, err := w.apply(t.Context(), by, shopFiles, with(secret, dry))
				if denied, ok := errors.AsType[*admin.DeniedError](err); !ok || denied.Permission != "clients:write" {
					t.Errorf("secret %q: %v, want a refusal", secret, err)
				}
			}
		}
	})
}

func TestManyObjectsAreMadeInSetsThatSayWhichOneFails(t *testing.T) {
	each(t, func(w *world) {
		var text strings.Builder
		text.WriteString(files)
		for i := range 150 {
			fmt.Fprintf(&text, "---\nkind: role\nname: r%d\npermissions: ['https://bills.example#bills:read']\n", i)
			fmt.Fprintf(&text, "---\nkind: client\nclient_id: c%d\ngrant_types: [client_credentials]\napis: ['https://bills.example']\nserves: ['https://bills.example']\nsecrets: [{env: S}]\n", i)
			fmt.Fprintf(&text, "---\nkind: assignment\nrole: r%d\nclient: c%d\nuntil: 2099-01-01\n", i, i)
		}
		before := len(w.events())
		secrets := func(r *admin.ApplyRequest) { r.Secrets = map[string]string{"env:S": "correct horse battery staple"} }
		wrong := strings.Replace(text.String(), "kind: role\nname: r77", "kind: role\nname: \"r\\n77\"", 1)
		if _, err := w.apply(t.Context(), w.root, strings.Replace(wrong, "role: r77\n", "role: r76\n", 1), secrets); !errors.Is(err, domain.ErrInvalid) ||
			!strings.Contains(err.Error(), "f.yaml:"+fmt.Sprint(1+strings.Count(wrong[:strings.Index(wrong, "r\\n77")], "\n")-1)+": ") {
			t.Errorf("a wrong name: %v", err)
		}
		applied, err := w.apply(t.Context(), w.root, text.String(), secrets)
		if servicetest.Must(t, err); len(applied.Changes) != 455 {
			t.Errorf("%d changes", len(applied.Changes))
		}
		if after := len(w.events()); after-before != 456 {
			t.Errorf("%d events are recorded, want 456", after-before)
		}
		client, err := w.FindClient(t.Context(), w.root, "c149")
		if servicetest.Must(t, err); len(client.Secrets) != 1 || len(client.APIs) != 1 || len(client.Serves) != 1 || client.ManagedBy == "" {
			t.Errorf("%+v", client)
		}
		again, err := w.apply(t.Context(), w.root, text.String(), secrets)
		if servicetest.Must(t, err); len(again.Changes) > 0 {
			t.Errorf("the second time changes %+v", again.Changes)
		}
		changed := strings.ReplaceAll(strings.ReplaceAll(text.String(), "kind: role\nname: r", "kind: role\ndescription: Changed\nname: r"),
			"kind: client\nclient_id: c", "kind: client\nclient_name: Changed\nclient_id: c")
		late := strings.Replace(changed, "client_name: Changed\nclient_id: c149\ngrant_types: [client_credentials]", "client_name: Changed\nclient_id: c149\ngrant_types: [authorization_code]", 1)
		at := fmt.Sprint("f.yaml:", strings.Count(late[:strings.Index(late, "client_id: c149")], "\n")-1, ": ")
		if _, err := w.apply(t.Context(), w.root, late, secrets); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), at) {
			t.Errorf("a client without redirect URIs: %v, want it at %s", err, at)
		}
		before = len(w.events())
		applied, err = w.apply(t.Context(), w.root, changed, secrets)
		if servicetest.Must(t, err); len(applied.Changes) != 300 || len(w.events())-before != 301 {
			t.Errorf("%d changes, %d events", len(applied.Changes), len(w.events())-before)
		}
		updated, err := w.FindClient(t.Context(), w.root, "c149")
		if servicetest.Must(t, err); updated.Name != "Changed" || updated.Version != client.Version+1 || len(updated.Secrets) != 1 || len(updated.APIs) != 1 || len(updated.Serves) != 1 {
			t.Errorf("%+v", updated)
		}
		role, err := w.FindRole(t.Context(), w.root, "r149")
		if servicetest.Must(t, err); role.Description != "Changed" || len(role.Permissions) != 1 || role.Version != 2 {
			t.Errorf("%+v", role)
		}
		var first, second strings.Builder
		servicetest.Must(t, w.Export(t.Context(), w.root, "", &first))
		_, err = w.apply(t.Context(), w.root, first.String(), nil)
		servicetest.Must(t, err)
		servicetest.Must(t, w.Export(t.Context(), w.root, "", &second))
		if first.String() != second.String() || strings.Count(first.String(), "\n---\n") != 454 {
			t.Errorf("the export has %d objects, or is another the second time", 1+strings.Count(first.String(), "\n---\n"))
		}
		before = len(w.events())
		applied, err = w.apply(t.Context(), w.root, "kind: group\nname: billing\n", func(r *admin.ApplyRequest) { r.Prune = true })
		if servicetest.Must(t, err); len(applied.Changes) != 454 || len(w.events())-before != 455 {
			t.Errorf("pruning: %d changes, %d events", len(applied.Changes), len(w.events())-before)
		}
		left, err := w.ListClients(t.Context(), w.root, domain.ClientFilter{}, admin.Query{Search: "c1", Limit: 10})
		if servicetest.Must(t, err); len(left.Items) > 0 {
			t.Errorf("pruning leaves %+v", left.Items)
		}
	})
}

func TestAPolicyComesFromFilesWithItsAPI(t *testing.T) {
	each(t, func(w *world) {
		const api = "kind: api\naudience: https://bills.example\npermissions: [bills:read]\n"
		const policy = "policy: |\n  rules:\n  - {name: open, effect: allow, actions: [read], resources: [bill]}\n"
		apply := func(text string, changes ...string) {
			t.Helper()
			applied, err := w.apply(t.Context(), w.root, text, nil)
			servicetest.Must(t, err)
			var got []string
			for _, c := range applied.Changes {
				for _, d := range c.Differences {
					got = append(got, c.Action+" "+d.Member)
				}
			}
			if strings.Join(got, ", ") != strings.Join(changes, ", ") {
				t.Errorf("%s: changes are %v, want %v", text, got, changes)
			}
		}
		number := func() int64 {
			t.Helper()
			found, err := w.FindPolicy(t.Context(), w.root, "https://bills.example")
			servicetest.Must(t, err)
			return found.Number
		}
		apply(api+policy, "create policy", "create permissions")
		apply(api + policy)
		if number() != 1 {
			t.Errorf("version %d decides", number())
		}
		if _, err := w.apply(t.Context(), w.root, api+"policy: 'rules: [{}]'\n", nil); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), "a rule needs name") {
			t.Errorf("a policy with a mistake: %v", err)
		}
		var exported strings.Builder
		servicetest.Must(t, w.Export(t.Context(), w.root, "default", &exported))
		if !strings.Contains(exported.String(), "\n  - {name: open, effect: allow, actions: [read], resources: [bill]}") {
			t.Errorf("exported is %s", exported.String())
		}
		apply(exported.String())
		apply(api) // files do not say
		if number() != 1 {
			t.Errorf("version %d decides", number())
		}
		const resources = "resources:\n- {type: bill, id: '2', properties: {owner: a, n: 1}}\n- {type: bill, id: '1'}\n"
		apply(api+resources, "update resources")
		apply(api + resources)
		apply(api) // files do not say
		exported.Reset()
		servicetest.Must(t, w.Export(t.Context(), w.root, "default", &exported))
		apply(exported.String())
		listed, err := w.ListResources(t.Context(), w.root, "https://bills.example", "", admin.Query{Limit: 10})
		if servicetest.Must(t, err); len(listed.Items) != 2 || listed.Items[1].ID != "2" || listed.Items[1].Properties["owner"] != "a" || listed.Items[0].Version != listed.Items[1].Version {
			t.Errorf("%+v", listed)
		}
		if _, err := w.apply(t.Context(), w.root, api+"resources: [{type: 'a:b', id: x}]\n", nil); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), "without a colon") {
			t.Errorf("a resource of a type with a colon: %v", err)
		}
		// Numbers stay what they are, also where a float64 would round them.
		const numbered = api + "policy: |\n  rules:\n  - {name: exact, effect: allow, actions: [read], resources: [bill], when: resource.properties.n == 9007199254740993}\n" +
			"resources: [{type: bill, id: '1', properties: {n: 9007199254740993}}, {type: bill, id: '2', properties: {n: 9007199254740992}}]\n"
		apply(numbered, "update policy", "update resources")
		apply(numbered)
		exported.Reset()
		servicetest.Must(t, w.Export(t.Context(), w.root, "default", &exported))
		apply(exported.String())
		for id, allowed := range map[string]bool{"1": true, "2": false} {
			d, err := w.Decide(t.Context(), w.root, admin.Question{
				API: "https://bills.example", Subject: decision.Subject{Type: "device", ID: "d"}, Action: decision.Action{Name: "read"}, Resource: decision.Resource{Type: "bill", ID: id},
			})
			if err != nil || d.Allowed != allowed {
				t.Errorf("bill %s: %+v %v", id, d, err)
			}
		}
		apply(api+"resources: [{type: bill, id: '1', properties: {owner: b}}]\n", "update resources")
		apply(api+"resources: []\n", "update resources")
		if listed, err = w.ListResources(t.Context(), w.root, "https://bills.example", "", admin.Query{Limit: 10}); err != nil || len(listed.Items) != 0 {
			t.Errorf("%+v %v", listed, err)
		}
		apply(api+"policy: ''\n", "update policy")
		if number() != 0 {
			t.Errorf("version %d decides", number())
		}
		needed := []string{"files:apply", "apis:read", "apis:write"}
		for _, missing := range []string{"policies:read", "policies:write"} {
			_, err := w.apply(t.Context(), caller(t, needed...), api+policy, nil)
			if denied, ok := errors.AsType[*admin.DeniedError](err); !ok || denied.Permission != missing {
				t.Errorf("without %s: %v", missing, err)
			}
			needed = append(needed, missing)
		}
	})
}

func TestFilesChangeAReceiverAndLeaveWhatItHasNotHeard(t *testing.T) {
	each(t, func(w *world) {
		const served = "kind: api\naudience: https://bills.example\n---\nkind: client\nclient_id: bills\nserves: [https://bills.example]\nsecrets: [{env: SECRET}]\n"
		receiver := func(text string) admin.Receiver {
			t := w.t
			t.Helper()
			for n := range 2 {
				applied, err := w.apply(t.Context(), w.root, served+"---\nkind: receiver\nclient_id: bills\n"+text, func(r *admin.ApplyRequest) {
					r.Secrets = map[string]string{"env:SECRET": strings.Repeat("5ecret", 8), "env:BEARER": "given"}
				})
				servicetest.Must(t, err)
				if n == 1 && len(applied.Changes) > 0 {
					t.Errorf("the second time there are changes: %+v", applied.Changes)
				}
			}
			shown, err := w.FindReceiver(t.Context(), w.root, "bills")
			servicetest.Must(t, err)
			return shown
		}
		made := receiver("method: push\nendpoint: https://bills.example/events\nbearer_token: {env: BEARER}\n")
		moved := receiver("method: push\nendpoint: https://bills.example/hooks\ndescription: Bills\nevents: [session-revoked]\npaused: true\n")
		if moved.Acknowledged != made.Acknowledged || !moved.CreatedAt.Equal(made.CreatedAt) || !moved.HasBearer || moved.Description != "Bills" || !moved.Paused || len(moved.Events) != 1 {
			w.t.Errorf("%+v became %+v", made, moved)
		}
		if elsewhere := receiver("method: push\nendpoint: https://other.example/hooks\n"); elsewhere.HasBearer || elsewhere.Paused || !elsewhere.CreatedAt.Equal(made.CreatedAt) {
			w.t.Errorf("elsewhere it is %+v", elsewhere)
		}
	})
}

func TestAReceiverKeepsTheEventsThatItAskedForThroughFiles(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		must := func(_ any, err error) { w.t.Helper(); servicetest.Must(w.t, err) }
		must(w.apply(ctx, w.root, "kind: api\naudience: https://bills.example\n---\nkind: client\nclient_id: bills\nserves: [https://bills.example]\n---\n"+
			"kind: receiver\nclient_id: bills\nmethod: poll\n", nil))
		for _, events := range [][]string{{}, {domain.EventAccountDisabled, domain.EventCredentialChange}, domain.SecurityEvents} {
			must(w.UpdateReceiver(ctx, w.root, "bills", nil, nil, func(r *domain.Receiver) error { r.Events = events; return nil }))
			var pulled strings.Builder
			servicetest.Must(w.t, w.Export(ctx, w.root, "", &pulled))
			applied, err := w.apply(ctx, w.root, pulled.String(), nil)
			if servicetest.Must(w.t, err); len(applied.Changes) > 0 {
				w.t.Errorf("%q: what was pulled changes %+v", events, applied.Changes)
			}
			servicetest.Must(w.t, w.DeleteReceiver(ctx, w.root, "bills"))
			must(w.apply(ctx, w.root, pulled.String(), nil))
			made, err := w.FindReceiver(ctx, w.root, "bills")
			servicetest.Must(w.t, err)
			slices.Sort(made.Events)
			if want := slices.Sorted(slices.Values(events)); !slices.Equal(made.Events, want) {
				w.t.Errorf("made from files it gets %q, want %q", made.Events, want)
			}
		}
	})
}
