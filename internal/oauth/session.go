package oauth

import (
	"maps"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// requestSession is what a request knows of its grant; fosite carries it from handler to handler.
type requestSession struct {
	client           client
	revision         int64            // the snapshot's, when the request began
	api              *domain.API      // whom the token is for, nil: Signet itself
	grant            *domain.Grant    // nil: the client acts for itself
	target           *domain.GrantAPI // what the grant covers of that API
	user             *domain.User     // the grant's
	code             *domain.AuthorizationCode
	device           int64                // the request of a device, by id
	nonce            string               // the code's, or that request's
	refreshToken     string               // that was presented
	narrowed         []string             // the scopes that a refresh asks for, empty: all that was granted for the API
	saysScope        bool                 // the answer says which scopes were granted even if none were
	permissionsAsked bool                 // a client that acts for itself has named permissions
	kept             bool                 // it stays valid
	repeated         bool                 // its successor was given out before
	signed           token.SignedToken    // the access token
	idToken          string               // empty: none was asked for
	issued           []domain.IssuedToken // both, for the index

	claims  *jwt.IDTokenClaims
	headers *jwt.Headers
	expires map[fosite.TokenType]time.Time
}

var _ openid.Session = (*requestSession)(nil)

func newSession(revision int64) *requestSession {
	return &requestSession{
		revision: revision,
		claims:   &jwt.IDTokenClaims{},
		headers:  jwt.NewHeaders(),
		expires:  map[fosite.TokenType]time.Time{},
	}
}

// of attaches a grant and its user.
func (s *requestSession) of(grant domain.Grant, user *domain.User) {
	s.grant, s.user = &grant, user
	s.claims.Subject = user.Subject
	s.claims.AuthTime = grant.AuthTime
	s.claims.RequestedAt = grant.AuthTime // fosite compares the two; authorize has judged them already
	s.claims.AuthenticationContextClassReference = grant.ACR
	s.claims.AuthenticationMethodsReferences = grant.AMR
}

func (s *requestSession) IDTokenClaims() *jwt.IDTokenClaims { return s.claims }
func (s *requestSession) IDTokenHeaders() *jwt.Headers      { return s.headers }

func (s *requestSession) SetExpiresAt(key fosite.TokenType, exp time.Time) { s.expires[key] = exp }
func (s *requestSession) GetExpiresAt(key fosite.TokenType) time.Time      { return s.expires[key] }

func (s *requestSession) GetUsername() string {
	if s.user == nil {
		return ""
	}
	return s.user.Username
}

func (s *requestSession) GetSubject() string { return s.claims.Subject }

// Clone implements fosite.Session. Grant and user are shared: nobody changes them.
func (s *requestSession) Clone() fosite.Session {
	c := *s
	claims, headers := *s.claims, *s.headers
	c.claims, c.headers = &claims, &headers
	c.headers.Extra = maps.Clone(s.headers.Extra)
	c.expires = maps.Clone(s.expires)
	return &c
}
