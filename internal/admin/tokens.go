package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/revocation"
)

// Token is a token of the index. What a token has a claim for is named as that is (RFC 9068 §2.2).
type Token struct {
	ID          string            `json:"jti"`
	Kind        string            `json:"kind" enum:"access,id"`
	Subject     string            `json:"sub"`
	Username    string            `json:"username,omitempty" doc:"Left out: the subject is the client"`
	ClientID    string            `json:"client_id"`
	Audience    string            `json:"aud"`
	KID         string            `json:"kid"`
	GrantID     int64             `json:"grant_id,omitzero" doc:"Left out: issued without a grant"`
	Status      domain.TokenState `json:"status" enum:"live,suspended,expired,revoked"`
	IssuedAt    time.Time         `json:"issued_at"`
	ExpiresAt   time.Time         `json:"expires_at"`
	RevokedAt   time.Time         `json:"revoked_at,omitzero"`
	SuspendedAt time.Time         `json:"suspended_at,omitzero"`
}

// ShowToken shows a token as of a time.
func ShowToken(e domain.TokenEntry, now time.Time) Token {
	shown := Token{
		ID: e.ID.String(), Kind: "access", Subject: e.Subject, Username: e.Username, ClientID: e.Client,
		Audience: e.Audience, KID: e.KeyName, GrantID: e.GrantID, Status: e.State(now),
		IssuedAt: e.IssuedAt(), ExpiresAt: e.ExpiresAt, RevokedAt: e.RevokedAt, SuspendedAt: e.SuspendedAt,
	}
	if e.Kind == domain.TokenIdentity {
		shown.Kind = "id"
	}
	return shown
}

// FindToken shows a token. domain.ErrNotFound if it is not in the index.
func (s *Service) FindToken(ctx context.Context, caller authn.Caller, id domain.TokenID) (Token, error) {
	ctx, err := s.authorize(ctx, caller, "token.find")
	if err != nil {
		return Token{}, err
	}
	entry, err := s.config.Index.Find(ctx, id)
	return ShowToken(entry, s.config.Now()), err
}

// TokenFilter chooses the tokens of the index that belong to all that is named; zero fields choose all.
type TokenFilter struct {
	index.Names
	KID          string
	Role         string // of who holds it now
	GrantID      int64
	State        domain.TokenState
	IssuedSince  time.Time // then or later
	IssuedBefore time.Time
	Search       string // what the jti begins with
}

// text tells filters apart.
func (f TokenFilter) text() string {
	return fmt.Sprintf("%q %q %q %q %q %d %q %d %d %q", f.User, f.Client, f.API, f.KID, f.Role, f.GrantID, f.State, f.IssuedSince.UnixMicro(), f.IssuedBefore.UnixMicro(), f.Search)
}

// stored is the filter of the index, with the names as they are stored. domain.ErrNotFound if a name is nobody's. Who holds a role shows
// only to those who may see it.
func (s *Service) stored(ctx context.Context, caller authn.Caller, f TokenFilter) (domain.TokenFilter, revocation.Names, error) {
	stored, of, err := s.config.Names.Filter(ctx, f.Names)
	names := revocation.Names{User: of.User, Client: of.Client, API: of.API}
	if err == nil && f.Role != "" {
		if _, err = s.authorize(ctx, caller, "assignment.list"); err == nil {
			var role domain.Role
			role, err = s.config.Directory.FindRole(ctx, f.Role)
			stored.RoleID, names.Role = role.ID, role.Name
		}
	}
	if err == nil && f.KID != "" {
		var key domain.SigningKey
		key, err = s.config.Keys.Find(ctx, f.KID)
		stored.KeyID, names.KID = key.ID, key.KID
	}
	stored.GrantID, stored.State, stored.IssuedSince, stored.IssuedBefore = f.GrantID, f.State, f.IssuedSince, f.IssuedBefore
	if len(f.Search) > maxSearch {
		return stored, names, domain.Invalid("search", domain.RuleLength, searchText)
	}
	stored.JTI = f.Search
	return stored, names, err
}

