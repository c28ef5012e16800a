package registration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// FetchTimeout bounds how long a metadata document may take to arrive, unless Config says otherwise.
const FetchTimeout = 5 * time.Second

const (
	maxDocument = 5 << 10          // bytes
	silentFor   = 30 * time.Second // a document is not asked for again that did not arrive
)

// How long a document counts without being fetched again: as long as its answer says, within bounds.
const (
	minFresh     = time.Minute
	defaultFresh = 5 * time.Minute
	maxFresh     = 24 * time.Hour
	refetchEvery = 30 * time.Second
)

// DocumentError says why a metadata document cannot be used, in words for people. It does not say what an address inside answered.
type DocumentError struct{ Reason string }

func (e *DocumentError) Error() string { return e.Reason }

func unusable(format string, args ...any) error {
	return &DocumentError{"The application's metadata document cannot be used: " + fmt.Sprintf(format, args...)}
}

// isDocumentURL reports whether a client_id is meant as the URL of a metadata document.
func isDocumentURL(clientID string) bool { return strings.HasPrefix(clientID, "https://") }

// parseDocumentURL reads the URL of a metadata document: https, with a path, without fragment, user name and dot segments.
func parseDocumentURL(clientID string) (*url.URL, error) {
	u, err := url.Parse(clientID)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || domain.CheckClientID(clientID) != nil:
		return nil, unusable("its address is not an https URL.")
	case u.User != nil || strings.ContainsAny(clientID, "# \\\"<>^`{|}"):
		return nil, unusable("its address must have no user name and no fragment.")
	case u.Path == "" || slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return nil, unusable("its address needs a path, without . and .. in it.")
	}
	return u, nil
}

