package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
)

// Session is a browser in which a user is signed in.
type Session struct {
	SID        string    `json:"sid" doc:"As ID tokens and the audit log call it"`
	Username   string    `json:"username"`
	UserAgent  string    `json:"user_agent" doc:"What the browser says that it is"`
	IP         string    `json:"ip" doc:"The address of the last sign-in; of IPv6 the /64"`
	AMR        []string  `json:"amr" doc:"How the user signed in (RFC 8176)"`
	ACR        string    `json:"acr"`
	AuthTime   time.Time `json:"auth_time" doc:"When the user last signed in"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at" doc:"To the minute"`
	ExpiresAt  time.Time `json:"expires_at"`
	Clients    []string  `json:"clients" doc:"The client_ids that were granted something in it"`
}

func (s *Service) showSessions(ctx context.Context, sessions []domain.SessionEntry) ([]Session, error) {
	ids := make([]int64, len(sessions))
	for i, session := range sessions {
		ids[i] = session.ID
	}
	clients, err := s.config.Sessions.Clients(ctx, ids...)
	return list(sessions, err, func(e domain.SessionEntry) Session {
		return Session{
			SID: e.SID, Username: e.Username, UserAgent: e.UserAgent, IP: e.IP, AMR: array(e.AMR), ACR: e.ACR, AuthTime: e.AuthTime,
			CreatedAt: e.CreatedAt, LastSeenAt: e.LastSeenAt, ExpiresAt: e.ExpiresAt, Clients: array(clients[e.ID]),
		}
	})
}

// ListSessions lists the live sessions of a user, or with an empty name everybody's, the last seen first. domain.ErrNotFound if there is no
// such username, ErrCursor for that of another list.
func (s *Service) ListSessions(ctx context.Context, caller authn.Caller, username string, q Query) (Page[Session], error) {
	const operation = "session.list"
	ctx, err := s.authorize(ctx, caller, operation)
	var user domain.User
	if err == nil && username != "" {
		user, err = s.config.Directory.FindUser(ctx, username)
	}
	if err != nil {
		return Page[Session]{}, err
	}
	return page(ctx, s, fmt.Sprintf("%s %d", operation, user.ID), q, func(ctx context.Context, p domain.Page) ([]domain.SessionEntry, error) {
		return s.config.Sessions.List(ctx, user.ID, p)
	}, domain.SessionEntry.Place, func(sessions []domain.SessionEntry) ([]Session, error) { return s.showSessions(ctx, sessions) })
}

// FindSession shows a live session. domain.ErrNotFound if there is none of the name.
func (s *Service) FindSession(ctx context.Context, caller authn.Caller, sid string) (Session, error) {
	ctx, err := s.authorize(ctx, caller, "session.find")
	if err != nil {
		return Session{}, err
	}
	found, user, err := s.session(ctx, sid)
	if err != nil {
		return Session{}, err
	}
	shown, err := s.showSessions(ctx, []domain.SessionEntry{{Session: found, Username: user.Username}})
	if err != nil {
		return Session{}, err
	}
	return shown[0], nil
}

// session finds a live session and its user.
func (s *Service) session(ctx context.Context, sid string) (domain.Session, domain.User, error) {
	found, err := s.config.Sessions.Named(ctx, sid)
	if err != nil {
		return domain.Session{}, domain.User{}, err
	}
	user, err := s.config.Directory.FindUserByID(ctx, found.UserID)
	return found, user, err
}

// EndSession ends a session. domain.ErrNotFound if there is none of the name.
func (s *Service) EndSession(ctx context.Context, caller authn.Caller, sid string) error {
	const operation = "session.end"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	found, user, err := s.session(ctx, sid)
	if err == nil {
		err = s.coversSubjects(ctx, caller, operation, directory.Subject{Kind: domain.SubjectUser, ID: user.ID})
	}
	if err != nil {
		return err
	}
	return s.config.Sessions.End(ctx, found)
}

// EndSessions ends all sessions of a user. domain.ErrNotFound if there is no such username.
func (s *Service) EndSessions(ctx context.Context, caller authn.Caller, username string) error {
	return s.changeUser(ctx, caller, "user.end_sessions", username, func(ctx context.Context) error {
		user, err := s.config.Directory.FindUser(ctx, username)
		if err != nil {
			return err
		}
		return s.config.Sessions.EndUser(ctx, user.ID, 0)
	})
}

// Consent is what a user allowed a client to ask for at an audience.
type Consent struct {
	ClientID   string    `json:"client_id"`
	ClientName string    `json:"client_name,omitempty"`
	Audience   string    `json:"aud"`
	Scopes     []string  `json:"scopes"`
	GrantedAt  time.Time `json:"granted_at"`
}

