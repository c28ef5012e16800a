package authn

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keysource"
)

// maxWorkloadLife is how far the expiry of a workload's JWT may be away.
const maxWorkloadLife = 24 * time.Hour

// AuthenticateGrant returns the client that a JWT of an issuer, which it trusts, is presented for as an authorization grant (RFC 7523 §2.1). Errors as
// Authenticate's; ErrInvalidClient of the grant.
func (c *Clients) AuthenticateGrant(r *http.Request, form url.Values) (*domain.Client, Caller, error) {
	if len(r.Header.Values("Authorization")) > 0 || form.Has("client_secret") || form.Has("client_assertion") {
		return nil, Caller{}, ErrSeveralMethods
	}
	a, err := readAssertion(form.Get("assertion"))
	if err != nil {
		return nil, Caller{}, c.unknown(r, err)
	}
	found, err := c.byWorkload(r, form, a)
	if err != nil {
		return nil, Caller{}, err
	}
	return found, callerOf(found), nil
}

// byWorkload authenticates a client by a JWT that an issuer which it trusts has made for one of its workloads.
func (c *Clients) byWorkload(r *http.Request, form url.Values, a assertion) (*domain.Client, error) {
	id := form.Get("client_id")
	if id == "" {
		return nil, &AssertionError{"The client_id is missing, which says for which client the JWT of '" + a.issuer + "' is presented."}
	}
	signed := func() bool {
		client, ok := c.registry.PeekClient(id)
		return ok && c.now().Before(a.expires) && slices.ContainsFunc(client.Trusts, func(trust domain.Trust) bool {
			return trust.Issuer == a.issuer && c.mismatch(trust, a) == "" && c.verifyTrusted(r.Context(), trust, a) == nil
		})
	}
	return c.limited(r, form, id, signed, func() (*domain.Client, error) {
		client, err := c.registry.LookupClient(r.Context(), id)
		if errors.Is(err, domain.ErrNotFound) {
			client = &domain.Client{} // which trusts nobody
		} else if err != nil {
			return nil, err
		}
		return client, c.checkWorkload(r.Context(), client, a)
	})
}

func (c *Clients) checkWorkload(ctx context.Context, client *domain.Client, a assertion) error {
	if err := c.checkTimes(ctx, client, a, maxWorkloadLife); err != nil {
		return err
	}
	if kind := strings.ToLower(strings.TrimPrefix(a.Type, "application/")); kind != "" && kind != "jwt" && kind != "jose" {
		return c.refuse(ctx, client, a, "its typ is another", "The 'typ' of the JWT must be 'JWT'.")
	}
	if !client.DisabledAt.IsZero() || client.Public {
		return c.refuse(ctx, client, a, "the client is disabled or public", "")
	}
	reason := "the client trusts no such issuer"
	var unverified error
	for _, trust := range client.Trusts {
		if trust.Issuer != a.issuer {
			continue
		}
		if mismatch := c.mismatch(trust, a); mismatch != "" {
			reason = mismatch
			continue
		}
		err := c.verifyTrusted(ctx, trust, a)
		if err == nil {
			return c.useWorkload(ctx, client, trust, a)
		}
		unverified = err
	}
	if unverified != nil {
		return c.refuseUnverified(ctx, client, a, unverified, "")
	}
	return c.refuse(ctx, client, a, reason, "")
}

func (c *Clients) verifyTrusted(ctx context.Context, trust domain.Trust, a assertion) error {
	return c.verify(ctx, a.ForeignToken, trust.JWKS, keysource.Source{URI: trust.JWKSURI, Issuer: issuerToAsk(trust), Private: trust.Private})
}

// issuerToAsk is the issuer whose metadata says where its keys are, empty if the trust does.
func issuerToAsk(trust domain.Trust) string {
	if trust.JWKSURI != "" {
		return ""
	}
	return trust.Issuer
}

// mismatch says what of a JWT is not as a trust wants it; empty: nothing.
func (c *Clients) mismatch(trust domain.Trust, a assertion) string {
	if audience := cmp.Or(trust.Audience, c.issuer); a.audience != audience {
		return "its aud is not " + audience + " alone"
	}
	if !matchSubject(trust.Subject, a.subject) {
		return "its sub is not one that the client trusts"
	}
	for name, want := range trust.Claims {
		if scalar(a.Claims[name]) != want {
			return "its claim " + name + " is not as the trust has it"
		}
	}
	return ""
}

// matchSubject compares a subject with a pattern, in which * stands for one or more characters other than : and /, and ** at the end
// for any.
func matchSubject(pattern, subject string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == subject
	}
	middle, all := strings.CutSuffix(pattern, "**")
	expression := strings.ReplaceAll(regexp.QuoteMeta(middle), `\*`, `[^:/]+`)
	if all {
		expression += `.+`
	}
	matches, err := regexp.MatchString(`\A(?s:`+expression+`)\z`, subject)
	return err == nil && matches
}

// scalar is a claim as text, a number or a truth as JSON writes it; empty for any other.
func scalar(raw json.RawMessage) string {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	switch v := value.(type) {
	case string:
		return v
	case bool, float64:
		return string(raw)
	}
	return ""
}

// useWorkload takes a JWT that serves once; by its jti, or where it has none, as the text that was signed.
func (c *Clients) useWorkload(ctx context.Context, client *domain.Client, trust domain.Trust, a assertion) error {
	if trust.Reusable {
		return nil
	}
	key := "signed\x00" + a.Signed()
	if a.id != "" {
		key = "jti\x00" + a.id
	}
	return c.use(ctx, client, a, key)
}
