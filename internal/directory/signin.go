package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Authenticate finds the user whose username and password these are. ErrInvalid for an unknown user, a wrong password and a
// disabled user, without a difference in answer or time; any other error means that the check was not possible.
func (d *Directory) Authenticate(ctx context.Context, username, password string) (domain.User, error) {
	user, err := d.store.FindUser(ctx, canonical(username))
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return domain.User{}, fmt.Errorf("sign in: %w", err)
	}
	stored := noPassword
	if user.PasswordHash != "" {
		if stored, err = parsePasswordHash(user.PasswordHash); err != nil {
			return domain.User{}, fmt.Errorf("sign in user %q: %w", user.Username, err)
		}
	}
	if len(password) > maxPasswordBytes {
		password = "" // no password is so long; do not hash it all
	}
	match, err := d.hasher.matches(ctx, password, stored)
	if err != nil {
		return domain.User{}, fmt.Errorf("sign in: %w", err)
	}
	if !match || user.PasswordHash == "" || !user.DisabledAt.IsZero() {
		return domain.User{}, fmt.Errorf("%w username or password", domain.ErrInvalid)
	}
	if stored.cost != currentCost {
		return d.rehash(ctx, user, password)
	}
	return user, nil
}

// rehash replaces a hash of an older cost, unless the password was changed in between.
func (d *Directory) rehash(ctx context.Context, user domain.User, password string) (domain.User, error) {
	hash, err := d.hasher.hash(ctx, password)
	if err != nil {
		return domain.User{}, fmt.Errorf("sign in: %w", err)
	}
	ctx = event.WithActor(ctx, event.System) // whoever signs in did not ask for it
	return d.changeUser(ctx, user.Username, func(ctx context.Context, current *domain.User) (event.Event, error) {
		if current.PasswordHash != user.PasswordHash || !current.DisabledAt.IsZero() {
			return nil, fmt.Errorf("%w username or password", domain.ErrInvalid)
		}
		current.PasswordHash = hash
		return event.UserPasswordRehashed{Username: user.Username, Subject: user.Subject}, d.store.UpdateUser(ctx, *current)
	})
}
