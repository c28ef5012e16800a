package adminui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// clientKind is what a client is. It is not stored: a kind is a choice of settings.
type clientKind string

// The kinds of client.
const (
	kindService  clientKind = "service"
	kindWeb      clientKind = "web"
	kindSPA      clientKind = "spa"
	kindNative   clientKind = "native"
	kindResource clientKind = "resource"
	kindPublic   clientKind = "public" // one in the browser or on a user's device: both redirect to loopback addresses
)

// clientKinds are those that can be chosen.
var clientKinds = []clientKind{kindService, kindWeb, kindSPA, kindNative, kindResource}

// clientKindOf says what a client of these settings is.
func clientKindOf(c admin.Client) clientKind {
	switch {
	case slices.Contains(c.GrantTypes, domain.GrantDeviceCode):
		return kindNative
	case !slices.Contains(c.GrantTypes, domain.GrantAuthorizationCode):
		if len(c.GrantTypes) == 0 {
			return kindResource
		}
		return kindService
	case c.AuthMethod != domain.None:
		return kindWeb
	case slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return !strings.HasPrefix(uri, "http") }):
		return kindNative
	case slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return strings.HasPrefix(uri, "https://") }):
		return kindSPA
	}
	return kindPublic
}

func (s *surface) mountNewClient() {
	s.handle("GET /new/client", "client.create", chooseKind)
	s.handle("GET /new/client/{kind}", "client.create", newClient)
	s.handle("POST /new/client/{kind}", "client.create", newClient)
}

// chooseKind asks what the new client is.
func chooseKind(v *visit) error {
	var kinds []link
	for _, kind := range clientKinds {
		kinds = append(kinds, link{Text: string(kind), Path: address("new", "client", string(kind)), Icon: "kind-" + string(kind)})
	}
	v.render(http.StatusOK, "admin/kinds", v.text("client.new"), kinds)
	return nil
}

// newClientForm asks what a client of a kind needs.
func (v *visit) newClientForm(kind clientKind) *form {
	id := v.field("text", "client", "client_id", "")
	id.Required = true
	f := &form{
		Lead: v.text("client_kind." + string(kind) + ".lead"), Submit: v.text("client.create"), Cancel: address("new", "client"),
		Fields: []*field{id, v.clientName("")},
	}
	add := func(fields ...*field) { f.Fields = append(f.Fields, fields...) }
	redirectURIs := func() *field {
		f := v.clientLines("redirect_uris", nil)
		f.Hint = v.text("client_kind." + string(kind) + ".redirect_uris")
		return f
	}
	afterSignOut := func() *field { return v.clientLines("post_logout_redirect_uris", nil) }
	switch kind {
	case kindWeb:
		add(redirectURIs(), afterSignOut(), v.apisField(admin.Client{}), v.clientCheck("first_party", false), v.clientCheck("require_pkce", true))
	case kindSPA:
		add(redirectURIs(), afterSignOut(), v.apisField(admin.Client{}), v.clientCheck("first_party", false))
	case kindNative:
		add(redirectURIs(), v.clientCheck("device", false), v.apisField(admin.Client{}))
	case kindResource:
		add(v.servesField(admin.Client{}))
	default:
		add(v.apisField(admin.Client{}))
	}
	return f
}

// clientOf is the client that a form of a kind describes.
func clientOf(f *form, kind clientKind) (domain.Client, error) {
	apis, err := f.apis()
	c := domain.Client{
		ClientID: f.get("client_id"), Name: f.get("name"), APIs: apis, Serves: f.lines("serves"),
		RedirectURIs: f.lines("redirect_uris"), PostLogoutRedirectURIs: f.lines("post_logout_redirect_uris"),
		FirstParty: f.set("first_party"), RequirePKCE: f.set("require_pkce"), Public: kind == kindSPA || kind == kindNative,
	}
	switch kind {
	case kindService:
		c.GrantTypes = []string{domain.GrantClientCredentials}
	case kindWeb, kindSPA:
		c.GrantTypes = []string{domain.GrantAuthorizationCode, domain.GrantRefreshToken}
	case kindNative:
		if device := f.set("device"); len(c.RedirectURIs) > 0 || !device {
			c.GrantTypes = append(c.GrantTypes, domain.GrantAuthorizationCode)
		}
		if f.set("device") {
			c.GrantTypes = append(c.GrantTypes, domain.GrantDeviceCode)
		}
		c.GrantTypes = append(c.GrantTypes, domain.GrantRefreshToken)
	}
	return c, err
}

// newClient asks for what a client of a kind needs, and answers with what it is set up with: no other page shows its secret. A form that
// was sent before makes no other client, since it names the client_id.
func newClient(v *visit) error {
	kind := clientKind(v.r.PathValue("kind"))
	if !slices.Contains(clientKinds, kind) {
		return domain.ErrNotFound
	}
	if !v.mayFill() {
		return nil
	}
	title, f := v.text("client_kind."+string(kind)+".new"), v.newClientForm(kind)
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	client, err := clientOf(f, kind)
	if err == nil && client.ClientID == "" {
		err = domain.CheckClientID("")
	}
	var created admin.RegisteredClient
	if err == nil {
		created, err = v.Admin.CreateClient(v.ctx(), v.caller, client, admin.GivenSecret{})
	}
	if err != nil {
		return v.refused(f, title, err)
	}
	return v.showSetup(v.text("client.created", created.ClientID), created.Client, created.ClientSecret)
}

// port is that of a URL; one that names none is at the usual port of development.
func port(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Port() != "" {
		return u.Port()
	}
	return "3000"
}