// ListConsents lists what a user allowed, by client and audience. domain.ErrNotFound if there is no such username, ErrCursor for that of
// another list.
func (s *Service) ListConsents(ctx context.Context, caller authn.Caller, username string, q Query) (Page[Consent], error) {
	const operation = "consent.list"
	user, ctx, err := s.reads(ctx, caller, operation, username)
	if err != nil {
		return Page[Consent]{}, err
	}
	return page(ctx, s, fmt.Sprintf("%s %d", operation, user.ID), q, func(ctx context.Context, p domain.Page) ([]domain.ConsentEntry, error) {
		return s.config.Sessions.ListConsents(ctx, user.ID, p)
	}, domain.ConsentEntry.Place, each(func(c domain.ConsentEntry) Consent {
		return Consent{c.Client, c.ClientName, c.Audience, array(c.Scopes), c.GrantedAt}
	}))
}

// reads authorizes a caller and finds the user whom the operation reads of.
func (s *Service) reads(ctx context.Context, caller authn.Caller, operation, username string) (domain.User, context.Context, error) {
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return domain.User{}, ctx, err
	}
	user, err := s.config.Directory.FindUser(ctx, username)
	return user, ctx, err
}

// WithdrawConsent takes back what a user allowed a client, and ends its grants of the user with their tokens. domain.ErrNotFound says what
// does not exist.
func (s *Service) WithdrawConsent(ctx context.Context, caller authn.Caller, username, clientID string) error {
	return s.changeUser(ctx, caller, "consent.withdraw", username, func(ctx context.Context) error {
		user, err := s.config.Directory.FindUser(ctx, username)
		if err != nil {
			return err
		}
		client, err := s.config.Registry.FindClient(ctx, clientID)
		if err != nil {
			return err
		}
		return s.config.Sessions.WithdrawConsent(ctx, user, client)
	})
}

// Grant is what a client may get tokens for on behalf of a user, without asking again.
type Grant struct {
	ID         int64      `json:"id"`
	ClientID   string     `json:"client_id"`
	ClientName string     `json:"client_name,omitempty"`
	SID        string     `json:"sid,omitempty" doc:"The session in which it was given"`
	Session    bool       `json:"ends_with_session"`
	APIs       []GrantAPI `json:"apis"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt time.Time  `json:"last_used_at" doc:"When its newest refresh token was given, or the grant itself"`
	ExpiresAt  time.Time  `json:"expires_at"`
}

// GrantAPI is an API that a grant covers.
type GrantAPI struct {
	Audience string   `json:"aud"`
	Scopes   []string `json:"scopes"`
}

func showGrant(e domain.GrantEntry) Grant {
	apis, _ := list(e.APIs, nil, func(a domain.GrantAPI) GrantAPI { return GrantAPI{a.Audience, array(a.Scopes)} })
	return Grant{e.ID, e.Client, e.ClientName, e.SID, e.EndsWithSession, apis, e.CreatedAt, e.LastUsedAt, e.ExpiresAt}
}

// ListGrants lists the live grants of a user, at a client unless that is empty, the newest first. domain.ErrNotFound says what does not
// exist, ErrCursor for the cursor of another list.
func (s *Service) ListGrants(ctx context.Context, caller authn.Caller, username, clientID string, q Query) (Page[Grant], error) {
	const operation = "grant.list"
	user, ctx, err := s.reads(ctx, caller, operation, username)
	var client domain.Client
	if err == nil && clientID != "" {
		client, err = s.config.Registry.FindClient(ctx, clientID)
	}
	if err != nil {
		return Page[Grant]{}, err
	}
	return page(ctx, s, fmt.Sprintf("%s %d %d", operation, user.ID, client.ID), q, func(ctx context.Context, p domain.Page) ([]domain.GrantEntry, error) {
		return s.config.Sessions.ListGrants(ctx, user.ID, client.ID, p)
	}, domain.GrantEntry.Place, each(showGrant))
}

// Credential is what a user proves with who they are.
type Credential struct {
	ID         int64     `json:"id"`
	Kind       string    `json:"kind"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at" doc:"When it was last set"`
	LastUsedAt time.Time `json:"last_used_at,omitzero" doc:"To the hour; left out: not since it was set"`
}

// ListCredentials lists a user's, the oldest first. domain.ErrNotFound if there is no such username.
func (s *Service) ListCredentials(ctx context.Context, caller authn.Caller, username string) ([]Credential, error) {
	user, ctx, err := s.reads(ctx, caller, "credential.list", username)
	if err != nil {
		return nil, err
	}
	credentials, err := s.config.Passwords.Credentials(ctx, user.ID)
	return list(credentials, err, func(c domain.Credential) Credential {
		return Credential{c.ID, string(c.Kind), c.CreatedAt, c.UpdatedAt, c.LastUsedAt}
	})
}

// RemoveCredential removes a credential of a user and ends the user's sessions, grants and tokens. domain.ErrNotFound if there is no such
// username, or the user has no credential of the id.
func (s *Service) RemoveCredential(ctx context.Context, caller authn.Caller, username string, id int64) error {
	return s.changeUser(ctx, caller, "credential.remove", username, func(ctx context.Context) error {
		return s.config.Passwords.Remove(ctx, username, id)
	})
}
