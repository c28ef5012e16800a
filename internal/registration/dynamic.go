package registration

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

var (
	// ErrToken says that no token was presented that allows this: an invitation, or a client's own registration access token.
	ErrToken = errors.New("the token does not allow this")
	// ErrTooMany says that an address, or all together, have registered too many clients within the hour.
	ErrTooMany = errors.New("too many clients were registered a moment ago")
)

const (
	invitationPrefix   = "signet_iat_"
	registrationPrefix = "signet_rat_"
)

func newToken(prefix string) string {
	random := make([]byte, 32)
	rand.Read(random)
	return prefix + base64.RawURLEncoding.EncodeToString(random)
}

// Registered is a client that registered itself, with what is told once.
type Registered struct {
	Client          domain.Client
	ApplicationType string
	AuthMethod      string // token_endpoint_auth_method
	Scope           string // those that it named and may ask for; empty: it named none
	Secret          string // empty: it has none, or it is known
	Token           string // by which it changes its registration
}

// Register registers the client that metadata describe, for who calls from an address with a token (RFC 7591 §3.1). ErrToken without
// an invitation where one is needed, InvalidError for the metadata, ErrTooMany or ErrFull.
func (s *Service) Register(ctx context.Context, address, token string, text []byte) (Registered, error) {
	registered, err := s.tryRegister(ctx, address, token, text)
	if err == nil || domain.IsTemporary(err) {
		return registered, err
	}
	recorded := s.refusals.Record(event.WithActor(ctx, event.System), func(omitted int64) event.Event {
		return event.RegistrationRefused{Address: address, Reason: domain.ClipText(err.Error(), 500), Omitted: omitted}
	})
	return Registered{}, errors.Join(err, recorded)
}

func (s *Service) tryRegister(ctx context.Context, address, token string, text []byte) (Registered, error) {
	if s.Rules.Endpoint == Invited {
		err := s.Store.CheckInvitation(ctx, s.Registry.HashToken(token), s.Now())
		if errors.Is(err, domain.ErrNotFound) {
			return Registered{}, ErrToken
		} else if err != nil {
			return Registered{}, err
		}
	}
	members, err := parseMetadata(text)
	if err != nil {
		return Registered{}, err
	}
	client, err := members.client(domain.OriginRegistration, domain.SecretBasic) // RFC 7591 §2
	if err != nil {
		return Registered{}, err
	}
	if err := s.spend(ctx, registrationLimits(address)); errors.Is(err, domain.ErrBusy) {
		return Registered{}, ErrTooMany
	} else if err != nil {
		return Registered{}, err
	}
	registered := Registered{Token: newToken(registrationPrefix)}
	client.ClientID = "client_" + strings.ToLower(rand.Text())
	client.RegistrationTokenHash = s.Registry.HashToken(registered.Token)
	err = s.hold(event.WithActor(ctx, event.Client(client.ClientID)), func(ctx context.Context) (used event.Event, err error) {
		if s.Rules.Endpoint == Invited {
			id, err := s.Store.UseInvitation(ctx, s.Registry.HashToken(token), s.Now())
			if errors.Is(err, domain.ErrNotFound) {
				return nil, ErrToken
			} else if err != nil {
				return nil, err
			}
			used = event.InvitationUsed{ID: id, ClientID: client.ClientID}
		}
		registered.Client, registered.Secret, err = s.Registry.CreateClient(ctx, client)
		return used, err
	})
	registered.describe(members)
	return registered, refused(err)
}

