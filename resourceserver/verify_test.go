package resourceserver_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

func TestATokenIsAcceptedWithWhatItSays(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		for _, kid := range []string{"ec", "ed", "rsa"} {
			for _, typ := range []string{"at+jwt", "application/at+jwt", "at+JWT"} {
				c := wantAccepted(t, v, i.sign(kid, typ, access(claims{"jti": "1", "department": "Sales", "aud": []string{"x", audience}})))
				now := time.Now()
				if c.Issuer != issuerURL || c.Subject != "usr_alice" || c.ClientID != "shop" || c.ID != "1" || !slices.Equal(c.Audience, []string{"x", audience}) ||
					!c.IssuedAt.Equal(now) || !c.ExpiresAt.Equal(now.Add(10*time.Minute)) || !slices.Equal(c.Scopes, []string{"openid", "orders:read"}) ||
					!slices.Equal(c.Roles, []string{"clerk"}) || !slices.Equal(c.Groups, []string{"sales"}) || !slices.Equal(c.Entitlements, []string{"orders:read"}) ||
					!c.AuthTime.Equal(now.Add(-100*time.Second)) || c.ACR != "pwd" || !slices.Equal(c.AMR, []string{"pwd"}) {
					t.Errorf("it says %+v", c)
				}
				var own struct{ Department string }
				if check(t, c.Decode(&own)); own.Department != "Sales" {
					t.Errorf("its own claim is %q", own.Department)
				}
				if !c.Has() || !c.Has("openid", "orders:read") || c.Has("orders:read", "orders:write") || c.Has("orders") {
					t.Error("it has other permissions")
				}
			}
		}
		wantAccepted(t, v, i.token(claims{"scope": nil, "roles": nil, "groups": nil, "entitlements": nil, "auth_time": nil, "acr": nil, "amr": nil}))
	})
}

func TestATokenThatIsNotForTheServiceIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		now := time.Now().Unix()
		for words, changes := range map[string]claims{
			"another issuer":                     {"iss": "https://other.example"},
			"another audience":                   {"aud": "https://invoices.example"},
			"another audience ":                  {"aud": []string{"https://invoices.example", audience + "/"}},
			"RFC 9068 §2.2 requires":             {"aud": []string{}},
			"expired":                            {"exp": now - 10},
			"issued in the future":               {"iat": now + 11},
			"does not count yet":                 {"nbf": now + 11},
			"bound to a key":                     {"cnf": claims{"jkt": "x"}},
			"its status is malformed":            {"status": claims{"status_list": claims{"idx": -1, "uri": listURI}}},
			"its status is malformed ":           {"status": claims{"status_list": claims{"idx": 1}}},
			"its status is malformed  ":          {"status": claims{"status_list": claims{"uri": listURI}}},
			"in no status list":                  {"status": "x"},
			"in no status list ":                 {"status": claims{"identifier_list": claims{}}},
			"in no status list  ":                {"status": []string{}},
			"another type ":                      {"scope": []string{"orders:read"}},
			"another type  ":                     {"roles": "clerk"},
			"another type   ":                    {"groups": []any{"sales", 1}},
			"another type    ":                   {"exp": -1},
			"another type     ":                  {"iat": 1e300},
			"another type      ":                 {"nbf": "tomorrow"},
			"another type       ":                {"auth_time": true},
			"RFC 9068 §2.2 requires it to have ": {"sub": ""},
		} {
			wantRefused(t, v, i.token(changes), resourceserver.ErrInvalidToken, strings.TrimSuffix(strings.TrimRight(words, " "), " it to have"))
		}
		for _, claim := range []string{"iss", "sub", "aud", "client_id", "iat", "exp", "jti"} {
			wantRefused(t, v, i.token(claims{claim: nil}), resourceserver.ErrInvalidToken, "§2.2 requires")
		}
		// Clocks differ a little.
		wantAccepted(t, v, i.token(claims{"exp": now - 9, "iat": now + 10, "nbf": float64(now) + 10.5}))
		wantRefused(t, v, i.token(claims{"exp": now - 10}), resourceserver.ErrExpired, "")
		wantRefused(t, v, i.token(claims{"cnf": claims{}}), resourceserver.ErrBound, "")
	})
}

func TestATokenOfAnotherMakeIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		good := i.token(nil)
		wantAccepted(t, v, good)
		header, rest, _ := strings.Cut(good, ".")
		payload, sig, _ := strings.Cut(rest, ".")
		text, err := json.Marshal(access(nil))
		check(t, err)
		ec := func(changes claims) claims {
			return merged(claims{"alg": "ES256", "kid": "ec", "typ": "at+jwt"}, changes)
		}
		raw := func(header, payload string) string {
			signed := encode([]byte(header)) + "." + encode([]byte(payload))
			return signed + "." + encode(signature(t, ecKey(), signed))
		}
		// The public key as a shared secret: what a library that goes by the header would take.
		point := jwk("ec", ecKey())
		secret := append(decode(t, point["x"].(string)), decode(t, point["y"].(string))...)
		confused := encode([]byte(`{"alg":"HS256","kid":"ec","typ":"at+jwt"}`)) + "." + encode(text)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(confused))
		for name, token := range map[string]string{
			"nothing": "", "dots": "..", "two parts": header + "." + payload, "four parts": good + ".x", "spaces": " " + good, "padding": good + "=",
			"line end": header + ".\n" + payload + "." + sig, "line end in the signature": good[:len(good)-3] + "\r" + good[len(good)-3:],
			"no signature": header + "." + payload + ".", "another payload": header + "." + encode(text) + "." + sig,
			"trailing bits":               good[:len(good)-1] + string(next(good[len(good)-1])),
			"none":                        encode([]byte(`{"alg":"none","kid":"ec","typ":"at+jwt"}`)) + "." + payload + ".",
			"none with a signature":       sign(t, ecKey(), ec(claims{"alg": "none"}), access(nil)),
			"HS256":                       confused + "." + encode(mac.Sum(nil)),
			"another alg":                 sign(t, ecKey(), ec(claims{"alg": "ES384"}), access(nil)),
			"alg of another key":          sign(t, ecKey(), ec(claims{"alg": "RS256"}), access(nil)),
			"kid of another key":          sign(t, ecKey(), ec(claims{"kid": "rsa"}), access(nil)),
			"another key with the kid":    sign(t, otherK(), ec(nil), access(nil)),
			"a key in the header":         sign(t, otherK(), ec(claims{"jwk": jwk("ec", otherK())}), access(nil)),
			"an ID token":                 sign(t, ecKey(), ec(claims{"typ": "JWT"}), access(nil)),
			"no typ":                      sign(t, ecKey(), ec(claims{"typ": nil}), access(nil)),
			"a logout token":              sign(t, ecKey(), ec(claims{"typ": "logout+jwt"}), access(nil)),
			"no kid":                      sign(t, ecKey(), ec(claims{"kid": nil}), access(nil)),
			"critical extensions":         sign(t, ecKey(), ec(claims{"crit": []string{"b64"}, "b64": false}), access(nil)),
			"a typ that is no text":       sign(t, ecKey(), ec(claims{"typ": 1}), access(nil)),
			"a header twice":              raw(`{"alg":"ES256","kid":"ec","typ":"JWT","typ":"at+jwt"}`, string(text)),
			"a header twice, escaped":     raw(`{"alg":"ES256","kid":"ec","\u0074yp":"JWT","typ":"at+jwt"}`, string(text)),
			"a header in capitals":        raw(`{"ALG":"ES256","KID":"ec","TYP":"at+jwt"}`, string(text)),
			"a claim twice":               raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, `{"aud":"x",`+string(text[1:])),
			"a claim twice, deeper":       raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, `{"x":[{"a":1,"a":2}],`+string(text[1:])),
			"claims in capitals":          raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, strings.Replace(string(text), `"exp"`, `"EXP"`, 1)),
			"claims that are an array":    raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, `[`+string(text)+`]`),
			"claims and more":             raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, string(text)+`{}`),
			"claims that are no UTF-8":    raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, strings.Replace(string(text), "usr_alice", "\xff", 1)),
			"deep claims":                 raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, `{"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`,`+string(text[1:])),
			"many claims":                 raw(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, `{`+many(1001)+string(text[1:])),
			"a large header":              sign(t, ecKey(), ec(claims{"x": strings.Repeat("x", 2000)}), access(nil)),
			"a large token":               i.token(claims{"x": strings.Repeat("x", 32<<10)}),
			"a signature of another size": header + "." + payload + "." + encode(make([]byte, 63)),
			"a signature of zeros":        header + "." + payload + "." + encode(make([]byte, 64)),
		} {
			if _, err := v.Verify(t.Context(), token); err == nil {
				t.Errorf("%s is accepted", name)
			} else if !strings.Contains(err.Error(), resourceserver.ErrInvalidToken.Error()) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := v.Status(); s.CachedTokens != 1 || s.Refused < 35 || s.Unavailable != 0 {
			t.Errorf("the status is %+v", s)
		}
	})
}

// next is the base64url character whose value is one more, in its unused bits.
func next(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)^1]
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"x` + strings.Repeat("y", i%7) + string(rune('a'+i%26)) + strings.Repeat("z", i/26) + `":1,`)
	}
	return b.String()
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	check(t, err)
	return b
}

