package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// profileClaims are the claims about the user that a token, or userinfo, has, but for those that every user has.
func profileClaims(claims map[string]any) map[string]any {
	about := map[string]any{}
	for _, name := range []string{
		"given_name", "family_name", "nickname", "picture", "website", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "badge",
	} {
		if value, ok := claims[name]; ok {
			about[name] = value
		}
	}
	return about
}

func (s *server) userinfo(t *testing.T, token string) map[string]any {
	t.Helper()
	return decode[map[string]any](t, s.get("/oauth2/userinfo", token).wantStatus(t, http.StatusOK))
}

// setAttributes gives alice attributes, each NAME=VALUE.
func (s *shop) setAttributes(values ...string) {
	s.t.Helper()
	args := []string{"user", "update", alice}
	for _, value := range values {
		args = append(args, "--attribute", value)
	}
	s.signet(args...)
}

func TestAttributesAreTheClaimsOfTheirScopes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		other := s.serve()
		s.signet("attribute", "create", "badge", "--type", "number")
		s.setAttributes("given_name=Alice", "locale=de-CH", "picture=https://alice.example/me.png", "badge=7", "phone_number=+41 44 123 45 67",
			"address.locality=Zürich", "address.formatted=Road 1\n8000 Zürich")
		profile := map[string]any{"given_name": "Alice", "locale": "de-CH", "picture": "https://alice.example/me.png"}
		phone := map[string]any{"phone_number": "+41 44 123 45 67", "phone_number_verified": false}
		address := map[string]any{"address": map[string]any{"locality": "Zürich", "formatted": "Road 1\n8000 Zürich"}}
		all := map[string]any{}
		for _, part := range []map[string]any{profile, phone, address} {
			maps.Copy(all, part)
		}
		for scope, want := range map[string]map[string]any{
			"openid": {}, "openid profile": profile, "openid phone": phone, "openid address": address, "openid email profile phone address": all,
		} {
			got := s.signInFor(t, s.web, scope)
			for what, has := range map[string]map[string]any{"ID token": claims(t, got.ID), "userinfo": s.userinfo(t, got.Access)} {
				if diff := cmp.Diff(want, profileClaims(has)); diff != "" {
					t.Errorf("%s of %q: %s", what, scope, diff)
				}
			}
			if diff := cmp.Diff(map[string]any{}, profileClaims(claims(t, got.Access))); diff != "" {
				t.Errorf("the access token of %q: %s", scope, diff)
			}
		}
		supported := decode[map[string]any](t, s.get("/.well-known/openid-configuration", ""))["claims_supported"].([]any)
		for claim := range all {
			if !slices.Contains(supported, any(claim)) {
				t.Errorf("claims_supported lacks %s", claim)
			}
		}
		if slices.Contains(supported, any("badge")) || slices.Contains(supported, any("address.locality")) {
			t.Errorf("claims_supported is %v", supported)
		}

		got := s.signInFor(t, s.web, "openid phone address")
		s.setAttributes("phone_number_verified=true")
		s.signet("user", "update", alice, "--remove-attribute", "address.formatted", "--remove-attribute", "address.locality")
		for _, replica := range []*server{s.server, other} {
			want := map[string]any{"phone_number": "+41 44 123 45 67", "phone_number_verified": true}
			if diff := cmp.Diff(want, profileClaims(replica.userinfo(t, got.Access))); diff != "" {
				t.Errorf("after a change: %s", diff)
			}
		}
	})
}

func TestAttributesThatMakeAnIDTokenTooLargeAreInUserinfoAlone(t *testing.T) {
	const limit = 4096
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), fmt.Sprintf("SIGNET_TOKENS_MAX_SIZE=%d", limit))
	long := strings.Repeat("x", 1000)
	s.setAttributes("given_name=Alice", "family_name="+long, "nickname="+long, "website=https://x.example/"+long[100:], "zoneinfo="+long)
	got := s.signInFor(t, s.web, "openid profile")
	if id := claims(t, got.ID); len(got.ID) > limit || id["given_name"] != "Alice" || id["preferred_username"] != alice {
		t.Errorf("the ID token has %d bytes: %v", len(got.ID), id)
	}
	if about := s.userinfo(t, got.Access); about["nickname"] != long || about["zoneinfo"] != long {
		t.Errorf("userinfo lacks some: %v", slices.Sorted(maps.Keys(about)))
	}
}
