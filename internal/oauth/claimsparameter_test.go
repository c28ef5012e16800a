package oauth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

func TestTheClaimsParameterSaysWhichClaimsGoWhere(t *testing.T) {
	for text, want := range map[string]domain.SingleClaims{
		"":                                  {},
		"{}":                                {},
		`{"id_token":null,"userinfo":null}`: {},
		`{"id_token":{},"userinfo":{"email":null,"name":{}}}`:                                            {Userinfo: []string{"email", "name"}},
		`{"id_token":{"email":{"essential":true},"groups":null},"userinfo":{"roles":null}}`:              {IDToken: []string{"email", "groups"}, Userinfo: []string{"roles"}},
		`{"id_token":{"locale":{"value":"de","values":["en",5],"other":[{}]},"auth_time":null}}`:         {IDToken: []string{"locale"}},
		`{"id_token":{"name#de":null,"x":null,"":null,"email":null},"other":5,"sub":null}`:               {IDToken: []string{"email"}},
		`{"id_token":{"sub":null,"acr":null,"iss":null,"sid":{},"Email":null,"__proto__":null}}`:         {},
		`{"userinfo":{"email":null},"userinfo":{"name":null}}`:                                           {Userinfo: []string{"name"}},
		`{"userinfo":{"email":{"value":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}}}`: {Userinfo: []string{"email"}},
		`{"id_token":{"acr":{"values":["9"]}},"userinfo":{"acr":{"essential":true,"value":"9"}}}`:        {},
		`{"id_token":{"acr":{"essential":true,"values":["9","1"]}}}`:                                     {},
		`{"id_token":{"acr":{"essential":true,"values":[]}}}`:                                            {},
	} {
		got, err := parseClaims(text)
		if diff := cmp.Diff(want, got.SingleClaims); diff != "" || err != nil {
			t.Errorf("%.200s: %v %s", text, err, diff)
		}
	}
}

func TestAClaimsParameterThatIsMalformedIsRefused(t *testing.T) {
	for _, text := range []string{
		"x", "null", "[]", `"{}"`, "5", "{", "{}x", "{}{}", "{'id_token':{}}", `{"id_token":[]}`, `{"userinfo":"email"}`, `{"userinfo":{"email":true}}`, `{"userinfo":{"email":[]}}`,
		`{"userinfo":{"x":"y"}}`, `{"id_token":{"email":{"essential":"yes"}}}`, `{"id_token":{"email":{"values":"a"}}}`, `{"id_token":{"sub":{"values":{}}}}`,
		strings.Repeat(`{"id_token":`, 20_000), strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), " ",
	} {
		if _, err := parseClaims(text); !errors.Is(err, fosite.ErrInvalidRequest) {
			t.Errorf("%.100s: %v", text, err)
		}
	}
}

func TestTheClaimsParameterDemandsAUserAndAKindOfSignIn(t *testing.T) {
	for text, want := range map[string]bool{
		"{}":                                                                          false,
		`{"id_token":{"sub":null}}`:                                                   false,
		`{"id_token":{"sub":{"values":[]}}}`:                                          false,
		`{"id_token":{"sub":{"value":"usr_a"}}}`:                                      false,
		`{"id_token":{"sub":{"value":"usr_b"}}}`:                                      true,
		`{"id_token":{"sub":{"value":"USR_A"}}}`:                                      true,
		`{"id_token":{"sub":{"value":"usr_a\u0000"}}}`:                                true,
		`{"id_token":{"sub":{"value":5}}}`:                                            true,
		`{"id_token":{"sub":{"value":{}}}}`:                                           true,
		`{"id_token":{"sub":{"values":[[],{},null]}}}`:                                true,
		`{"id_token":{"sub":{"values":["usr_b","usr_a"]}}}`:                           false,
		`{"id_token":{"sub":{"value":"usr_a"}},"userinfo":{"sub":{"value":"usr_b"}}}`: true,
		`{"userinfo":{"sub":{"value":"usr_b"}}}`:                                      true,
		`{"id_token":{"acr":{"essential":true,"value":"1"}}}`:                         false,
	} {
		for _, fresh := range []bool{false, true} {
			c, err := parseClaims(text)
			if err != nil {
				t.Fatal(text, err)
			}
			login, err := c.needsLogin("usr_a", domain.ACRPassword, fresh)
			if login != (want && !fresh) || errors.Is(err, fosite.ErrLoginRequired) != (want && fresh) {
				t.Errorf("%s: login %v, error %v", text, login, err)
			}
		}
	}
	for _, value := range []string{`"value":"9"`, `"value":1`, `"values":["0","phr"]`, `"values":[null]`, `"values":["9"],"value":[]`} {
		if _, err := parseClaims(`{"id_token":{"acr":{"essential":true,` + value + `}}}`); !errors.Is(err, errUnmetAuthentication) {
			t.Errorf("%s: %v", value, err)
		}
	}
	weak, err := parseClaims(`{"id_token":{"acr":{"essential":true,"value":"1"}}}`)
	if login, _ := weak.needsLogin("usr_a", "0", false); !login || err != nil {
		t.Error("a weaker sign-in is enough")
	}
	if _, err := weak.needsLogin("usr_a", "0", true); !errors.Is(err, errUnmetAuthentication) {
		t.Error("a weaker new sign-in is enough")
	}
}

func TestAHugeClaimsParameterCostsLittle(t *testing.T) {
	many := func(form string) string {
		var b strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&b, form, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	values := many(`"%d",`)
	for _, text := range []string{
		`{"id_token":{` + many(`"c%d":null,`) + `}}`,
		`{"id_token":{"sub":{"values":[` + values + `]}},"userinfo":{"sub":{"values":[` + values + `]}}}`,
	} {
		took := time.Hour
		for range 3 { // a busy machine may be in the way of one
			began := time.Now()
			c, err := parseClaims(text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.needsLogin("usr_a", "1", false); err != nil || len(c.IDToken) > 0 {
				t.Errorf("%v, asks for %d claims", err, len(c.IDToken))
			}
			took = min(took, time.Since(began))
		}
		if took > time.Second {
			t.Errorf("took %v", took)
		}
	}
}
