package e2e

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestAChangeAppliesToEveryReplicaAtOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, pgtest.Database(t))
	other := &shop{s.serve(), s.shopClients}

	t.Run("a token of one is active at the other, and revoked at one inactive at the other", func(t *testing.T) {
		for range 20 {
			token := s.reportingToken(t)
			other.wantActive(t, s.orders, token, true)
			other.revoke(t, s.reporting, token)
			s.wantActive(t, s.orders, token, false)
		}
	})
	t.Run("a refresh token of one is renewed at the other, and its grant ended there ends here", func(t *testing.T) {
		got := s.signIn(t, s.web)
		renewed := s.issued(t, other.post("/oauth2/token", s.web, refresh(got.Refresh)))
		s.wantActive(t, s.orders, renewed.Access, true)
		other.revoke(t, s.web, renewed.Refresh)
		s.wantActive(t, s.orders, renewed.Access, false)
	})
	t.Run("a role taken away is gone from the next token of each", func(t *testing.T) {
		s.makeBuyer()
		for range 5 {
			s.signet("assign", "buyer", "--client", s.reporting.ID)
			s.wantEntitlements(t, "orders:read", "orders:write")
			other.wantEntitlements(t, "orders:read", "orders:write")
			s.signet("unassign", "buyer", "--client", s.reporting.ID)
			other.wantEntitlements(t, "orders:read")
			s.wantEntitlements(t, "orders:read")
		}
	})
	t.Run("a disabled client gets nothing from either", func(t *testing.T) {
		s.signet("client", "disable", s.reporting.ID)
		for _, replica := range []*shop{s, other} {
			replica.post("/oauth2/token", s.reporting, clientCredentials()).wantError(t, 401, "invalid_client")
		}
	})
}

func TestReplicasThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, pgtest.Database(t))
	replicas := []*server{i.start(), i.start(), i.start(), i.start()}
	for _, replica := range replicas {
		replica.awaitReady()
	}
	first := replicas[0].get("/.well-known/jwks.json", "").wantStatus(t, 200)
	for n, replica := range replicas {
		if jwks := replica.get("/.well-known/jwks.json", "").wantStatus(t, 200); jwks.body != first.body {
			t.Errorf("replica %d publishes other keys", n)
		}
	}
}

func TestAReplicaWithAnotherMasterKeyStops(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		other := &installation{t: t, dir: t.TempDir(), issuer: s.issuer}
		other.env = []string{s.env[0], "SIGNET_MASTER_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), noSleep, patientDatabase}
		replica := other.start()
		select {
		case <-replica.exited:
		case <-time.After(time.Minute):
			t.Fatal("it goes on")
		}
		if code := replica.cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
		if !strings.Contains(replica.log.String(), "master key") {
			t.Errorf("it says only:\n%s", replica.log.String())
		}
	})
}
