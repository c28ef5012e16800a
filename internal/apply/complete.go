package apply

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// required says that a member that names the object is missing, or cannot name one.
func required(member, value string) []wrong {
	switch {
	case value == "":
		return []wrong{{member, "it needs " + member}}
	case len(value) > maxKeyLength:
		return []wrong{{member, member + " is too long"}}
	}
	return nil
}

// sorted puts a list of names in order, says which stands twice, and makes an empty one nil.
func sorted(member string, list *[]string) (wrongs []wrong) {
	if len(*list) == 0 {
		*list = nil
		return nil
	}
	slices.Sort(*list)
	return append(wrongs, twice(member, *list)...)
}

// twice says which names of a sorted list stand there twice, or are empty.
func twice(member string, list []string) (wrongs []wrong) {
	for i, name := range list {
		switch {
		case name == "":
			return []wrong{{member, member + ": one is empty"}}
		case i > 0 && list[i-1] == name:
			return []wrong{{member, fmt.Sprintf("%s: %q is listed twice", member, clip(name))}}
		}
	}
	return nil
}

// orNil makes an empty list nil.
func orNil[T any](list *[]T) {
	if len(*list) == 0 {
		*list = nil
	}
}

func (a *Attribute) name() string { return a.Name }

func (a *Attribute) complete() []wrong {
	a.Type = cmp.Or(a.Type, string(domain.AttributeString))
	wrongs := required("name", a.Name)
	if slices.ContainsFunc(domain.StandardAttributes, func(s domain.StandardAttribute) bool { return s.Name == a.Name }) {
		wrongs = append(wrongs, wrong{"name", fmt.Sprintf("the attribute %s is built in and cannot come from a file", a.Name)})
	}
	return wrongs
}

func (a *Attribute) bare() object { return &Attribute{Name: a.Name} }

func (a *API) name() string { return a.Audience }

func (a *API) complete() []wrong {
	a.Name = cmp.Or(a.Name, a.Audience[:min(len(a.Audience), 200)])
	a.SigningAlg = cmp.Or(a.SigningAlg, domain.ES256)
	a.Memberships, a.GroupNames = cmp.Or(a.Memberships, string(domain.MembershipsRelevant)), cmp.Or(a.GroupNames, string(domain.GroupsByName))
	orNil(&a.ClaimMappings)
	orNil(&a.Permissions)
	slices.SortFunc(a.Permissions, func(x, y Permission) int { return strings.Compare(x.Name, y.Name) })
	names := make([]string, len(a.Permissions))
	for i, p := range a.Permissions {
		names[i] = p.Name
	}
	wrongs := append(required("audience", a.Audience), twice("permissions", names)...)
	wrongs = append(wrongs, sorted("encrypted_claims", &a.EncryptedClaims)...)
	if a.Resources != nil {
		wrongs = append(wrongs, completeResources(*a.Resources)...)
	}
	if a.Audience == domain.AdminAudience {
		wrongs = append(wrongs, wrong{"audience", "the API " + a.Audience + " is built in and cannot come from a file"})
	}
	return wrongs
}

// completeResources puts resources into order, and gives each its properties.
func completeResources(resources []Resource) (wrongs []wrong) {
	names := make([]string, len(resources))
	for i, r := range resources {
		resources[i].Properties = cmp.Or(r.Properties, "{}")
		switch {
		case !strings.HasPrefix(string(resources[i].Properties), "{"):
			return []wrong{{"resources", fmt.Sprintf("resources: the properties of %s:%s are no object", clip(r.Type), clip(r.ID))}}
		case r.Type == "" || r.ID == "" || strings.Contains(r.Type, ":"):
			return []wrong{{"resources", "resources: each has a type without a colon, and an id"}}
		}
	}
	slices.SortFunc(resources, func(x, y Resource) int {
		return cmp.Or(strings.Compare(x.Type, y.Type), strings.Compare(x.ID, y.ID))
	})
	for i, r := range resources {
		names[i] = r.Type + ":" + r.ID
	}
	return twice("resources", names)
}

func (a *API) bare() object { return &API{Audience: a.Audience} }

func (r *Role) name() string { return r.Name }

func (r *Role) complete() []wrong {
	wrongs := append(required("name", r.Name), sorted("permissions", &r.Permissions)...)
	for _, p := range r.Permissions {
		if audience, permission, ok := strings.Cut(p, "#"); !ok || audience == "" || permission == "" {
			wrongs = append(wrongs, wrong{"permissions", fmt.Sprintf("permissions: write %q as AUDIENCE#permission", clip(p))})
		}
	}
	if slices.Contains(domain.BuiltInRoles, r.Name) {
		wrongs = append(wrongs, wrong{"name", "the role " + r.Name + " is built in and cannot come from a file"})
	}
	return wrongs
}

func (r *Role) bare() object { return &Role{Name: r.Name} }

func (g *Group) name() string { return g.Name }

