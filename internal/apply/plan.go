package apply

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/domain"
)

// Action is what a change does.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Adopt  Action = "adopt" // nothing but that the set manages it from now on
	Delete Action = "delete"
)

// Change is one of a plan.
type Change struct {
	Action      Action
	Kind        domain.ManagedKind
	Name        string
	Place       Place // zero: nowhere, it is deleted
	Differences []Difference
	Note        string
	Adopts      bool      // the set manages it from now on, and did not before
	Document    *Document // nil: it is deleted
	Before      any       // described as it is; nil: it is created
}

// Changes says whether it sets a member to something else.
func (c *Change) Changes(member string) bool {
	return slices.ContainsFunc(c.Differences, func(d Difference) bool { return d.Member == member })
}

// Difference is one member of an object that a change sets.
type Difference struct {
	Member         string
	Before, After  string   // of what is no list
	Removed, Added []string // of a list
}

// Plan is what has to change for an installation to be as files say.
type Plan struct {
	Changes   []Change
	Unchanged int
	Left      int // objects of the set that no file describes, and that are kept
	Notes     []string
}

// Options say how to compare.
type Options struct {
	Set      string
	Prune    bool // objects of the set that no file describes are deleted
	TakeOver bool // objects of other sets may become this one's
	Now      time.Time
	// Secrets says which secrets of a client or receiver a document changes, in words that hold none; empty: none.
	Secrets func(d *Document) string
}

// Compare makes the plan. Problems say which objects cannot be had: what they refer to is not there, or is another set's.
func Compare(documents []*Document, state *State, o Options) (*Plan, error) {
	c := &comparison{Options: o, plan: new(Plan), described: map[string]bool{}, apis: map[string]*API{}, there: state.index()}
	for _, d := range documents {
		c.described[string(d.Kind)+" "+d.Name] = true
		if api, ok := d.Object.(*API); ok {
			c.apis[api.Audience] = api
		}
	}
	for _, kind := range domain.ManagedKinds {
		for _, d := range documents {
			if d.Kind == kind {
				c.document(d)
			}
		}
	}
	for _, kind := range slices.Backward(domain.ManagedKinds) {
		c.undescribed(kind)
	}
	return c.plan, c.problems.Err()
}

type comparison struct {
	Options
	plan      *Plan
	problems  Problems
	described map[string]bool // by kind and name
	apis      map[string]*API // that are described
	there     map[domain.ManagedKind]map[string]stored
}

// document plans what one document changes.
func (c *comparison) document(d *Document) {
	c.references(d)
	if a, ok := d.Object.(*Assignment); ok && a.Ended(c.Now) {
		c.plan.Notes = append(c.plan.Notes, fmt.Sprintf("%s: the assignment of %s has ended: take it out", d.Place, d.Name))
		c.plan.Unchanged++
		return
	}
	before, exists := c.there[d.Kind][d.Name]
	change := Change{Action: Create, Kind: d.Kind, Name: d.Name, Place: d.Place, Document: d}
	if !exists {
		bare := d.Object.(object).bare()
		bare.complete()
		change.Differences = c.differences(bare, d, true)
		change.Note = noteOf(d)
		c.plan.Changes = append(c.plan.Changes, change)
		return
	}
	switch {
	case before.refusal != "":
		c.problems.add(d.Place, "%s", before.refusal)
		return
	case before.managedBy != "" && before.managedBy != c.Set && !c.TakeOver:
		c.problems.add(d.Place, "%s %s is managed by the set %s: remove it there, or take it over (--take-over)", d.Kind, d.Name, before.managedBy)
		return
	}
	change.Before = before.object
	change.Differences = c.differences(before.object, d, false)
	if change.Adopts = before.managedBy != c.Set; change.Adopts {
		change.Note = "managed by the set " + c.Set + " from now on"
		if before.managedBy != "" {
			change.Note += ", in place of " + before.managedBy
		}
	}
	switch {
	case len(change.Differences) > 0:
		change.Action = Update
		c.restrict(&change)
	case change.Adopts:
		change.Action = Adopt
	default:
		c.plan.Unchanged++
		return
	}
	c.plan.Changes = append(c.plan.Changes, change)
}

