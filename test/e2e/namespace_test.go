package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// namespaced is a variable that is set where a test runs in a network namespace of its own: to the paths of the programs under test.
const namespaced = "TEST_NETWORK_NAMESPACE"

// prepareNetwork makes a new namespace one in which addresses can be cut off: a rule before that of the local addresses decides.
const prepareNetwork = `ip link set lo up && ip rule add pref 100 lookup local && ip rule del pref 0`

// inNamespace runs a test once more, in a network namespace of its own. False where none can be made.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if out, err := exec.Command("unshare", "--net", "sh", "-c", prepareNetwork).CombinedOutput(); err != nil {
		t.Logf("a proxy is silent in place of the network, as there is no network namespace: %v: %s", err, out)
		return false
	}
	self, err := os.Executable()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", prepareNetwork+` && exec "$0" "$@"`,
		self, "-test.v", "-test.timeout=10m", "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), namespaced+"="+released+string(os.PathListSeparator)+raced)
	out, err := cmd.CombinedOutput()
	if t.Logf("in a network namespace of its own:\n%s", out); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Error("it failed there:", err)
	}
	return true
}

// farDatabase is a new database, its URL for a replica that is to be cut off, and what does so without a word: in a network namespace
// packets of that connection are dropped, elsewhere a proxy forwards no more.
func farDatabase(t *testing.T) (database, far string, cut func()) {
	t.Helper()
	if os.Getenv(namespaced) == "" {
		database = pgtest.Database(t)
		wire := pgtest.NewWire(t, database)
		return database, wire.URL(), wire.Silence
	}
	const near, address = "127.0.0.1", "127.0.0.5"
	database = pgtest.New(t, "-c", "listen_addresses="+near+","+address).Database(t)
	return database, strings.Replace(database, near, address, 1), func() {
		for _, direction := range []string{"from", "to"} {
			out, err := exec.Command("ip", "rule", "add", "pref", "1", direction, address, "blackhole").CombinedOutput()
			if err != nil {
				t.Errorf("cut %s off: %v: %s", address, err, out)
			}
		}
	}
}