// Document fetches and registers the client of a client_id that is the URL of a metadata document, unless it is fresh or registered by an
// administrator. from is the network of the request, which has a limit of new clients. domain.ErrNotFound if such documents are not
// accepted here, DocumentError if this one is not, domain.ErrBusy if too many were fetched.
func (s *Service) Document(ctx context.Context, clientID, from string) error {
	if !isDocumentURL(clientID) {
		return nil
	}
	known, err := s.Registry.LookupClient(ctx, clientID)
	switch {
	case errors.Is(err, domain.ErrNotFound):
	case err != nil:
		return err
	case known.Origin != domain.OriginMetadata:
		return nil
	}
	if s.Rules.Documents == Nobody {
		return domain.ErrNotFound
	}
	address, invalidURL := parseDocumentURL(clientID)
	switch {
	case invalidURL != nil:
		return invalidURL
	case !s.admits(address.Hostname()):
		return domain.ErrNotFound
	case err == nil && (!known.DisabledAt.IsZero() || s.isFresh(clientID)):
		return nil
	}
	clientID = strings.Clone(clientID) // what is remembered of it would keep the request's body in memory
	// The fetch must not end with the request that came first.
	done := s.documents.DoChan(clientID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.FetchTimeout)
		defer cancel()
		return nil, s.update(ctx, clientID, address, from, known != nil)
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Renewed is Document where the client has authenticated already. What cannot be fetched does not count against it, as its
// registration does. domain.ErrStale if that has changed, domain.ErrNotFound if its document is not taken here any more.
func (s *Service) Renewed(ctx context.Context, client *domain.Client) error {
	if client.Origin != domain.OriginMetadata {
		return nil
	}
	err := s.Document(ctx, client.ClientID, "")
	if failed := new(DocumentError); errors.As(err, &failed) || errors.Is(err, domain.ErrBusy) {
		return nil
	}
	if err == nil {
		current, failed := s.Registry.LookupClient(ctx, client.ClientID)
		if failed == nil && current.Version != client.Version {
			return domain.ErrStale
		}
		err = failed
	}
	return err
}

// Refetch is Document where a client signed with a key that its document did not have, however fresh that is; in refetchEvery it is
// fetched once for that.
func (s *Service) Refetch(ctx context.Context, clientID string) error {
	if at, ok := s.refetched.Get(clientID); !ok || !s.Now().Before(at.Add(refetchEvery)) {
		s.refetched.Add(strings.Clone(clientID), s.Now())
		s.fresh.Remove(clientID)
	}
	return s.Document(ctx, clientID, "")
}

func (s *Service) isFresh(clientID string) bool {
	until, ok := s.fresh.Get(clientID)
	return ok && s.Now().Before(until)
}

// admits reports whether the documents of a host are taken.
func (s *Service) admits(host string) bool {
	return s.Rules.Documents == Anybody || slices.ContainsFunc(s.Rules.Hosts, func(listed string) bool {
		below, wildcard := strings.CutPrefix(listed, "*")
		return strings.EqualFold(host, listed) || wildcard && strings.HasSuffix(strings.ToLower(host), strings.ToLower(below))
	})
}

// update fetches a document and registers its client. A failure is recorded; that no answer came is also cached, for silentFor.
func (s *Service) update(ctx context.Context, clientID string, address *url.URL, from string, known bool) error {
	if until, ok := s.silent.Get(clientID); ok && s.Now().Before(until) {
		return unusable("it could not be fetched a moment ago.")
	}
	slots := s.fetches
	if known {
		slots = s.renewals
	}
	if !slots.TryAcquire(1) {
		return domain.ErrBusy
	}
	defer slots.Release(1)
	if err := s.spend(ctx, fetchLimits(known, strings.ToLower(address.Host), from)); err != nil {
		return err
	}
	text, fresh, err := s.fetch(ctx, clientID)
	if err == nil {
		err = s.register(ctx, clientID, address, text)
	}
	failed := new(DocumentError)
	switch {
	case errors.As(err, &failed):
		recorded := s.refusals.Record(event.WithActor(ctx, event.System), func(omitted int64) event.Event {
			return event.MetadataRefused{ClientID: clientID, Reason: failed.Reason, Omitted: omitted}
		})
		return errors.Join(err, recorded)
	case err != nil:
		return err
	}
	s.fresh.Add(clientID, s.Now().Add(fresh))
	return s.Cache.Refresh(ctx)
}

// fetch returns a document and for how long it is fresh.
func (s *Service) fetch(ctx context.Context, clientID string) (text []byte, fresh time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.FetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, clientID, nil)
	if err != nil {
		return nil, 0, unusable("its address is not an https URL.")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Accept-Encoding", "identity") // what is packed could be huge
	request.Header.Set("User-Agent", "Signet")
	response, err := s.clients.DoForStranger(request, s.Rules.PrivateDocuments)
	if err != nil {
		s.silent.Add(clientID, s.Now().Add(silentFor))
		s.Log.InfoContext(ctx, "a client's metadata document was not fetched", "client", clientID, "error", err)
		return nil, 0, unusable("it could not be fetched.")
	}
	defer func() { _ = response.Body.Close() }()
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	encoding := response.Header.Get("Content-Encoding")
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, 0, unusable("its host answered %d, not 200.", response.StatusCode)
	case media != "application/json" && (!strings.HasPrefix(media, "application/") || !strings.HasSuffix(media, "+json")):
		return nil, 0, unusable("its host did not call it application/json.")
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return nil, 0, unusable("its host sent it packed.")
	}
	text, err = io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	switch {
	case err != nil:
		s.silent.Add(clientID, s.Now().Add(silentFor))
		return nil, 0, unusable("it did not arrive whole.")
	case len(text) > maxDocument:
		return nil, 0, unusable("it has more than %d bytes.", maxDocument)
	}
	return text, freshness(response.Header, s.Now()), nil
}

// freshness is for how long an answer counts (RFC 9111 §4.2.1), within bounds.
func freshness(header http.Header, now time.Time) time.Duration {
	fresh, said := defaultFresh, false
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return minFresh
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return minFresh
			}
			fresh, said = time.Duration(seconds)*time.Second, true
		}
	}
	if expires := header.Get("Expires"); expires != "" && !said {
		at, _ := http.ParseTime(expires) // what cannot be read has passed
		fresh = at.Sub(now)
	}
	if age, err := strconv.ParseUint(header.Get("Age"), 10, 31); err == nil && said {
		fresh -= time.Duration(age) * time.Second
	}
	return min(max(fresh, minFresh), maxFresh)
}

