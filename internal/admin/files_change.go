package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// fileChanges makes the changes of a plan, each by the operation that also makes it for one object alone.
type fileChanges struct {
	s       *Service
	caller  authn.Caller
	secrets map[string]string
	state   *apply.State
	clients map[string]domain.Client // as they were compared
}

// make makes all changes in the transaction that ctx carries, and records that.
func (f *fileChanges) make(ctx context.Context, plan *apply.Plan, set string) error {
	managed := map[domain.ManagedKind][]string{}
	var assignments []domain.Assignment
	for _, c := range plan.Changes {
		if !c.Adopts {
			continue
		}
		if _, err := f.s.authorize(ctx, f.caller, updates[c.Kind]); err != nil {
			return err
		}
	}
	for _, together := range sets(plan.Changes) {
		if err := f.changeSet(ctx, together); err != nil {
			return err
		}
	}
	for _, c := range plan.Changes {
		switch described := c.Document; {
		case described == nil:
		case c.Kind == domain.ManagedAssignment:
			assignments = append(assignments, described.Object.(*apply.Assignment).Assignment())
		default:
			managed[c.Kind] = append(managed[c.Kind], c.Name)
		}
	}
	for kind, names := range managed {
		if err := f.s.config.Files.SetManagedBy(ctx, set, kind, names); err != nil {
			return err
		}
	}
	if err := f.s.config.Files.SetAssignmentsManagedBy(ctx, set, assignments); err != nil {
		return err
	}
	return f.s.config.Events.Record(ctx, made(plan, set))
}

// updates are the operations that may change an object of a kind: to say where it comes from needs their permission.
var updates = map[domain.ManagedKind]string{
	domain.ManagedAttribute: "attribute.update", domain.ManagedAPI: "api.update", domain.ManagedRole: "role.update", domain.ManagedGroup: "group.update",
	domain.ManagedClient: "client.update", domain.ManagedAssignment: "assignment.assign", domain.ManagedReceiver: "receiver.update",
}

func (f *fileChanges) change(ctx context.Context, c apply.Change) error {
	if c.Action == apply.Adopt { // which is all
		return nil
	}
	switch o := c.Document.Object.(type) {
	case *apply.Attribute:
		return f.attribute(ctx, c.Action, o)
	case *apply.API:
		return f.api(ctx, c, o)
	case *apply.Group:
		return f.updateGroup(ctx, c, o)
	default:
		return f.receiver(ctx, c, o.(*apply.Receiver))
	}
}

func (f *fileChanges) delete(ctx context.Context, c apply.Change) error {
	switch o := c.Before.(type) {
	case *apply.Attribute:
		return f.s.DeleteAttribute(ctx, f.caller, o.Name)
	case *apply.API:
		return f.s.DeleteAPI(ctx, f.caller, o.Audience)
	default:
		return f.s.DeleteReceiver(ctx, f.caller, o.(*apply.Receiver).ClientID)
	}
}

func (f *fileChanges) attribute(ctx context.Context, action apply.Action, a *apply.Attribute) error {
	if action == apply.Create {
		_, err := f.s.CreateAttribute(ctx, f.caller, a.Name, a.Type, a.Description)
		return err
	}
	_, err := f.s.UpdateAttribute(ctx, f.caller, a.Name, nil, func(attribute *domain.Attribute) error {
		attribute.Description = a.Description
		return nil
	})
	return err
}

func (f *fileChanges) api(ctx context.Context, c apply.Change, a *apply.API) error {
	var err error
	switch sets := func(d apply.Difference) bool { return d.Member != "policy" && d.Member != "resources" }; {
	case c.Action == apply.Create:
		api := domain.API{Audience: a.Audience}
		a.Set(&api)
		_, err = f.s.CreateAPI(ctx, f.caller, api)
	case slices.ContainsFunc(c.Differences, sets):
		_, err = f.s.UpdateAPI(ctx, f.caller, a.Audience, nil, func(api *domain.API) error { a.Set(api); return nil })
	}
	if put, remove := a.ChangedResources(f.state.Resources[a.Audience]); err == nil && len(put)+len(remove) > 0 {
		err = f.s.setResources(ctx, f.caller, a.Audience, put, remove)
	}
	if err != nil || a.Policy == nil || *a.Policy == f.state.Policies[a.Audience] {
		return err
	}
	if *a.Policy == "" {
		return f.s.DeletePolicy(ctx, f.caller, a.Audience, nil)
	}
	_, err = f.s.SetPolicy(ctx, f.caller, a.Audience, nil, *a.Policy)
	return err
}

func (f *fileChanges) updateGroup(ctx context.Context, c apply.Change, g *apply.Group) error {
	if g.Description != c.Before.(*apply.Group).Description {
		_, err := f.s.UpdateGroup(ctx, f.caller, g.Name, nil, func(group *domain.Group) error {
			group.Description = g.Description
			return nil
		})
		if err != nil {
			return err
		}
	}
	if g.Members == nil {
		return nil
	}
	members := f.state.Members[g.Name] // sorted, as those of the file
	var joining, leaving []domain.Member
	for _, member := range *g.Members {
		if _, in := slices.BinarySearch(members, member); !in {
			joining = append(joining, domain.Member{Group: g.Name, Username: member})
		}
	}
	for _, member := range members {
		if _, stays := slices.BinarySearch(*g.Members, member); !stays {
			leaving = append(leaving, domain.Member{Group: g.Name, Username: member})
		}
	}
	if err := f.s.addMembers(ctx, f.caller, joining); err != nil {
		return err
	}
	return f.s.removeMembers(ctx, f.caller, leaving)
}

// notSet are the members of a client that an update does not set.
var notSet = []string{"secrets", "trusts", "disabled"}

