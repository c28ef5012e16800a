package forwardauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/policy"
)

// Grants finds what users allowed.
type Grants interface {
	// FindGrant returns ErrNotFound if there is none; one that was revoked is found.
	FindGrant(ctx context.Context, id int64) (domain.Grant, error)
}

// Sessions finds browser sessions.
type Sessions interface {
	// Seen returns a live session, and notes that it was seen. ErrNotFound if it is over.
	Seen(ctx context.Context, id int64) (domain.Session, error)
}

// bySignIn judges a request by the sign-in of its browser at the application.
func (s *Surface) bySignIn(ctx context.Context, a *asked) (answer, error) {
	app, err := s.application(ctx, a.client, a.host)
	if err != nil {
		return answer{}, err
	}
	user, grant, err := s.signedIn(ctx, app, a)
	if errors.Is(err, domain.ErrNotFound) || errors.Is(err, domain.ErrRevoked) {
		refused := answer{status: http.StatusUnauthorized, challenge: challenge, text: "Sign in first."}
		if a.navigates() {
			refused.signIn = app.signInAddress(a.uri)
		}
		return refused, nil
	} else if err != nil {
		return answer{}, err
	}
	if a.api != "" {
		allowed, err := s.userMay(ctx, user, a)
		if err != nil {
			return answer{}, err
		}
		if !allowed {
			return answer{status: http.StatusForbidden, text: "You may not do this."}, nil
		}
	}
	about, err := s.Minter.Userinfo(ctx, app.client, user, domain.Scopes(grant.APIs), nil)
	if err != nil {
		return answer{}, err
	}
	who := identity{client: app.client.ClientID, groups: names(about.Claims["groups"]), roles: names(about.Claims["roles"])}
	who.subject, _ = about.Claims["sub"].(string)
	who.describe(about.Claims)
	return answer{status: http.StatusOK, who: who}, nil
}

// signedIn is who is signed in at an application, by what holds now: the grant, the session, the user. ErrNotFound or ErrRevoked: nobody.
func (s *Surface) signedIn(ctx context.Context, app application, a *asked) (*domain.User, domain.Grant, error) {
	found, ok := s.sealer.openSignIn(app.cookies.value(a.header, cookieSignIn), a.host)
	if !ok {
		return nil, domain.Grant{}, domain.ErrNotFound
	}
	grant, err := s.Grants.FindGrant(ctx, found.Grant)
	if err != nil {
		return nil, grant, err
	}
	if grant.SID != found.Session || grant.ClientID != app.client.ID || !grant.RevokedAt.IsZero() || !s.Now().Before(grant.ExpiresAt) {
		return nil, grant, domain.ErrRevoked
	}
	if _, err := s.Sessions.Seen(ctx, grant.SessionID); err != nil {
		return nil, grant, err
	}
	user, err := s.Directory.ActiveUser(ctx, grant.UserID)
	return user, grant, err
}

// userMay says whether a user has what a request needs of an API, by the roles that they have now and the API's policy.
func (s *Surface) userMay(ctx context.Context, user *domain.User, a *asked) (bool, error) {
	if _, err := s.Registry.LookupAPI(ctx, a.api); errors.Is(err, domain.ErrNotFound) {
		return false, misconfigured("There is no such API.")
	} else if err != nil {
		return false, err
	}
	access, err := s.Directory.Access(ctx, directory.Subject{Kind: domain.SubjectUser, ID: user.ID}, a.api)
	if err != nil || !hasAll(access.Permissions, a.permissions) {
		return false, err
	}
	if a.resource == "" {
		return true, nil
	}
	return s.decide(ctx, s.Policies.Decider(a.api), a, policy.SubjectUser, user.Subject)
}
