package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
)

// ActiveUser finds a user by database id in the cache, as LookupUser does. domain.ErrRevoked if the user may not have tokens: is
// deleted or disabled.
func (d *Directory) ActiveUser(ctx context.Context, id int64) (*domain.User, error) {
	user, err := d.LookupUser(ctx, id)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return nil, fmt.Errorf("user %d is gone: %w", id, domain.ErrRevoked)
	case err != nil:
		return nil, fmt.Errorf("find user %d: %w", id, err)
	case !user.DisabledAt.IsZero():
		return nil, fmt.Errorf("user %d is disabled: %w", id, domain.ErrRevoked)
	}
	return user, nil
}
