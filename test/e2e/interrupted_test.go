package e2e

import (
	"crypto/rand"
	"encoding/base64"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mostKills is how often a test tries to kill a command at a moment. One is mostly enough, but a busy machine looks too late.
const mostKills = 200

// killWhen runs a command, and kills it as soon as something holds. It says whether it did: the command may have ended before.
func (i *installation) killWhen(holds func() bool, args ...string) (killed bool) {
	i.t.Helper()
	cmd := i.command(args...)
	check(i.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it was killed, or the test looks at what it did
		close(ended)
	}()
	for !holds() { // without a pause, in which the moment would pass
		select {
		case <-ended:
			return false
		default:
		}
	}
	_ = cmd.Process.Kill()
	<-ended
	return cmd.ProcessState.ExitCode() < 0
}

func size(path string) int64 {
	info, err := os.Lstat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// onFile is the installation with another SQLite file as its database.
func (i *installation) onFile(t *testing.T, path string) *installation {
	return &installation{t: t, dir: i.dir, env: append(slices.Clone(i.env), "SIGNET_DATABASE_URL=sqlite:"+path)}
}

// wantPartialExplained fails unless a command that finds the copy of one that was interrupted says what to do. It removes that.
func (i *installation) wantPartialExplained(partial string, args ...string) {
	i.t.Helper()
	if size(partial) < 0 {
		return
	}
	if says := i.refused(args...); !strings.Contains(says, partial+" is there") || !strings.Contains(says, "remove that file") {
		i.t.Errorf("beside %s signet %s says %q", partial, args[0], says)
	}
	check(i.t, os.Remove(partial))
}

// wantRoles fails unless a database has these roles, and no other of the two.
func (i *installation) wantRoles(want ...string) {
	i.t.Helper()
	list := i.signet("role", "list")
	for _, role := range []string{"early", "late"} {
		if strings.Contains(list, role) != slices.Contains(want, role) {
			i.t.Errorf("the roles are\n%s\nwant %v", list, want)
		}
	}
}

// backedUp is an installation with a backup that has the role early, and one that has the role late too.
func backedUp(t *testing.T) (i *installation, early, late string) {
	i = newInstallation(t, newSQLiteDatabase(t))
	folder := t.TempDir()
	early, late = filepath.Join(folder, "early.db"), filepath.Join(folder, "late.db")
	i.signet("migrate", "up")
	i.signet("role", "create", "early")
	i.signet("backup", early)
	i.signet("role", "create", "late")
	i.signet("backup", late)
	return i, early, late
}

func TestABackupThatIsKilledLeavesNothingThatPassesForOne(t *testing.T) {
	t.Parallel()
	i, _, _ := backedUp(t)
	for name, moment := range map[string]func(file string) bool{
		"begun":   func(file string) bool { return size(file+".partial") >= 0 },
		"copying": func(file string) bool { return size(file+".partial") > 0 },
		"placed":  func(file string) bool { return size(file) >= 0 },
	} {
		t.Run(name, func(t *testing.T) {
			i := &installation{t: t, dir: i.dir, env: i.env}
			folder := t.TempDir()
			file := filepath.Join(folder, "backup.db")
			for n := 0; !i.killWhen(func() bool { return moment(file) }, "backup", file); n++ {
				if check(t, os.Remove(file)); n == mostKills { // it was quicker
					t.Fatal("the moment never comes")
				}
			}
			partial := file + ".partial"
			t.Logf("killed with %d bytes in %s, %d in %s", size(partial), partial, size(file), file)
			if size(partial) >= 0 {
				other := i.onFile(t, filepath.Join(folder, "partial.db"))
				if out, err := other.command("restore", partial).CombinedOutput(); err == nil {
					other.wantRoles("early", "late")
				} else if says := string(out); !strings.Contains(says, "damaged") && !strings.Contains(says, "no database of Signet's") {
					t.Errorf("restoring what is half a copy says %q", says)
				}
			}
			if size(file) < 0 {
				i.wantPartialExplained(partial, "backup", file)
				i.signet("backup", file)
			}
			restored := i.onFile(t, filepath.Join(folder, "restored.db"))
			restored.signet("restore", file)
			restored.wantRoles("early", "late")
		})
	}
}

func TestARestoreThatIsKilledLeavesTheOldDatabaseOrTheNewOneWhole(t *testing.T) {
	t.Parallel()
	i, early, late := backedUp(t)
	copying := func(database string) bool { return size(database+".partial") > 0 }
	kept := func(database string) []string {
		names, err := filepath.Glob(database + ".before-*")
		check(t, err)
		return names
	}
	for name, c := range map[string]struct {
		replaces bool
		moment   func(database string) bool
	}{
		"copying":                   {false, copying},
		"placed":                    {false, func(database string) bool { return size(database) >= 0 }},
		"copying beside a database": {true, copying},
		"the old one has two names": {true, func(database string) bool { return len(kept(database)) > 0 }},
		"the new one has its place": {true, func(database string) bool { return len(kept(database)) > 0 && size(database+".partial") < 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "signet.db")
			i := i.onFile(t, database)
			command := []string{"restore", early}
			if c.replaces {
				command = append(command, "--force")
			}
			for killed, n := false, 0; !killed; n++ {
				if n == mostKills {
					t.Fatal("the moment never comes")
				}
				for _, name := range append(kept(database), database) {
					_ = os.Remove(name) // of a command that was quicker
				}
				if c.replaces {
					i.signet("restore", late)
				}
				killed = i.killWhen(func() bool { return c.moment(database) }, command...)
			}
			t.Logf("killed with %d bytes in the copy; the database was kept as %q", size(database+".partial"), kept(database))
			switch there := size(database) >= 0; {
			case there && !strings.Contains(i.signet("role", "list"), "late"):
				i.wantRoles("early")
			case there:
				i.wantRoles("early", "late")
			case c.replaces:
				t.Error("neither the old database is there nor the new one")
			}
			if again := []string{"restore", early, "--force"}; size(database+".partial") >= 0 {
				i.wantPartialExplained(database+".partial", again...)
				i.signet(again...)
			}
			i.wantRoles("early")
			if c.replaces {
				i.onFile(t, kept(database)[0]).wantRoles("early", "late")
			}
		})
	}
}

func TestAChangeOfTheMasterKeyThatIsKilledIsDoneOrNotAndCanBeDoneAgain(t *testing.T) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInstallation(t, open(t))
			i.signet("migrate", "up")
			secret := make([]byte, 32)
			rand.Read(secret)
			key := base64.StdEncoding.EncodeToString(secret)
			file := filepath.Join(t.TempDir(), "new.key")
			check(t, os.WriteFile(file, []byte(key), 0o600))
			next := &installation{t: t, dir: i.dir, env: append(slices.Clone(i.env), "SIGNET_MASTER_KEY="+i.secret(key))}
			count := func(by *installation) int { return len(signetJSON[[]any](by, "key", "rewrap")) }
			began := time.Now()
			i.signet("key", "rewrap")
			took := time.Since(began)
			killed := func(by *installation, args ...string) {
				began, moment := time.Now(), took/2+mathrand.N(took)
				by.killWhen(func() bool { return time.Since(began) > moment }, append([]string{"key", "rewrap"}, args...)...)
			}
			for range 4 {
				killed(i, "--new-key-file", file)
				if count(i) == 1 {
					if says := next.refused("role", "list"); !strings.Contains(says, "not the one that the database was made with") {
						t.Errorf("the key that was not added: %q", says)
					}
					i.signet("key", "rewrap", "--new-key-file", file)
				} else if says := i.refused("key", "rewrap", "--new-key-file", file); !strings.Contains(says, "opens the database: ") {
					t.Errorf("the key that was added: %q", says)
				}
				next.signet("role", "list")

				killed(i, "--finish")
				if count(i) == 2 {
					next.signet("role", "list")
					i.signet("key", "rewrap", "--finish")
				} else if says := i.refused("key", "rewrap", "--finish"); !strings.Contains(says, "retired already") {
					t.Errorf("the key that was retired: %q", says)
				}
				if n := count(i); n != 1 {
					t.Fatalf("%d master keys, want 1", n)
				}
			}
		})
	}
}
