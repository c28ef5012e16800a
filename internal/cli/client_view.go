package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
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
		Secrets:  viewed(c.Secrets, viewSecret),
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

var clients = kind[clientView]{
	noun: "client", key: "CLIENT_ID", example: "reporting",
	layout: layout[clientView]{
		[]string{"CLIENT_ID", "NAME", "AUTHENTICATION", "GRANTS", "APIS", "DISABLED"},
		func(v clientView) []any {
			return []any{v.ClientID, v.Name, v.AuthMethod, v.GrantTypes, v.apis(), v.DisabledAt}
		},
	},
	details: func(w io.Writer, v clientView) {
		details(w, "client_id", v.ClientID, "client_name", v.Name, "token_endpoint_auth_method", v.AuthMethod,
			"grant_types", v.GrantTypes, "redirect_uris", v.RedirectURIs, "id_token_signed_response_alg", v.IDTokenAlg,
			"first_party", v.FirstParty, "apis", v.apis(), "serves", v.Serves,
			"disabled_at", v.DisabledAt, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, s := range v.Secrets {
			fmt.Fprintf(w, "secret\t%d\t…%s\t%s\n", s.ID, s.Hint, s.expires())
		}
	},
	name: func(v clientView) string { return v.ClientID },
	list: func(ctx context.Context, s *server.Services, after string, limit int) ([]clientView, error) {
		list, err := s.Registry.ListClients(ctx, after, limit)
		return viewed(list, viewClient), err
	},
	find: func(ctx context.Context, s *server.Services, id string) (clientView, error) {
		client, err := s.Registry.FindClient(ctx, id)
		return viewClient(client), err
	},
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

var secrets = layout[secretView]{
	[]string{"ID", "ENDS IN", "CREATED", "EXPIRES"},
	func(v secretView) []any { return []any{v.ID, v.Hint, v.CreatedAt, v.ExpiresAt} },
}

func (v secretView) expires() string {
	if v.ExpiresAt.IsZero() {
		return "does not expire"
	}
	return "expires " + cell(v.ExpiresAt)
}
