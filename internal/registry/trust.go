package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/keys"
)

const (
	maxTrusts       = 20 // of a client
	maxTrustBytes   = 500
	maxTrustClaims  = 10
	maxSubjectStars = 5
)

// AddTrust lets JWTs of another issuer authenticate a client, and returns the trust as stored.
// ErrInvalid if it breaks a rule or trusts too much, ErrNotFound if there is no such client_id.
func (r *Registry) AddTrust(ctx context.Context, clientID string, trust domain.Trust) (domain.Trust, error) {
	trust.CreatedAt = r.now()
	if err := checkTrust(&trust, r.issuer); err != nil {
		return domain.Trust{}, err
	}
	added := event.TrustAdded{ClientID: clientID, Issuer: trust.Issuer, Subject: trust.Subject, Audience: trust.Audience, Claims: trust.Claims,
		JWKS: trust.JWKS, JWKSURI: trust.JWKSURI, Private: trust.Private, Reusable: trust.Reusable}
	err := r.changeClient(ctx, clientID, added, func(ctx context.Context, client domain.Client) (err error) {
		switch {
		case client.Public:
			return domain.Invalid("", domain.RuleState, "trust: a public client does not authenticate; register a confidential one")
		case len(client.Trusts) >= maxTrusts:
			return domain.Invalid("", domain.RuleTooMany, "trust: the client has %d; remove one first", len(client.Trusts))
		}
		trust.ID, err = r.trusts.InsertTrust(ctx, clientID, trust)
		return err
	})
	return trust, err
}

// RemoveTrust takes a trust from a client. ErrNotFound if there is no such client_id, or it has no trust of that id.
func (r *Registry) RemoveTrust(ctx context.Context, clientID string, id int64) error {
	return r.changeClient(ctx, clientID, event.TrustRemoved{ClientID: clientID, ID: id}, func(ctx context.Context, _ domain.Client) error {
		if err := r.trusts.DeleteTrust(ctx, clientID, id); err != nil {
			return fmt.Errorf("trust %d: %w", id, err)
		}
		return nil
	})
}

func checkTrust(t *domain.Trust, own string) error {
	if err := checkTrustedIssuer(t.Issuer, own); err != nil {
		return err
	}
	texts := map[string]string{"subject": t.Subject}
	if t.Audience != "" {
		texts["audience"] = t.Audience
	}
	for name, value := range t.Claims {
		if slices.Contains([]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}, name) {
			return domain.Invalid("claims", domain.RuleReserved, "claim %q: it is checked anyhow; name another", name)
		}
		if err := checkTrustText("claims", "value of the claim "+name, value); err != nil {
			return err
		}
		if err := checkTrustText("claims", "name of a claim", name); err != nil {
			return err
		}
	}
	for what, text := range texts {
		if err := checkTrustText(what, what, text); err != nil {
			return err
		}
	}
	if len(t.Claims) > maxTrustClaims {
		return domain.Invalid("claims", domain.RuleTooMany, "trust: it has %d claims; use at most %d", len(t.Claims), maxTrustClaims)
	}
	if err := checkSubjectPattern(*t); err != nil {
		return domain.Invalid("subject", domain.RuleFormat, "subject %q: %w", t.Subject, err)
	}
	switch {
	case t.JWKS != "" && t.JWKSURI != "":
		return domain.Invalid("jwks_uri", domain.RuleConflict, "trust: give the issuer's JWKS, or where it is, not both")
	case t.JWKS == "" && t.JWKSURI == "" && !strings.HasPrefix(t.Issuer, "http"):
		return domain.Invalid("jwks", domain.RuleRequired, "trust: the issuer is no URL, so nothing says where its keys are; give its JWKS, or where it is")
	case t.JWKS == "":
		return checkFetched("jwks_uri", "JWKS URI", t.JWKSURI)
	case t.Private:
		return domain.Invalid("private", domain.RuleConflict, "trust: nothing is fetched where the JWKS is given; leave out that it may be at a private address")
	}
	if _, err := keys.ParseKeySet([]byte(t.JWKS)); err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(t.JWKS)); err != nil {
		return err
	}
	t.JWKS = compact.String()
	return nil
}

func checkTrustText(field, what, text string) error {
	if text == "" {
		return domain.Invalid(field, domain.RuleRequired, "trust: the %s is empty", what)
	}
	return domain.CheckText(field, what, text, maxTrustBytes)
}

