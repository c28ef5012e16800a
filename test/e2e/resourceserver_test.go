package e2e

import (
	"bufio"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-auth/signet/resourceserver"
)

// startService runs the example of a service that polls for events, and returns its URL.
func (s *shop) startService(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "go-service")
	if out, err := exec.Command("go", "build", "-o", program, "../../examples/go-service").CombinedOutput(); err != nil {
		t.Fatalf("build the service: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "-issuer", s.issuer, "-audience", ordersAPI, "-client", s.orders.ID, "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "CLIENT_SECRET="+s.orders.Secret)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // killed with the test's context
	line, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	return "http://" + strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
}

func TestServicesRefuseWhatIsRevoked(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_TOKENS_STATUS_TTL=1s", "SIGNET_KEYS_JWKS_MAX_AGE=1s")
	s.signet("receiver", "create", s.orders.ID, "--poll")
	service := s.startService(t)
	lists, err := resourceserver.New(s.issuer, ordersAPI, resourceserver.WithUserAgent("lists alone")) // no events
	check(t, err)
	t.Cleanup(lists.Close)
	check(t, lists.Ready(t.Context()))
	ask := func(method, token string) answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, service+"/orders", nil)
		check(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		return do(r)
	}
	await(t, "the service is ready", func() bool { return ask(http.MethodGet, "x").status == http.StatusUnauthorized })
	accepted := func(token string) {
		t.Helper()
		claims, err := lists.Verify(t.Context(), token)
		check(t, err)
		if said := decode[map[string]any](t, ask(http.MethodGet, token).wantStatus(t, 200)); said["sub"] != claims.Subject || claims.Subject != s.reporting.ID || !claims.Has("orders:read") {
			t.Errorf("it says %v, and %+v", said, claims)
		}
	}
	refused := func(token string) {
		t.Helper()
		await(t, "the service refuses it", func() bool { return ask(http.MethodGet, token).status == http.StatusUnauthorized })
		await(t, "it is refused by the lists and keys alone", func() bool {
			_, err := lists.Verify(t.Context(), token)
			return errors.Is(err, resourceserver.ErrInvalidToken)
		})
	}

	revoked, live := s.reportingToken(t), s.reportingToken(t)
	accepted(revoked)
	accepted(live)
	if h := ask(http.MethodPost, live).wantStatus(t, 403).header.Get("WWW-Authenticate"); !strings.Contains(h, `scope="orders:write"`) {
		t.Errorf("the challenge is %s", h)
	}
	s.revoke(t, s.reporting, revoked)
	refused(revoked)
	accepted(live)

	session, other := s.given(t, newBrowser(t, s.server), s.web, online).Access, s.given(t, newBrowser(t, s.server), s.web, online).Access
	s.signet("session", "end", claims(t, session)["sid"].(string))
	await(t, "the service refuses what was given in a session that ended", func() bool { return ask(http.MethodGet, session).status == http.StatusUnauthorized })
	ask(http.MethodGet, other).wantStatus(t, 200)

	kid := joseHeader(t, live)["kid"].(string)
	s.signet("key", "revoke", kid)
	refused(live)
	fresh := s.reportingToken(t)
	await(t, "tokens of the next key are accepted", func() bool {
		_, err := lists.Verify(t.Context(), fresh)
		return err == nil && ask(http.MethodGet, fresh).status == 200
	})
	await(t, "the drill shows who holds the new keys", func() bool {
		drill := s.signet("key", "drill", "-o", "json", "--", kid)
		return strings.Contains(drill, `"user_agent": "lists alone"`) && strings.Contains(drill, `"converged": true`)
	})

	s.signet("token", "revoke", "--client", s.reporting.ID)
	refused(fresh)
}
