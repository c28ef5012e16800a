package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Authenticate finds the user whose name and password these are: the username, or an e-mail address that no other enabled user
// has. ErrInvalid for an unknown user, a wrong password and a
// disabled user, without a difference in answer or time; any other error means that the check was not possible.
func (d *Directory) Authenticate(ctx context.Context, username, password string) (domain.User, error) {
	user, err := d.named(ctx, username)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return domain.User{}, fmt.Errorf("sign in: %w", err)
	}
	stored := noPassword
	if user.PasswordHash != "" {
		if stored, err = parsePasswordHash(user.PasswordHash); err != nil {
			return domain.User{}, fmt.Errorf("sign in user %q: %w", user.Username, err)
		}
	}
	match, raw, err := d.matches(ctx, password, stored)
	if err != nil {
		return domain.User{}, fmt.Errorf("sign in: %w", err)
	}
	if !match || user.PasswordHash == "" || !user.DisabledAt.IsZero() {
		return domain.User{}, fmt.Errorf("%w username or password", domain.ErrInvalid)
	}
	if stored.cost != currentCost || raw {
		return d.rehash(ctx, user, password)
	}
	return user, nil
}

// named finds the user who signs in by a username, or where there is no such username, by an e-mail address. ErrNotFound if there is
// none, or several have the address.
func (d *Directory) named(ctx context.Context, name string) (domain.User, error) {
	user, err := d.store.FindUser(ctx, canonical(name))
	if !errors.Is(err, domain.ErrNotFound) || !strings.Contains(name, "@") {
		return user, err
	}
	users, err := d.store.UsersByEmail(ctx, name, 2)
	if err == nil && len(users) != 1 {
		err = domain.ErrNotFound
	}
	if err != nil {
		return domain.User{}, err
	}
	return users[0], nil
}

// matches says whether a typed password is the hashed one: as prepared, or raw, as passwords were hashed before they were prepared.
func (d *Directory) matches(ctx context.Context, typed string, stored passwordHash) (match, raw bool, err error) {
	if len(typed) > maxPasswordBytes {
		typed = "" // no password is so long; do not hash it all
	}
	prepared, err := preparePassword(typed)
	if err != nil {
		prepared = typed
	}
	if match, err = d.hasher.matches(ctx, prepared, stored); match || err != nil || prepared == typed {
		return match, false, err
	}
	match, err = d.hasher.matches(ctx, typed, stored)
	return match, true, err
}

// rehash replaces a hash of an older cost or form, unless the password was changed in between.
func (d *Directory) rehash(ctx context.Context, user domain.User, password string) (domain.User, error) {
	if prepared, err := preparePassword(password); err == nil {
		password = prepared
	}
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
