package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signet-auth/signet/internal/statuslist"
)

const statusListType = "application/statuslist+jwt"

// statusRef is the status list and index of a token.
type statusRef struct {
	index int
	uri   string
}

func statusRefOf(t *testing.T, token string) statusRef {
	t.Helper()
	status, ok := claims(t, token)["status"].(map[string]any)
	if !ok {
		t.Fatal("the token has no status")
	}
	list := status["status_list"].(map[string]any)
	return statusRef{int(list["idx"].(float64)), list["uri"].(string)}
}

// tokenStatus checks a token as an offline service does (Token Status List §8.3): it fetches the list, checks it
// by the JWKS and looks the token up.
func (s *server) tokenStatus(t *testing.T, ref statusRef) int {
	t.Helper()
	a := s.getList(ref, "Accept", statusListType).wantStatus(t, http.StatusOK)
	if got := a.header.Get("Content-Type"); got != statusListType {
		t.Errorf("Content-Type is %q", got)
	}
	if typ := joseHeader(t, a.body)["typ"]; typ != "statuslist+jwt" {
		t.Errorf("typ is %v", typ)
	}
	set, err := jwk.Parse([]byte(s.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK).body))
	check(t, err)
	_, err = jws.Verify([]byte(a.body), jws.WithKeySet(set))
	check(t, err)
	c := claims(t, a.body)
	if c["sub"] != ref.uri || c["iss"] != s.issuer || !time.Now().Before(seconds(c["exp"])) || c["ttl"] != 10.0 {
		t.Errorf("iss %v, sub %v, exp %v, ttl %v", c["iss"], c["sub"], c["exp"], c["ttl"])
	}
	return statusIn(t, c, ref)
}

// statusIn looks a ref up in the claims of its list.
func statusIn(t *testing.T, c map[string]any, ref statusRef) int {
	t.Helper()
	claim := c["status_list"].(map[string]any)
	list, err := statuslist.Decode(int(claim["bits"].(float64)), claim["lst"].(string), 1<<20)
	check(t, err)
	status, err := list.Get(ref.index)
	check(t, err)
	return int(status)
}

// getList fetches the list of a ref from this server, whichever the issuer is.
func (s *server) getList(ref statusRef, header ...string) answer {
	s.t.Helper()
	r := s.request(http.MethodGet, strings.TrimPrefix(ref.uri, s.issuer), nil)
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	return do(r)
}

// awaitStatus waits until the list says so.
func (s *server) awaitStatus(t *testing.T, ref statusRef, want int) {
	t.Helper()
	await(t, fmt.Sprintf("the list says %d", want), func() bool { return s.tokenStatus(t, ref) == want })
}

func TestStatusListsShowEveryChangeOfATokensStatus(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		other := s.serve()
		tokens := make([]string, 4)
		places := make([]statusRef, len(tokens))
		jtis := make([]string, len(tokens))
		for i := range tokens {
			tokens[i] = s.reportingToken(t)
			places[i], jtis[i] = statusRefOf(t, tokens[i]), claims(t, tokens[i])["jti"].(string)
			if slices.Contains(places[:i], places[i]) {
				t.Errorf("%v was given twice", places[i])
			}
			for _, replica := range []*server{s.server, other} {
				if got := replica.tokenStatus(t, places[i]); got != 0 {
					t.Errorf("a new token's status is %d", got)
				}
			}
		}
		await := func(want ...int) {
			t.Helper()
			for i, ref := range places {
				s.awaitStatus(t, ref, want[i])
				other.awaitStatus(t, ref, want[i])
			}
		}
		s.revoke(t, s.reporting, tokens[0])
		s.signet("token", "suspend", jtis[1], jtis[2])
		await(1, 2, 2, 0)
		for i, active := range []bool{false, false, false, true} {
			s.wantActive(t, s.orders, tokens[i], active)
		}
		s.signet("token", "resume", jtis[2])
		await(1, 2, 0, 0)
		s.wantActive(t, s.orders, tokens[2], true)
		s.signet("token", "revoke", "--client", s.reporting.ID)
		await(1, 1, 1, 1)
	})
}

func TestStatusListIsServedAsTheStandardSays(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		ref := statusRefOf(t, s.reportingToken(t))
		path := strings.TrimPrefix(ref.uri, s.issuer)

		t.Run("from every origin, cacheable no longer than its ttl", func(t *testing.T) {
			h := s.getList(ref).wantStatus(t, http.StatusOK).header
			if h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Vary"), "Accept-Encoding") {
				t.Errorf("header %v", h)
			}
			age, ok := strings.CutPrefix(h.Get("Cache-Control"), "public, max-age=")
			if left, err := strconv.Atoi(age); !ok || err != nil || left < 0 || left > 10 {
				t.Errorf("Cache-Control is %q", h.Get("Cache-Control"))
			}
		})
		t.Run("compressed for those who ask for it", func(t *testing.T) {
			a := s.getList(ref, "Accept-Encoding", "gzip").wantStatus(t, http.StatusOK)
			unzip, err := gzip.NewReader(bytes.NewReader([]byte(a.body)))
			check(t, err)
			body, err := io.ReadAll(unzip)
			check(t, err)
			if a.header.Get("Content-Encoding") != "gzip" || claims(t, string(body))["sub"] != ref.uri {
				t.Errorf("header %v", a.header)
			}
			if a := s.getList(ref, "Accept-Encoding", "gzip;q=0"); a.header.Get("Content-Encoding") != "" {
				t.Error("compressed although refused")
			}
		})
		t.Run("not again to those who have it", func(t *testing.T) {
			await(t, "it is not modified", func() bool { // it may be signed again between two requests
				tag := s.getList(ref).wantStatus(t, http.StatusOK).header.Get("ETag")
				return s.getList(ref, "If-None-Match", `"other", `+tag).status == http.StatusNotModified
			})
			s.getList(ref, "If-None-Match", `"other"`).wantStatus(t, http.StatusOK)
		})
		t.Run("as a JWT or not at all", func(t *testing.T) {
			for accept, want := range map[string]int{
				"application/statuslist+jwt": 200, "application/statuslist+cwt, application/statuslist+jwt;q=0.5": 200, "*/*": 200,
				"application/statuslist+cwt": 406, "text/html": 406,
			} {
				s.getList(ref, "Accept", accept).wantStatus(t, want)
			}
		})
		t.Run("only as of now, and only if there is one", func(t *testing.T) {
			for wrong, want := range map[string]int{
				path + "?time=1700000000": 501, path + "0000": 404, "/statuslists/x": 404, "/statuslists/-1": 404,
				"/statuslists/0" + path[len("/statuslists/"):]: 404,
			} {
				a := s.get(wrong, "").wantStatus(t, want)
				a.wantDiscreet(t)
			}
		})
		t.Run("and found from the metadata", func(t *testing.T) {
			for _, document := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
				metadata := decode[struct {
					Lists string `json:"status_list_aggregation_endpoint"`
				}](t, s.get(document, ""))
				all := decode[struct {
					Lists []string `json:"status_lists"`
				}](t, s.get(strings.TrimPrefix(metadata.Lists, s.issuer), "").wantStatus(t, http.StatusOK))
				if !slices.Contains(all.Lists, ref.uri) {
					t.Errorf("%s leads to %v, want %s among them", document, all.Lists, ref.uri)
				}
			}
		})
	})
}
