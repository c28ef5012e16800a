package oauth

import (
	"errors"
	"slices"
	"testing"

	"github.com/ory/fosite"
	"github.com/signet-auth/signet/internal/domain"
)

func TestEachGrantTypeIsThereOnceAndNeedsOnlyOthersThatAre(t *testing.T) {
	names := domain.GrantTypeNames(GrantTypes())
	for i, g := range grants {
		if slices.Index(names, g.Name) != i {
			t.Errorf("%s is there twice", g.Name)
		}
		for _, other := range g.With {
			if !slices.Contains(names, other) {
				t.Errorf("%s needs %s, which is none", g.Name, other)
			}
		}
		if found, ok := findGrantType(g.Name); !ok || found.validate == nil {
			t.Errorf("%s is not served", g.Name)
		}
		if !answers(t, g, g.Name) {
			t.Errorf("no handler of %s takes a request of that grant_type", g.Name)
		}
		for _, other := range append(names, "another") {
			if other != g.Name && answers(t, g, other) {
				t.Errorf("a handler of %s takes a request of %s", g.Name, other)
			}
		}
	}
}

// answers says whether a handler of a grant type takes requests with a grant_type.
func answers(t *testing.T, g grantType, name string) bool {
	r := fosite.NewAccessRequest(&fosite.DefaultSession{})
	r.GrantTypes = fosite.Arguments{name}
	r.Client = &fosite.DefaultClient{}
	return slices.ContainsFunc(g.endpointHandlers(parts{}), func(h fosite.TokenEndpointHandler) bool {
		if !r.GrantTypes.ExactOne(g.Name) {
			if err := h.PopulateTokenEndpointResponse(t.Context(), r, fosite.NewAccessResponse()); !errors.Is(err, fosite.ErrUnknownRequest) {
				t.Errorf("a handler of %s adds to the answer to %s: %v", g.Name, name, err)
			}
		}
		return h.CanHandleTokenEndpointRequest(t.Context(), r)
	})
}
