package oauth

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/token"
)

// asked are targets as a grant keeps them.
func (p *Provider) asked(targets []registry.Target) (apis []domain.GrantAPI) {
	for _, t := range targets {
		api := domain.GrantAPI{Audience: p.Issuer, Scopes: t.Scopes}
		if t.API != nil {
			api.Audience = t.API.Audience
		}
		apis = append(apis, api)
	}
	return apis
}

// resources are the audiences that a request names, by RFC 8707's parameter or by the older "audience".
func (p *Provider) resources(form url.Values) (named []string) {
	for _, audience := range slices.Concat(form["resource"], token.SplitScopes(strings.Join(form["audience"], " "))) {
		if domain.SameAudience(audience, p.Issuer+domain.AdminPath) || domain.SameAudience(audience, p.Issuer+domain.StreamsPath) {
			audience = domain.AdminAudience // which is no URL, as RFC 9728 wants it
		}
		if !slices.ContainsFunc(named, func(n string) bool { return domain.SameAudience(n, audience) }) {
			named = append(named, audience)
		}
	}
	return named
}

// targetError says in the words of OAuth why a request asks for nothing that its client may have.
func targetError(err error) error {
	wrong, ok := errors.AsType[*registry.TargetError](err)
	switch {
	case !ok:
		return err
	case wrong.Scope != "":
		return fosite.ErrInvalidScope.WithHintf(ourWords+wrong.Hint, printable(wrong.Scope))
	case wrong.OfScope:
		return fosite.ErrInvalidScope.WithHint(ourWords + wrong.Hint)
	case wrong.Hint != "":
		return errInvalidTarget.WithHint(ourWords + wrong.Hint)
	}
	return errInvalidTarget
}