// noteOf says what is to be considered about a new object.
func noteOf(d *Document) string {
	if client, ok := d.Object.(*Client); ok && client.AuthMethod == domain.SecretBasic && client.Secrets == nil && len(client.Trusts) == 0 {
		return "it gets no secret: name one with secrets, or add one with signet client secret add " + d.Name
	}
	return ""
}

// restrict refuses changes that an object cannot have, and notes what else they do.
func (c *comparison) restrict(change *Change) {
	switch change.Kind {
	case domain.ManagedAttribute:
		if change.Changes("type") {
			c.problems.add(change.Document.At("type"), "attribute %s: its type stays what it is, %s", change.Name, change.Before.(*Attribute).Type)
		}
	case domain.ManagedClient:
		if was := change.Before.(*Client).AuthMethod; (was == domain.None) != (change.Document.Object.(*Client).AuthMethod == domain.None) {
			c.problems.add(change.Document.At("token_endpoint_auth_method"),
				"client %s: a client stays public or confidential (it is %s); register a new one", change.Name, was)
		}
	case domain.ManagedReceiver:
		is, was := change.Document.Object.(*Receiver).Receiver(), change.Before.(*Receiver).Receiver()
		if c.there[change.Kind][change.Name].sealed && is.Origin() != was.Origin() && !change.Changes("bearer_token") {
			change.Note = strings.TrimPrefix(change.Note+"; it loses its bearer token, of which another host must not hear", "; ")
		}
	}
}

