package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// clientView names a client's metadata as RFC 7591 §2 does.
type clientView struct {
	ClientID     string          `json:"client_id"`
	Name         string          `json:"client_name"`
	AuthMethod   string          `json:"token_endpoint_auth_method"`
	GrantTypes   []string        `json:"grant_types"`
	RedirectURIs []string        `json:"redirect_uris"`
	IDTokenAlg   string          `json:"id_token_signed_response_alg"`
	FirstParty   bool            `json:"first_party"`
	APIs         []clientAPIView `json:"apis"`
	Serves       []string        `json:"serves"`
	Secrets      []secretView    `json:"secrets"`
	Disabled     bool            `json:"disabled"`
	DisabledAt   time.Time       `json:"disabled_at,omitzero"`
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
}

type clientAPIView struct {
	Audience    string   `json:"audience"`
	Permissions []string `json:"permissions"` // empty: all
}

func viewClient(c domain.Client) clientView {
	v := clientView{
		ClientID: c.ClientID, Name: c.Name, AuthMethod: "client_secret_basic",
		GrantTypes: array(c.GrantTypes), RedirectURIs: array(c.RedirectURIs), IDTokenAlg: c.IDTokenAlg,
		FirstParty: c.FirstParty, APIs: []clientAPIView{}, Serves: array(c.Serves),
		Secrets:  rows(c.Secrets, viewSecret),
		Disabled: !c.DisabledAt.IsZero(), DisabledAt: c.DisabledAt, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if c.Public {
		v.AuthMethod = "none"
	}
	for _, api := range c.APIs {
		v.APIs = append(v.APIs, clientAPIView{api.Audience, array(api.Permissions)})
	}
	return v
}

func (v clientView) columns() []string {
	return []string{"CLIENT_ID", "NAME", "AUTHENTICATION", "GRANTS", "APIS", "DISABLED"}
}

func (v clientView) cells() []any {
	return []any{v.ClientID, v.Name, v.AuthMethod, v.GrantTypes, v.apis(), v.DisabledAt}
}

func (v clientView) text(w io.Writer) {
	details(w, "client_id", v.ClientID, "client_name", v.Name, "token_endpoint_auth_method", v.AuthMethod,
		"grant_types", v.GrantTypes, "redirect_uris", v.RedirectURIs, "id_token_signed_response_alg", v.IDTokenAlg,
		"first_party", v.FirstParty, "apis", v.apis(), "serves", v.Serves,
		"disabled_at", v.DisabledAt, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
	for _, s := range v.Secrets {
		fmt.Fprintf(w, "secret\t%d\t…%s\t%s\n", s.ID, s.Hint, s.expires())
	}
}

func (v clientView) apis() []string {
	var list []string
	for _, api := range v.APIs {
		if len(api.Permissions) == 0 {
			list = append(list, api.Audience)
		}
		for _, p := range api.Permissions {
			list = append(list, reference{api.Audience, p}.String())
		}
	}
	return list
}

type secretView struct {
	ID        int64     `json:"id"`
	Hint      string    `json:"hint"` // the secret's last characters
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

func viewSecret(s domain.ClientSecret) secretView {
	return secretView{ID: s.ID, Hint: s.Hint, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt}
}

func (v secretView) columns() []string { return []string{"ID", "ENDS IN", "CREATED", "EXPIRES"} }
func (v secretView) cells() []any      { return []any{v.ID, v.Hint, v.CreatedAt, v.ExpiresAt} }

func (v secretView) expires() string {
	if v.ExpiresAt.IsZero() {
		return "does not expire"
	}
	return "expires " + cell(v.ExpiresAt)
}
