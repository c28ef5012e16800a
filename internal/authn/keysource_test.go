package authn

import "testing"

func TestAnIssuerOnTheInternetNamesNoKeysOnThisMachine(t *testing.T) {
	for _, c := range []struct {
		issuer, jwksURI string
		want            bool
	}{
		{"https://ci.example", "https://keys.example/jwks", true},
		{"https://ci.example", "https://127.0.0.1:8443/admin", false},
		{"https://ci.example", "https://localhost/admin", false},
		{"https://ci.example", "https://[::1]/admin", false},
		{"https://ci.example", "http://127.0.0.1/jwks", false},
		{"https://ci.example", "http://keys.example/jwks", false},
		{"https://ci.example", "https://user@keys.example/jwks", false},
		{"https://ci.example", "file:///etc/passwd", false},
		{"https://ci.example", "https:", false},
		{"https://ci.example", "", false},
		{"http://127.0.0.1:9000", "http://127.0.0.1:9000/jwks", true},
		{"http://127.0.0.1:9000", "http://keys.example/jwks", false},
		{"http://localhost", "https://127.0.0.1/jwks", true},
	} {
		if got := mayName(c.issuer, c.jwksURI); got != c.want {
			t.Errorf("%s names %q: %v", c.issuer, c.jwksURI, got)
		}
	}
}