// ListTokens lists the tokens that a filter chooses, the newest first. A page may be short, even empty, although there is a next one,
// since it takes long to find what is rare. domain.ErrNotFound if a name is nobody's, ErrCursor for that of another list.
func (s *Service) ListTokens(ctx context.Context, caller authn.Caller, filter TokenFilter, q Query) (Page[Token], error) {
	const operation = "token.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Token]{}, err
	}
	chosen, _, err := s.stored(ctx, caller, filter)
	if err != nil {
		return Page[Token]{}, err
	}
	name := operation + "\x00" + filter.text()
	if err := s.placeTokens(&chosen, name, q.Cursor); err != nil {
		return Page[Token]{}, err
	}
	chosen.Limit = q.Limit + 1 // the one more says whether there is another page
	entries, rest, err := s.config.Index.List(ctx, chosen)
	if err != nil {
		return Page[Token]{}, err
	}
	entries, older, newer := around(chosen, entries, rest, q.Limit)
	p := Page[Token]{}
	if older != (domain.TokenID{}) {
		p.Next = s.sealCursor(name, cursorAfter, older.String())
	}
	if newer != (domain.TokenID{}) {
		p.Previous = s.sealCursor(name, cursorBefore, newer.String())
	}
	p.Items, err = list(entries, nil, func(e domain.TokenEntry) Token { return ShowToken(e, s.config.Now()) })
	return p, err
}

// placeTokens makes a filter choose the page of a cursor. ErrCursor for that of another list.
func (s *Service) placeTokens(filter *domain.TokenFilter, name, cursor string) error {
	if cursor == "" {
		return nil
	}
	direction, place, err := s.openCursor(name, cursor)
	if err != nil {
		return err
	}
	from := &filter.Before
	if direction == cursorBefore {
		from = &filter.After
	}
	if *from, err = domain.ParseTokenID(place); err != nil {
		return ErrCursor
	}
	return nil
}

// around cuts a page to its limit and says beyond which tokens there may be others: older and newer ones, the zero id if there are none.
// rest is the last one that was looked at, if there may be more.
func around(filter domain.TokenFilter, entries []domain.TokenEntry, rest domain.TokenID, limit int) (page []domain.TokenEntry, older, newer domain.TokenID) {
	back, full := filter.After != (domain.TokenID{}), len(entries) > limit
	switch {
	case back && full:
		entries = entries[1:]
		newer = entries[0].ID
	case back:
		newer = rest
	case full:
		entries = entries[:limit]
		older = entries[limit-1].ID
	default:
		older = rest
	}
	if len(entries) == 0 {
		return entries, older, newer
	}
	if back {
		older = entries[len(entries)-1].ID
	} else if filter.Before != (domain.TokenID{}) {
		newer = entries[0].ID
	}
	return entries, older, newer
}

// maxCounted is how far tokens are counted.
const maxCounted = 10_000

// Count is how many there are of something.
type Count struct {
	Count int  `json:"count"`
	More  bool `json:"more" doc:"There are more, or may be: what is many or rare is not counted to its end"`
}

// CountTokens counts the tokens that a filter chooses, up to 10,000. domain.ErrNotFound if a name is nobody's.
func (s *Service) CountTokens(ctx context.Context, caller authn.Caller, filter TokenFilter) (Count, error) {
	ctx, err := s.authorize(ctx, caller, "token.count")
	if err != nil {
		return Count{}, err
	}
	chosen, _, err := s.stored(ctx, caller, filter)
	if err != nil {
		return Count{}, err
	}
	n, more, err := s.config.Index.Count(ctx, chosen, maxCounted)
	return Count{n, more}, err
}

// RevokeToken revokes a token. domain.ErrNotFound if it is not in the index.
func (s *Service) RevokeToken(ctx context.Context, caller authn.Caller, id domain.TokenID) error {
	return s.changeToken(ctx, caller, "token.revoke", id, s.config.Revocation.RevokeID)
}

// SuspendToken makes a token inactive until ResumeToken. domain.ErrNotFound if it is not in the index, domain.ErrRevoked if it is
// revoked.
func (s *Service) SuspendToken(ctx context.Context, caller authn.Caller, id domain.TokenID) error {
	return s.changeToken(ctx, caller, "token.suspend", id, s.config.Revocation.Suspend)
}

// ResumeToken makes a suspended token active again, with the same errors.
func (s *Service) ResumeToken(ctx context.Context, caller authn.Caller, id domain.TokenID) error {
	return s.changeToken(ctx, caller, "token.resume", id, s.config.Revocation.Resume)
}

// PurgeTokens deletes what expired more than an hour ago and returns the number of deleted rows.
func (s *Service) PurgeTokens(ctx context.Context, caller authn.Caller) (int64, error) {
	ctx, err := s.authorize(ctx, caller, "token.purge")
	if err != nil {
		return 0, err
	}
	return s.config.Index.Purge(ctx)
}