// clientParts makes what a client has beside its settings what is described.
func (f *fileChanges) clientParts(ctx context.Context, action apply.Action, described *apply.Client, stored domain.Client) error {
	if err := f.clientSecrets(ctx, action, described, stored); err != nil {
		return err
	}
	if err := f.trusts(ctx, described, stored); err != nil {
		return err
	}
	switch disabled := !stored.DisabledAt.IsZero(); {
	case described.Disabled && !disabled:
		return f.s.DisableClient(ctx, f.caller, described.ClientID, "")
	case !described.Disabled && disabled:
		return f.s.EnableClient(ctx, f.caller, described.ClientID)
	}
	return nil
}

// clientSecrets makes those that are described all that a client has. A new client has the first one.
func (f *fileChanges) clientSecrets(ctx context.Context, action apply.Action, described *apply.Client, stored domain.Client) error {
	if described.Secrets == nil || described.AuthMethod != domain.SecretBasic {
		return nil
	}
	values := f.values(*described.Secrets)
	lacking, others := f.s.config.Registry.CompareSecrets(stored, values)
	if action == apply.Create {
		lacking = slices.DeleteFunc(lacking, func(i int) bool { return i == 0 })
	}
	for _, id := range others {
		if err := f.s.RemoveSecret(ctx, f.caller, described.ClientID, id); err != nil {
			return err
		}
	}
	for _, i := range lacking {
		if _, err := f.s.AddSecret(ctx, f.caller, described.ClientID, GivenSecret{Secret: values[i]}, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fileChanges) values(secrets []apply.Secret) []string {
	values := make([]string, len(secrets))
	for i, secret := range secrets {
		values[i] = f.secrets[secret.Key()]
	}
	return values
}

func (f *fileChanges) trusts(ctx context.Context, described *apply.Client, stored domain.Client) error {
	for _, trust := range stored.Trusts {
		if !slices.ContainsFunc(described.Trusts, func(t apply.Trust) bool { return t.Is(trust) }) {
			if err := f.s.RemoveTrust(ctx, f.caller, described.ClientID, trust.ID); err != nil {
				return err
			}
		}
	}
	for _, t := range described.Trusts {
		if !slices.ContainsFunc(stored.Trusts, t.Is) {
			if _, err := f.s.AddTrust(ctx, f.caller, described.ClientID, t.Trust()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fileChanges) receiver(ctx context.Context, c apply.Change, r *apply.Receiver) error {
	bearer := ""
	if r.BearerToken != nil {
		bearer = f.secrets[r.BearerToken.Key()]
	}
	was, exists := c.Before.(*apply.Receiver)
	switch {
	case !exists:
		if _, err := f.s.CreateReceiver(ctx, f.caller, r.Receiver(), bearer); err != nil {
			return err
		}
	case len(c.Differences) > 1 || !c.Changes("paused"):
		if err := f.updateReceiver(ctx, c, r.Receiver(), bearer); err != nil {
			return err
		}
	}
	switch {
	case r.Paused == (exists && was.Paused):
		return nil
	case r.Paused:
		return f.s.PauseReceiver(ctx, f.caller, r.ClientID)
	default:
		return f.s.ResumeReceiver(ctx, f.caller, r.ClientID)
	}
}

func (f *fileChanges) updateReceiver(ctx context.Context, c apply.Change, described domain.Receiver, bearer string) error {
	var other *string
	if c.Changes("bearer_token") {
		other = &bearer
	}
	_, err := f.s.UpdateReceiver(ctx, f.caller, described.Client, nil, other, func(r *domain.Receiver) error {
		r.Description, r.Method, r.Endpoint = described.Description, described.Method, described.Endpoint
		r.AllowPrivate, r.Events = described.AllowPrivate, described.Events
		return nil
	})
	return err
}

// maySetSecrets wants a caller who may set the secrets that documents name, also where they turn out to be those that there are: whether a
// secret is a client's is nothing that others can try.
func (f *fileChanges) maySetSecrets(ctx context.Context, documents []*apply.Document) error {
	for _, d := range documents {
		switch o := d.Object.(type) {
		case *apply.Client:
			if o.Secrets == nil {
				continue
			}
			const operation = "client.add_secret"
			ctx, err := f.s.authorize(ctx, f.caller, operation)
			if stored, ok := f.clients[o.ClientID]; ok && err == nil {
				err = f.s.coversStored(ctx, f.caller, operation, stored)
			}
			if err != nil {
				return err
			}
		case *apply.Receiver:
			if o.BearerToken == nil {
				continue
			}
			if _, err := f.s.authorize(ctx, f.caller, "receiver.create"); err != nil {
				return err
			}
		}
	}
	return nil
}

// secretsChanged says which secrets a document changes, without their values.
func (f *fileChanges) secretsChanged(d *apply.Document) string {
	switch o := d.Object.(type) {
	case *apply.Client:
		if o.Secrets == nil {
			return ""
		}
		lacking, others := f.s.config.Registry.CompareSecrets(f.clients[o.ClientID], f.values(*o.Secrets))
		var changed []string
		for _, i := range lacking {
			changed = append(changed, "the one of "+(*o.Secrets)[i].Key())
		}
		if len(others) > 0 {
			changed = append(changed, fmt.Sprintf("without %d that it has", len(others)))
		}
		return strings.Join(changed, ", ")
	case *apply.Receiver:
		if o.BearerToken == nil {
			return ""
		}
		i := slices.IndexFunc(f.state.Receivers, func(r domain.Receiver) bool { return r.Client == o.ClientID })
		if i < 0 || !f.s.config.Receivers.HasBearer(f.state.Receivers[i], f.secrets[o.BearerToken.Key()]) {
			return "the one of " + o.BearerToken.Key()
		}
	}
	return ""
}