func (g *Group) complete() []wrong {
	wrongs := required("name", g.Name)
	if g.Members != nil {
		for i, member := range *g.Members {
			(*g.Members)[i] = strings.ToLower(member) // as usernames are stored
		}
		slices.Sort(*g.Members)
		wrongs = append(wrongs, twice("members", *g.Members)...)
	}
	return wrongs
}

func (g *Group) bare() object { return &Group{Name: g.Name} }

func (c *Client) name() string { return c.ClientID }

func (c *Client) complete() []wrong {
	wrongs := required("client_id", c.ClientID)
	method := domain.SecretBasic
	if c.JWKS != "" || c.JWKSURI != "" {
		method = domain.PrivateKeyJWT
	}
	c.AuthMethod = cmp.Or(c.AuthMethod, method)
	if c.AuthMethod != domain.None && c.AuthMethod != method {
		wrongs = append(wrongs, wrong{"token_endpoint_auth_method",
			"private_key_jwt needs jwks or jwks_uri, and a client that has one of them uses it: the method follows from that, leave it out"})
	}
	if c.AuthMethod != domain.SecretBasic && c.Secrets != nil && len(*c.Secrets) > 0 {
		wrongs = append(wrongs, wrong{"secrets", "a client that authenticates by " + c.AuthMethod + " has no secrets"})
	}
	if c.RequirePKCE == nil {
		yes := true
		c.RequirePKCE = &yes
	}
	c.Name = cmp.Or(c.Name, c.ClientID)
	c.SubjectType = cmp.Or(c.SubjectType, string(domain.SubjectTypePublic))
	c.SectorIdentifier = strings.ToLower(c.SectorIdentifier)
	c.IDTokenAlg, c.GroupNames = cmp.Or(c.IDTokenAlg, domain.RS256), cmp.Or(c.GroupNames, string(domain.GroupsByName))
	orNil(&c.GrantTypes)
	orNil(&c.RedirectURIs)
	orNil(&c.PostLogoutRedirectURIs)
	orNil(&c.ClaimMappings)
	orNil(&c.APIs)
	orNil(&c.Trusts)
	wrongs = append(wrongs, sorted("serves", &c.Serves)...)
	slices.SortFunc(c.APIs, func(x, y ClientAPI) int { return strings.Compare(x.Audience, y.Audience) })
	audiences := make([]string, len(c.APIs))
	for i := range c.APIs {
		audiences[i] = c.APIs[i].Audience
		if named := c.APIs[i].Permissions; named != nil && len(named) == 0 {
			wrongs = append(wrongs, wrong{"apis", "apis: permissions is empty: name some, or leave it out for all that the API has"})
		}
		wrongs = append(wrongs, sorted("apis", &c.APIs[i].Permissions)...)
	}
	wrongs = append(wrongs, twice("apis", audiences)...)
	for i := range c.Trusts {
		if len(c.Trusts[i].Claims) == 0 {
			c.Trusts[i].Claims = nil
		}
	}
	slices.SortFunc(c.Trusts, func(x, y Trust) int { return strings.Compare(x.key(), y.key()) })
	keys := make([]string, len(c.Trusts))
	for i, t := range c.Trusts {
		keys[i] = t.key()
	}
	return append(wrongs, twice("trusts", keys)...)
}

// key tells trusts apart.
func (t Trust) key() string {
	return fmt.Sprintf("%q %q %q %q %q %q %t %t", t.Issuer, t.Subject, t.Audience, t.Claims, t.JWKS, t.JWKSURI, t.Private, t.Reusable)
}

func (c *Client) bare() object {
	return &Client{ClientID: c.ClientID, JWKS: c.JWKS, JWKSURI: c.JWKSURI}
}

func (a *Assignment) name() string {
	kind, subject := a.Subject()
	return a.Role + " to " + string(kind) + " " + subject
}

// Subject is who has the role.
func (a *Assignment) Subject() (domain.SubjectKind, string) {
	switch {
	case a.User != "":
		return domain.SubjectUser, a.User
	case a.Group != "":
		return domain.SubjectGroup, a.Group
	default:
		return domain.SubjectClient, a.Client
	}
}

func (a *Assignment) complete() []wrong {
	a.User = strings.ToLower(a.User) // as usernames are stored
	wrongs := required("role", a.Role)
	subjects := slices.DeleteFunc([]string{a.User, a.Group, a.Client}, func(name string) bool { return name == "" })
	if len(subjects) != 1 {
		return append(wrongs, wrong{"role", "an assignment names one of user, group and client"})
	}
	return append(wrongs, required("role", subjects[0])...)
}

func (a *Assignment) bare() object {
	return &Assignment{Role: a.Role, User: a.User, Group: a.Group, Client: a.Client}
}

func (r *Receiver) name() string { return r.ClientID }

func (r *Receiver) complete() []wrong {
	wrongs := required("client_id", r.ClientID)
	switch {
	case r.Events == nil:
		r.Events = slices.Clone(domain.SecurityEvents)
	case len(r.Events) == 0: // it is to get none
		return wrongs
	}
	return append(wrongs, sorted("events", &r.Events)...)
}

func (r *Receiver) bare() object { return &Receiver{ClientID: r.ClientID} }
