package cli

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// Whenever the process is killed, all objects of its files are there, or none.
func TestApplyThatIsKilledIsDoneOrNot(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "signet.db"), "postgres": pgtest.New(t).Database(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const objects = 200
			var text strings.Builder
			for i := range objects {
				fmt.Fprintf(&text, "---\nkind: group\nname: g%d\n", i)
			}
			file := filepath.Join(t.TempDir(), "groups.yaml")
			if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			master := make([]byte, 32)
			rand.Read(master)
			command := func(args ...string) *exec.Cmd {
				cmd := exec.CommandContext(t.Context(), signet, args...)
				cmd.Env = append(os.Environ(), "SIGNET_DATABASE_URL="+url, "SIGNET_MASTER_KEY="+base64.StdEncoding.EncodeToString(master), "SIGNET_DATABASE_TIMEOUT=30s")
				cmd.Dir = t.TempDir()
				return cmd
			}
			run := func(args ...string) string {
				t.Helper()
				out, err := command(args...).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %v: %s", args, err, out)
				}
				return string(out)
			}
			run("migrate", "up")
			began := time.Now()
			run("apply", "-f", file)
			took := time.Since(began)
			for part := range 3 { // of the time that it takes
				run("apply", "-f", os.DevNull, "--prune")
				killed := command("apply", "-f", file)
				if err := killed.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(took * time.Duration(part+1) / 4)
				_ = killed.Process.Kill()
				_ = killed.Wait()
				run("apply", "-f", os.DevNull) // waits for what is left of it
				if n := strings.Count(run("export"), "kind: group"); n != 0 && n != objects {
					t.Errorf("killed after %v: there are %d objects, want none or %d", took*time.Duration(part+1)/4, n, objects)
				}
			}
		})
	}
}