func TestAVerifierIsNotMadeOfWhatCannotBe(t *testing.T) {
	for _, issuer := range []string{
		"", "id.example", "http://id.example", "ftp://id.example", "https://", "https://u:p@id.example", "https://id.example#x", "https://id.example?x=y", "https://id.example?",
		"http://localhost.example", "http://127.0.0.1.example", "https:id.example",
	} {
		if v, err := resourceserver.New(issuer, audience); err == nil {
			v.Close()
			t.Errorf("%q is taken for an issuer", issuer)
		}
	}
	for n, option := range []resourceserver.Option{
		resourceserver.WithLeeway(-1), resourceserver.WithLeeway(3 * time.Minute), resourceserver.WithMaxStale(59 * time.Second), resourceserver.WithMaxStale(25 * time.Hour),
		resourceserver.WithCache(-1), resourceserver.WithEvents("", "x"), resourceserver.WithEvents("x", ""), resourceserver.WithPushedEvents("", "x"),
		resourceserver.WithScopes("a b"),
		func(s *resourceserver.Settings) {
			resourceserver.WithEvents("a", "b")(s)
			resourceserver.WithPushedEvents("a", "b")(s)
		},
	} {
		if v, err := resourceserver.New(issuerURL, audience, option); err == nil {
			v.Close()
			t.Errorf("option %d is taken", n)
		}
	}
	if v, err := resourceserver.New(issuerURL, ""); err == nil {
		v.Close()
		t.Error("no audience is taken")
	}
	for _, issuer := range []string{"http://localhost:8080", "http://127.0.0.1:8080/auth", "http://[::1]", "https://id.example/"} {
		v, err := resourceserver.New(issuer, audience)
		check(t, err)
		v.Close()
	}
	v, err := resourceserver.New("http://id.example", audience, resourceserver.WithPlainHTTP())
	check(t, err)
	v.Close()
}

func TestTheCacheHoldsNoTokenLongerThanItCounts(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		token := i.token(claims{"exp": time.Now().Unix() + 30})
		first := wantAccepted(t, v, token)
		if again := wantAccepted(t, v, token); again != first || v.Status().Verified != 1 {
			t.Error("it was verified again")
		}
		time.Sleep(39 * time.Second)
		wantAccepted(t, v, token)
		time.Sleep(time.Second)
		wantRefused(t, v, token, resourceserver.ErrExpired, "")
		if held := v.Status().CachedTokens; held != 0 {
			t.Errorf("%d are kept", held)
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		const limit = 1 << 20
		v := i.ready(resourceserver.WithCache(limit))
		none := i.ready(resourceserver.WithCache(0))
		size := 0
		for range 700 {
			token := i.token(claims{"x": strings.Repeat("x", 1000)})
			size += len(token)
			wantAccepted(t, v, token)
			wantAccepted(t, none, token)
		}
		if held := v.Status().CachedTokens; held < 100 || held > limit/2500 {
			t.Errorf("%d of 700 are kept, of %d bytes in all", held, size)
		}
		if held := none.Status().CachedTokens; held != 0 {
			t.Errorf("%d are kept without a cache", held)
		}
	})
}
