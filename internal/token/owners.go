package token

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signet-auth/signet/internal/domain"
)

// Owners name what tokens belong to, as people know it; an empty name stands for any.
type Owners struct {
	User   string // username
	Client string // client_id
	API    string // audience
}

// Filter chooses the tokens of owners. domain.ErrNotFound if there is none of a name.
func (t *Tokens) Filter(ctx context.Context, o Owners) (filter domain.TokenFilter, err error) {
	for _, name := range []string{o.User, o.Client, o.API} {
		if !utf8.ValidString(name) || strings.ContainsRune(name, 0) { // no database has it, and not every one can be asked
			return filter, fmt.Errorf("%q: %w", name, domain.ErrNotFound)
		}
	}
	if o.User != "" {
		user, err := t.directory.FindUser(ctx, o.User)
		if err != nil {
			return filter, err
		}
		filter.UserID = user.ID
	}
	if o.Client != "" {
		client, err := t.registry.FindClient(ctx, o.Client)
		if err != nil {
			return filter, err
		}
		filter.ClientID = client.ID
	}
	if o.API != "" {
		api, err := t.registry.FindAPI(ctx, o.API)
		if err != nil {
			return filter, err
		}
		filter.APIID = api.ID
	}
	return filter, nil
}

// RevokeOf revokes the tokens of the one owner that is named, or of all if none is, as Revoke does. domain.ErrInvalid if more
// than one is named, domain.ErrNotFound if there is none of the name.
func (t *Tokens) RevokeOf(ctx context.Context, o Owners, issuedBefore time.Time) (domain.Revocation, error) {
	filter, err := t.Filter(ctx, o)
	if err != nil {
		return domain.Revocation{}, err
	}
	r := domain.Revocation{Kind: domain.RevokeOfAll, IssuedBefore: issuedBefore}
	for _, owner := range []struct {
		kind domain.RevocationKind
		id   int64
	}{{domain.RevokeOfUser, filter.UserID}, {domain.RevokeOfClient, filter.ClientID}, {domain.RevokeOfAPI, filter.APIID}} {
		switch {
		case owner.id == 0:
		case r.TargetID != 0:
			return r, fmt.Errorf("%w revocation: name one owner", domain.ErrInvalid)
		default:
			r.Kind, r.TargetID = owner.kind, owner.id
		}
	}
	return t.Revoke(ctx, r)
}

// FindRevocation tells how far a revocation has come, for a day after it is done. domain.ErrNotFound if there is none.
func (t *Tokens) FindRevocation(ctx context.Context, id int64) (domain.Revocation, error) {
	r, err := t.store.FindRevocation(ctx, id)
	if err != nil {
		return r, fmt.Errorf("revocation %d: %w", id, err)
	}
	return r, nil
}