// register makes the client be what its document says.
func (s *Service) register(ctx context.Context, clientID string, address *url.URL, text []byte) error {
	described, err := describe(clientID, text)
	if err != nil {
		return err
	}
	if described.Name == "" {
		described.Name = address.Hostname()
	}
	ctx = event.WithActor(ctx, event.Client(clientID))
	current, err := s.Registry.FindClient(ctx, clientID)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		err = s.hold(ctx, func(ctx context.Context) (event.Event, error) {
			_, _, err := s.Registry.CreateClient(ctx, described)
			return nil, err
		})
		if errors.Is(err, domain.ErrExists) { // another replica was first
			err = nil
		}
	case err == nil && current.Origin == domain.OriginMetadata && differs(current, described):
		_, err = s.Registry.UpdateClient(ctx, clientID, func(c *domain.Client) error {
			describeAgain(c, described)
			return nil
		})
	}
	switch {
	case errors.Is(err, ErrFull):
		return unusable("as many applications have registered themselves here as may.")
	case errors.Is(err, domain.ErrInvalid):
		return unusable("%s.", err)
	}
	return err
}

// describe reads what a document says of a client.
func describe(clientID string, text []byte) (domain.Client, error) {
	members, err := parseMetadata(text)
	if err != nil {
		return domain.Client{}, unusable("%s", err)
	}
	if name, err := members.text("client_id"); err != nil || name != clientID {
		return domain.Client{}, unusable("its client_id is not its own address.")
	}
	for name := range members {
		if strings.HasPrefix(name, "client_secret") {
			return domain.Client{}, unusable("it has a client_secret, and what everybody reads is no secret.")
		}
	}
	c, err := members.client(domain.OriginMetadata, domain.None)
	if err != nil {
		return domain.Client{}, unusable("%s", err)
	}
	if !c.Public && c.AuthMethod() != domain.PrivateKeyJWT {
		return domain.Client{}, unusable("its token_endpoint_auth_method must be none or private_key_jwt.")
	}
	c.ClientID = clientID
	if c.IDTokenAlg == "" {
		c.IDTokenAlg = domain.RS256
	}
	return c, nil
}

// describeAgain takes over what a document says; what an administrator set stays.
func describeAgain(c *domain.Client, described domain.Client) {
	if renewable(*c) != renewable(described) {
		c.SessionRefreshTokens = described.SessionRefreshTokens
	}
	c.Name, c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = described.Name, described.GrantTypes, described.RedirectURIs, described.PostLogoutRedirectURIs
	if c.JWKSURI != described.JWKSURI { // an administrator allowed a private address for the other
		c.JWKSURIPrivate = false
	}
	if c.BackchannelLogoutURI != described.BackchannelLogoutURI {
		c.BackchannelLogoutPrivate = false
	}
	c.BackchannelLogoutURI = described.BackchannelLogoutURI
	c.FrontchannelLogoutURI, c.FrontchannelLogoutSID = described.FrontchannelLogoutURI, described.FrontchannelLogoutSID
	c.SubjectType, c.UserinfoAlg = described.SubjectType, described.UserinfoAlg
	c.IDTokenAlg, c.Public, c.JWKS, c.JWKSURI = described.IDTokenAlg, described.Public, described.JWKS, described.JWKSURI
}

func differs(current, described domain.Client) bool {
	return current.Name != described.Name || current.SubjectType != described.SubjectType || current.UserinfoAlg != described.UserinfoAlg ||
		current.IDTokenAlg != described.IDTokenAlg || current.Public != described.Public ||
		current.BackchannelLogoutURI != described.BackchannelLogoutURI || current.FrontchannelLogoutURI != described.FrontchannelLogoutURI ||
		current.FrontchannelLogoutSID != described.FrontchannelLogoutSID ||
		current.JWKS != described.JWKS || current.JWKSURI != described.JWKSURI || !slices.Equal(current.GrantTypes, described.GrantTypes) ||
		!slices.Equal(current.RedirectURIs, described.RedirectURIs) || !slices.Equal(current.PostLogoutRedirectURIs, described.PostLogoutRedirectURIs)
}
