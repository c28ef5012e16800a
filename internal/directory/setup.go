package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// SetupNeeded reports whether there is no administrator.
func (d *Directory) SetupNeeded(ctx context.Context) (bool, error) {
	n, _, err := d.assignments.CountAdministrators(ctx, d.now())
	if err != nil {
		return false, fmt.Errorf("look for an administrator: %w", err)
	}
	return n == 0, nil
}

// NewSetupLink makes the token of a link with which the first administrator is made, valid for ttl.
// ErrConsumed if the first administrator was made before.
func (d *Directory) NewSetupLink(ctx context.Context, ttl time.Duration) (string, error) {
	token := rand.Text()
	err := d.events.Change(ctx, event.SetupLinkMade{}, func(ctx context.Context) error {
		now := d.now()
		if err := d.setup.PutSetupLink(ctx, hashSetupToken(token), now, now.Add(ttl)); err != nil {
			return err
		}
		err := d.setup.FindSetupLink(ctx, hashSetupToken(token), now)
		if errors.Is(err, domain.ErrNotFound) {
			return domain.ErrConsumed
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make a setup link: %w", err)
	}
	return token, nil
}

// CheckSetupLink returns ErrNotFound if the token is not that of a live link, or the first administrator was made before.
func (d *Directory) CheckSetupLink(ctx context.Context, token string) error {
	if err := d.setup.FindSetupLink(ctx, hashSetupToken(token), d.now()); err != nil {
		return fmt.Errorf("check a setup link: %w", err)
	}
	return nil
}

// CompleteSetup makes the first administrator, once for the installation, and returns the user as stored.
// ErrInvalid if user or credential break a rule, ErrExists if the username is taken, ErrNotFound if the token is not that of a
// live link, ErrConsumed if there is an administrator already.
func (d *Directory) CompleteSetup(ctx context.Context, token string, user domain.User, credential Credential) (domain.User, error) {
	// Whoever has no link must not make the server hash.
	if err := d.CheckSetupLink(ctx, token); err != nil {
		return domain.User{}, err
	}
	user, err := d.newUser(ctx, user, credential)
	if err != nil {
		return domain.User{}, err
	}
	var stored domain.User
	err = d.events.Change(ctx, event.SetupCompleted{Username: user.Username, UserDetails: userDetails(user, nil)}, func(ctx context.Context) error {
		now := d.now()
		if err := d.setup.CompleteSetup(ctx, hashSetupToken(token), now); err != nil {
			return err
		}
		n, _, err := d.assignments.CountAdministrators(ctx, now)
		if err != nil {
			return err
		}
		if n > 0 {
			return domain.ErrConsumed
		}
		if stored, err = d.insertUser(ctx, user, credential); err != nil {
			return err
		}
		return d.assignments.PutAssignment(ctx, domain.Assignment{
			Role: domain.RoleAdministrator, SubjectKind: domain.SubjectUser, Subject: user.Username, CreatedAt: now,
		})
	})
	if err != nil {
		return domain.User{}, fmt.Errorf("make the first administrator: %w", err)
	}
	return stored, nil
}

func hashSetupToken(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}