// checkTrustedIssuer wants the issuer as its JWTs have it: an https URL, or the name of a SPIFFE trust domain.
func checkTrustedIssuer(issuer, own string) error {
	fail := func(err error) error {
		return domain.Invalid("issuer", domain.RuleFormat, "issuer %q: %w", shorten(issuer), err)
	}
	if !strings.Contains(issuer, "://") {
		if len(issuer) > maxTrustBytes || !hostRule.MatchString(issuer) {
			return fail(errors.New("use an https URL, or the name of a trust domain, as the JWTs have it"))
		}
		return nil
	}
	if err := checkFetched("issuer", "issuer", issuer); err != nil && !strings.HasPrefix(issuer, "spiffe://") {
		return err
	}
	u, err := parseURI(issuer, maxTrustBytes)
	switch {
	case err != nil:
		return fail(err)
	case u.RawQuery != "" || u.ForceQuery:
		return fail(errors.New("an issuer has no query (RFC 8414 §2)"))
	case canonical(issuer) == canonical(own):
		return fail(errors.New("that is this server; its own tokens are not for this"))
	}
	return nil
}

type sharedIssuer struct {
	subject string // empty: a claim, or an exact subject
	claims  []string
}

func (s sharedIssuer) help() (text string) {
	if s.subject != "" {
		text += ", or begin it with " + s.subject + " and the owner's name"
	}
	if len(s.claims) > 0 {
		text += ", or give one of the claims " + strings.Join(s.claims, ", ")
	}
	return text
}

// sharedIssuers sign for everybody who has an account there. A trust must name whose JWTs it means: in the subject, after the words given
// here, or in one of the claims.
var sharedIssuers = map[string]sharedIssuer{
	"https://token.actions.githubusercontent.com": {"repo:", []string{"repository", "repository_id", "repository_owner", "repository_owner_id", "enterprise_id"}},
	"https://gitlab.com":                          {"project_path:", []string{"project_path", "project_id", "namespace_path", "namespace_id"}},
	"https://agent.buildkite.com":                 {"organization:", []string{"organization_slug", "organization_id"}},
	"https://app.terraform.io":                    {"organization:", []string{"terraform_organization_name", "terraform_organization_id"}},
	"https://api.bitbucket.org":                   {"", []string{"workspaceUuid", "repositoryUuid"}},
	"https://accounts.google.com":                 {"", nil},
}

// checkSubjectPattern refuses patterns that say too little. * stands for one or more characters other than : and /, ** at the end for
// whatever follows.
func checkSubjectPattern(t domain.Trust) error {
	pattern := t.Subject
	fixed, _, wild := strings.Cut(pattern, "*")
	if !wild {
		return nil
	}
	middle := strings.TrimSuffix(pattern, "**")
	switch {
	case strings.Contains(middle, "**"):
		return errors.New("** may stand at the end alone")
	case middle != pattern && !strings.HasSuffix(middle, ":") && !strings.HasSuffix(middle, "/"):
		return errors.New("put ** after a : or a /")
	case strings.Count(middle, "*") > maxSubjectStars:
		return fmt.Errorf("use at most %d stars", maxSubjectStars)
	}
	needed := 2
	switch {
	case strings.HasPrefix(pattern, "system:serviceaccount:"): // a namespace of a Kubernetes cluster
		needed = 3
	case strings.HasPrefix(pattern, "spiffe://"): // a path in a trust domain
		needed = 3
	}
	if got := wholeSegments(fixed); got < needed {
		return errors.New("it trusts too much: before the first * it must name whose JWTs are meant, like repo:octo-org/ or spiffe://prod.example/ns/ do")
	}
	shared, ok := sharedIssuers[strings.TrimSuffix(t.Issuer, "/")]
	if !ok || slices.ContainsFunc(shared.claims, func(name string) bool { return t.Claims[name] != "" }) {
		return nil
	}
	if shared.subject == "" || !strings.HasPrefix(fixed, shared.subject) {
		return fmt.Errorf("it trusts too much: %s signs for everybody; write the subject out%s", hostOf(t.Issuer), shared.help())
	}
	return nil
}

// wholeSegments counts the segments that are not empty and end within the text.
func wholeSegments(text string) (n int) {
	end := strings.LastIndexAny(text, ":/")
	if end < 0 {
		return 0
	}
	for segment := range strings.FieldsFuncSeq(text[:end], func(r rune) bool { return r == ':' || r == '/' }) {
		if segment != "" {
			n++
		}
	}
	return n
}

func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer
	}
	return u.Host
}
