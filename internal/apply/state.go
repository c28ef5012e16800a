package apply

import (
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// State is what there is of what documents describe and refer to, and of the objects of the set.
type State struct {
	Attributes  []domain.Attribute
	APIs        []domain.API
	Policies    map[string]string            // of APIs, by audience
	Resources   map[string][]domain.Resource // of APIs, by audience
	Roles       []domain.Role
	Groups      []domain.Group
	Members     map[string][]string // of groups
	Clients     []domain.Client
	Assignments []domain.Assignment
	Receivers   []domain.Receiver
	Users       []string
}

// stored is an object that there is.
type stored struct {
	object    any
	managedBy string
	refusal   string // why it cannot come from files; empty: it can
	sealed    bool   // it has a secret that is not described
}

// index arranges the state by kind and name.
func (s *State) index() map[domain.ManagedKind]map[string]stored {
	there := map[domain.ManagedKind]map[string]stored{kindUser: {}}
	for _, kind := range domain.ManagedKinds {
		there[kind] = map[string]stored{}
	}
	put := func(kind domain.ManagedKind, object object, managedBy, refusal string) {
		there[kind][object.name()] = stored{object: object, managedBy: managedBy, refusal: refusal}
	}
	for _, a := range s.Attributes {
		put(domain.ManagedAttribute, AttributeOf(a), a.ManagedBy, "")
	}
	for _, a := range s.APIs {
		put(domain.ManagedAPI, APIOf(a, s.Policies[a.Audience], s.Resources[a.Audience]), a.ManagedBy, "")
	}
	for _, r := range s.Roles {
		put(domain.ManagedRole, RoleOf(r), r.ManagedBy, "")
	}
	for _, g := range s.Groups {
		put(domain.ManagedGroup, GroupOf(g, slices.Clone(s.Members[g.Name])), g.ManagedBy, "")
	}
	for _, c := range s.Clients {
		refusal := ""
		if c.SelfRegistered() {
			refusal = "client " + c.ClientID + " registered itself and cannot come from a file"
		}
		put(domain.ManagedClient, ClientOf(c), c.ManagedBy, refusal)
	}
	for _, a := range s.Assignments {
		put(domain.ManagedAssignment, AssignmentOf(a), a.ManagedBy, "")
	}
	for _, r := range s.Receivers {
		there[domain.ManagedReceiver][r.Client] = stored{object: ReceiverOf(r), managedBy: r.ManagedBy, sealed: len(r.SealedToken) > 0}
	}
	for _, name := range s.Users {
		there[kindUser][name] = stored{}
	}
	return there
}

// Names are those that documents describe or refer to.
type Names struct {
	APIs, Roles, Groups, Clients, Receivers, Users []string
	MembersOf                                      []string // groups whose members are described
	PoliciesOf                                     []string // APIs whose policy is described
	ResourcesOf                                    []string // APIs whose resources are described
	Assignments                                    []domain.Assignment
}

// NamesIn are the names in documents, each once.
func NamesIn(documents []*Document) Names {
	var n Names
	for _, d := range documents {
		switch o := d.Object.(type) {
		case *API:
			n.APIs = append(n.APIs, o.Audience)
			if o.Policy != nil {
				n.PoliciesOf = append(n.PoliciesOf, o.Audience)
			}
			if o.Resources != nil {
				n.ResourcesOf = append(n.ResourcesOf, o.Audience)
			}
		case *Role:
			n.Roles = append(n.Roles, o.Name)
			for _, p := range o.Permissions {
				audience, _, _ := strings.Cut(p, "#")
				n.APIs = append(n.APIs, audience)
			}
		case *Group:
			n.Groups = append(n.Groups, o.Name)
			if o.Members != nil {
				n.Users, n.MembersOf = append(n.Users, *o.Members...), append(n.MembersOf, o.Name)
			}
		case *Client:
			n.Clients, n.APIs = append(n.Clients, o.ClientID), append(n.APIs, o.Serves...)
			for _, api := range o.APIs {
				n.APIs = append(n.APIs, api.Audience)
			}
		case *Assignment:
			n.Roles, n.Assignments = append(n.Roles, o.Role), append(n.Assignments, o.Assignment())
			n.Users, n.Groups, n.Clients = append(n.Users, o.User), append(n.Groups, o.Group), append(n.Clients, o.Client)
		case *Receiver:
			n.Clients, n.Receivers = append(n.Clients, o.ClientID), append(n.Receivers, o.ClientID)
		}
	}
	for _, list := range []*[]string{&n.APIs, &n.Roles, &n.Groups, &n.Clients, &n.Receivers, &n.Users} {
		slices.Sort(*list)
		*list = slices.DeleteFunc(slices.Compact(*list), func(name string) bool { return name == "" })
	}
	return n
}
