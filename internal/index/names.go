package index

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/signet-auth/signet/internal/domain"
)

// Names name what tokens belong to, as people know it; an empty name stands for any.
type Names struct {
	User   string // username
	Client string // client_id
	API    string // audience
}

// Users finds users by username. domain.ErrNotFound if there is none of the name.
type Users interface {
	FindUser(ctx context.Context, username string) (domain.User, error)
}

// Registry finds clients by client_id and APIs by audience. domain.ErrNotFound if there is none of the name.
type Registry interface {
	FindClient(ctx context.Context, clientID string) (domain.Client, error)
	FindAPI(ctx context.Context, audience string) (domain.API, error)
}

// Resolver translates names into a filter of tokens.
type Resolver struct {
	Users    Users
	Registry Registry
}

// Filter chooses the tokens that belong to all that is named, and returns the names as they are stored. domain.ErrNotFound if a name is
// nobody's.
func (r Resolver) Filter(ctx context.Context, n Names) (filter domain.TokenFilter, stored Names, err error) {
	for _, name := range []string{n.User, n.Client, n.API} {
		if !utf8.ValidString(name) || strings.ContainsRune(name, 0) { // no database has it, and not every one can be asked
			return filter, stored, fmt.Errorf("%q: %w", name, domain.ErrNotFound)
		}
	}
	if n.User != "" {
		user, err := r.Users.FindUser(ctx, n.User)
		if err != nil {
			return filter, stored, err
		}
		filter.UserID, stored.User = user.ID, user.Username
	}
	if n.Client != "" {
		client, err := r.Registry.FindClient(ctx, n.Client)
		if err != nil {
			return filter, stored, err
		}
		filter.ClientID, stored.Client = client.ID, client.ClientID
	}
	if n.API != "" {
		api, err := r.Registry.FindAPI(ctx, n.API)
		if err != nil {
			return filter, stored, err
		}
		filter.APIID, stored.API = api.ID, api.Audience
	}
	return filter, stored, nil
}
