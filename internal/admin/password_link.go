package admin

import (
	"context"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/authn"
)

// PasswordLink is a link with which a user sets a password, once. It is shown when it is made, and never again.
type PasswordLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// LinkPassword makes a link with which a user sets a password; one from before opens nothing any more. It opens nothing either
// once the user has an administrative permission that the caller lacks. domain.ErrInvalid for a disabled
// user, domain.ErrNotFound if there is no such username.
func (s *Service) LinkPassword(ctx context.Context, caller authn.Caller, username string) (link PasswordLink, err error) {
	err = s.changeUser(ctx, caller, "user.link", username, func(ctx context.Context) error {
		token, expires, err := s.config.Links.New(ctx, username, caller.Permissions())
		link = PasswordLink{URL: s.config.Issuer + "/password?" + url.Values{"token": {token}}.Encode(), ExpiresAt: expires}
		return err
	})
	if err != nil {
		return PasswordLink{}, err
	}
	return link, nil
}