// undescribed plans what becomes of the objects of the set that no document describes.
func (c *comparison) undescribed(kind domain.ManagedKind) {
	names := []string{}
	for name, stored := range c.there[kind] {
		if stored.managedBy == c.Set && !c.described[string(kind)+" "+name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !c.Prune {
			c.plan.Left++
			continue
		}
		c.plan.Changes = append(c.plan.Changes, Change{Action: Delete, Kind: kind, Name: name, Before: c.there[kind][name].object})
	}
}

// unsaid are members that may be left out for files to say nothing of them.
var unsaid = []string{"policy", "resources", "members"}

// differences are the members that a document sets to something else.
func (c *comparison) differences(before any, d *Document, isNew bool) (differences []Difference) {
	was, is := reflect.ValueOf(before).Elem(), reflect.ValueOf(d.Object).Elem()
	for _, f := range fieldsOf(is.Type()) {
		switch {
		case f.key:
			continue
		case f.write:
			if text := c.Secrets(d); text != "" {
				differences = append(differences, Difference{Member: f.name, After: text})
			}
			continue
		case slices.Contains(unsaid, f.name) && is.Field(f.index).IsNil(), f.name == "sector_identifier" && keepsSector(before, d.Object):
			continue
		}
		from, to := nodeOf(was.Field(f.index)), nodeOf(is.Field(f.index))
		if flat(from) == flat(to) {
			continue
		}
		if isNew {
			from = nil
		}
		differences = append(differences, difference(f.name, from, to))
	}
	return differences
}

// keepsSector says whether a client keeps the sector that it got by default: with another one its users would all have other subjects.
func keepsSector(before, after any) bool {
	was, is := before.(*Client), after.(*Client)
	return is.SectorIdentifier == "" && is.SubjectType == string(domain.SubjectTypePairwise) && was.SubjectType == is.SubjectType
}

func difference(member string, from, to *yaml.Node) Difference {
	if from != nil && from.Kind != yaml.SequenceNode || to != nil && to.Kind != yaml.SequenceNode {
		return Difference{Member: member, Before: flat(from), After: flat(to)}
	}
	had, has := elements(from), elements(to)
	d := Difference{Member: member, Removed: without(had, has), Added: without(has, had)}
	if len(d.Removed)+len(d.Added) == 0 { // another order
		return Difference{Member: member, Before: flat(from), After: flat(to)}
	}
	return d
}

// without are the elements of a list that are not in another.
func without(list, other []string) []string {
	in := make(map[string]bool, len(other))
	for _, e := range other {
		in[e] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(e string) bool { return in[e] })
}

func elements(node *yaml.Node) []string {
	list := []string{}
	if node != nil {
		for _, element := range node.Content {
			list = append(list, flat(element))
		}
	}
	return list
}

// references checks that all is there, or described, that a document refers to.
func (c *comparison) references(d *Document) {
	switch o := d.Object.(type) {
	case *Role:
		for _, p := range o.Permissions {
			audience, permission, _ := strings.Cut(p, "#")
			c.permission(d, "permissions", audience, permission)
		}
	case *Group:
		if o.Members != nil {
			for _, member := range *o.Members {
				c.object(d, "members", kindUser, member)
			}
		}
	case *Client:
		for _, api := range o.APIs {
			c.object(d, "apis", domain.ManagedAPI, api.Audience)
			for _, permission := range api.Permissions {
				c.permission(d, "apis", api.Audience, permission)
			}
		}
		for _, audience := range o.Serves {
			c.object(d, "serves", domain.ManagedAPI, audience)
		}
	case *Assignment:
		kind, subject := o.Subject()
		c.object(d, "role", domain.ManagedRole, o.Role)
		c.object(d, string(kind), domain.ManagedKind(kind), subject)
	case *Receiver:
		c.object(d, "client_id", domain.ManagedClient, o.ClientID)
	}
}

// kindUser is the kind of object that files refer to but do not describe.
const kindUser = domain.ManagedKind(domain.SubjectUser)

// object refuses a reference to an object that is not there, nor described, or is going to be deleted.
func (c *comparison) object(d *Document, member string, kind domain.ManagedKind, name string) {
	if c.described[string(kind)+" "+name] {
		return
	}
	stored, exists := c.there[kind][name]
	switch {
	case !exists && kind == kindUser:
		c.problems.add(d.At(member), "%s: there is no user %q; files do not make users", member, clip(name))
	case !exists:
		c.problems.add(d.At(member), "%s: there is no %s %q%s", member, kind, clip(name), c.similar(kind, name))
	case c.Prune && stored.managedBy == c.Set && kind != kindUser:
		c.problems.add(d.At(member), "%s: %s %s is in no file of the set any more, and would be deleted", member, kind, clip(name))
	}
}

// similar suggests another object of the kind.
func (c *comparison) similar(kind domain.ManagedKind, name string) string {
	if !c.tells() {
		return ""
	}
	known := []string{}
	for described := range c.described {
		if rest, ok := strings.CutPrefix(described, string(kind)+" "); ok {
			known = append(known, rest)
		}
	}
	for stored := range c.there[kind] {
		known = append(known, stored)
	}
	slices.Sort(known)
	if text := suggest(name, known); strings.HasPrefix(text, "; ") {
		return text
	}
	return ": describe it, or make it first"
}

// permission refuses a reference to a permission that the API does not have, as it is described, or else as it is.
func (c *comparison) permission(d *Document, member, audience, permission string) {
	api, described := c.api(audience)
	if !described {
		if member == "permissions" {
			c.object(d, member, domain.ManagedAPI, audience)
		}
		return
	}
	if slices.ContainsFunc(api.Permissions, func(p Permission) bool { return p.Name == permission }) {
		return
	}
	names := []string{}
	if c.tells() {
		for _, p := range api.Permissions {
			names = append(names, p.Name)
		}
	}
	c.problems.add(d.At(member), "%s: API %s has no permission %q%s", member, audience, clip(permission), suggest(permission, names))
}

// tells says whether the next problem is one that is told: to find what might be meant takes long among many objects.
func (c *comparison) tells() bool { return len(c.problems) < maxProblems }

func (c *comparison) api(audience string) (*API, bool) {
	if api, ok := c.apis[audience]; ok {
		return api, true
	}
	stored, ok := c.there[domain.ManagedAPI][audience]
	if !ok {
		return nil, false
	}
	return stored.object.(*API), true
}