// Registration is a client for who presents its registration access token (RFC 7592 §2.1). ErrToken for another token, and if there is
// no such client.
func (s *Service) Registration(ctx context.Context, clientID, token string) (Registered, error) {
	client, err := s.Registry.FindClient(ctx, clientID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !s.owns(client, token) {
		return Registered{}, ErrToken
	}
	return Registered{Client: client, ApplicationType: applicationType(client.RedirectURIs), AuthMethod: client.AuthMethod(), Token: token}, err
}

// describe says of a client what its metadata leave open and the answer to them shows.
func (r *Registered) describe(members metadata) {
	r.ApplicationType, r.AuthMethod = applicationType(r.Client.RedirectURIs), r.Client.AuthMethod()
	if r.AuthMethod == domain.SecretBasic && members["token_endpoint_auth_method"] == domain.SecretPost { // it may use either
		r.AuthMethod = domain.SecretPost
	}
	scope, _ := members["scope"].(string)
	r.Scope = strings.Join(slices.DeleteFunc(strings.Fields(scope), func(name string) bool { return !mayAsk(&r.Client, name) }), " ")
}

func mayAsk(c *domain.Client, scope string) bool {
	return slices.Contains(domain.IdentityScopes, scope) ||
		slices.ContainsFunc(c.APIs, func(api domain.ClientAPI) bool { return c.MayAsk(api.Audience, scope) })
}

func (s *Service) owns(client domain.Client, token string) bool {
	return client.Origin == domain.OriginRegistration && client.DisabledAt.IsZero() && client.RegistrationTokenHash != "" &&
		subtle.ConstantTimeCompare([]byte(client.RegistrationTokenHash), []byte(s.Registry.HashToken(token))) == 1
}

// Reregister puts metadata in the place of those of a client (RFC 7592 §2.2). Errors as of Registration, and InvalidError.
func (s *Service) Reregister(ctx context.Context, clientID, token string, text []byte) (Registered, error) {
	registered, err := s.Registration(ctx, clientID, token)
	if err != nil {
		return Registered{}, err
	}
	members, err := parseMetadata(text)
	if err != nil {
		return Registered{}, err
	}
	named, err := members.text("client_id")
	secret, wrong := members.text("client_secret")
	if err != nil || wrong != nil || named != clientID {
		return Registered{}, invalid("The client_id must be that of the client.")
	}
	if secret != "" {
		right, err := s.Registry.CheckSecret(ctx, &registered.Client, secret)
		if err != nil {
			return Registered{}, err
		}
		if !right {
			return Registered{}, invalid("The client_secret is not that of the client; leave it out.")
		}
	}
	described, err := members.client(domain.OriginRegistration, registered.Client.AuthMethod())
	if err != nil {
		return Registered{}, err
	}
	if described.Name == "" {
		described.Name = clientID
	}
	if described.AuthMethod() != registered.Client.AuthMethod() {
		return Registered{}, invalid("The token_endpoint_auth_method stays %s: register anew.", registered.Client.AuthMethod())
	}
	registered.Client, err = s.Registry.UpdateClient(event.WithActor(ctx, event.Client(clientID)), clientID, func(c *domain.Client) error {
		if !s.owns(*c, token) {
			return ErrToken
		}
		describeAgain(c, described)
		return nil
	})
	registered.describe(members)
	return registered, refused(err)
}

// Unregister deletes a client for who presents its registration access token (RFC 7592 §2.3). ErrToken as of Registration.
func (s *Service) Unregister(ctx context.Context, clientID, token string) error {
	if _, err := s.Registration(ctx, clientID, token); err != nil {
		return err
	}
	if err := s.Registry.DeleteClient(event.WithActor(ctx, event.Client(clientID)), clientID); !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	return nil
}

// Invite makes an invitation and returns its token, which is shown this once. domain.ErrInvalid if it breaks a rule.
func (s *Service) Invite(ctx context.Context, i domain.Invitation) (domain.Invitation, string, error) {
	i.CreatedAt = s.Now()
	if err := domain.CheckText("note", "note", i.Note, 200); err != nil {
		return i, "", err
	}
	if i.MaxUses < 1 || i.MaxUses > 1000 || !i.ExpiresAt.After(i.CreatedAt) || i.ExpiresAt.After(i.CreatedAt.Add(366*aDay)) {
		return i, "", domain.Invalid("expires_at", domain.RuleRange, "invitation: let it be used 1 to 1000 times, within a year")
	}
	token := newToken(invitationPrefix)
	i.Hash = s.Registry.HashToken(token)
	made := event.InvitationCreated{Note: i.Note, MaxUses: i.MaxUses, Expires: i.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z")}
	err := s.Events.Change(ctx, made, func(ctx context.Context) (err error) {
		i.ID, err = s.Store.InsertInvitation(ctx, i)
		return err
	})
	return i, token, err
}

// Invitations lists invitations by id, those that a search finds by note; a page of them.
func (s *Service) Invitations(ctx context.Context, p domain.Page) ([]domain.Invitation, error) {
	return s.Store.ListInvitations(ctx, p)
}

// Uninvite takes an invitation back; clients that were registered with it stay. domain.ErrNotFound if there is none of the id.
func (s *Service) Uninvite(ctx context.Context, id int64) error {
	err := s.Events.Change(ctx, event.InvitationDeleted{ID: id}, func(ctx context.Context) error { return s.Store.DeleteInvitation(ctx, id) })
	if err != nil {
		return fmt.Errorf("invitation %d: %w", id, err)
	}
	return nil
}
