package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// step is a command of the scenario.
type step struct {
	command, args string
	stdin         string
	keep          string // the field of the answer, or of its first element, that replaces KEPT in later steps
	fails         bool
}

// fields are its arguments.
func (s step) fields(t *testing.T, kept string) []string {
	return strings.Fields(strings.NewReplacer("KEPT", kept, "TEMP", t.TempDir()).Replace(s.args))
}

// scenario has every command that answers, in an order in which each one succeeds.
var scenario = []step{
	{command: "version"},
	{command: "config check"},
	{command: "migrate up"},
	{command: "migrate status"},
	{command: "api create", args: "https://orders.example --permission orders:read"},
	{command: "api list"},
	{command: "api show", args: "https://orders.example"},
	{command: "api update", args: "https://orders.example --name Orders"},
	{command: "role create", args: "clerk --grant https://orders.example#orders:read"},
	{command: "role list"},
	{command: "role show", args: "clerk"},
	{command: "role update", args: "clerk --description Clerks"},
	{command: "user create", args: "alice"},
	{command: "user list"},
	{command: "user show", args: "alice"},
	{command: "user update", args: "alice --name Alice"},
	{command: "attribute create", args: "department"},
	{command: "attribute list"},
	{command: "attribute show", args: "department"},
	{command: "attribute update", args: "department --description Department"},
	{command: "attribute delete", args: "department"},
	{command: "user set-password", args: "alice --password-stdin", stdin: "correct horse battery staple"},
	{command: "user link", args: "alice"},
	{command: "session list", args: "--search al"},
	{command: "session end", args: "--user alice"},
	{command: "session show", args: "0f3c", fails: true},
	{command: "consent list", args: "alice --search sh"},
	{command: "consent withdraw", args: "alice orders", fails: true},
	{command: "grant list", args: "alice --search sh"},
	{command: "credential list", args: "alice", keep: "id"},
	{command: "credential remove", args: "alice KEPT"},
	{command: "user disable", args: "alice"},
	{command: "user enable", args: "alice"},
	{command: "group create", args: "ops"},
	{command: "group list"},
	{command: "group update", args: "ops --description Operations"},
	{command: "group add", args: "ops alice"},
	{command: "group show", args: "ops"},
	{command: "group remove", args: "ops alice"},
	{command: "client create", args: "orders --serves https://orders.example"},
	{command: "client list"},
	{command: "client show", args: "orders"},
	{command: "client update", args: "orders --name Orders"},
	{command: "client disable", args: "orders"},
	{command: "client enable", args: "orders"},
	{command: "client secret add", args: "orders", keep: "id"},
	{command: "client secret list", args: "orders"},
	{command: "client secret remove", args: "orders KEPT"},
	{command: "client trust add", args: "orders --issuer https://ci.example --subject repo:octo-org/shop:ref", keep: "id"},
	{command: "client trust list", args: "orders"},
	{command: "client trust remove", args: "orders KEPT"},
	{command: "invitation create", args: "--note Editors", keep: "id"},
	{command: "invitation list"},
	{command: "invitation delete", args: "KEPT"},
	{command: "assign", args: "clerk --user alice"},
	{command: "assignment list", args: "--search al"},
	{command: "user access", args: "alice"},
	{command: "group access", args: "ops"},
	{command: "client access", args: "orders"},
	{command: "unassign", args: "clerk --user alice"},
	{command: "policy set", args: "https://orders.example -f -", stdin: "rules:\n- {name: open, effect: allow, actions: [read], resources: [order]}\n"},
	{command: "policy show", args: "https://orders.example"},
	{command: "policy versions", args: "https://orders.example"},
	{command: "policy test", args: "- --api https://orders.example", stdin: "- {subject: {id: a}, action: read, resource: order, expect: allow}\n"},
	{command: "decide", args: "--client orders --api https://orders.example --action read --resource order:1 --explain"},
	{command: "resource set", args: `https://orders.example order:1:a --properties {"owner":"alice"}`},
	{command: "resource list", args: "https://orders.example --type order --search order:"},
	{command: "resource show", args: "https://orders.example order:1:a"},
	{command: "resource delete", args: "https://orders.example order:1:a"},
	{command: "policy rollback", args: "https://orders.example 1"},
	{command: "policy delete", args: "https://orders.example"},
	{command: "receiver create", args: "orders --poll"},
	{command: "receiver list"},
	{command: "receiver show", args: "orders"},
	{command: "receiver update", args: "orders --push https://orders.example/events --event session-revoked"},
	{command: "receiver rotate-bearer", args: "orders"},
	{command: "receiver verify", args: "orders --state hello"},
	{command: "receiver pause", args: "orders"},
	{command: "receiver resume", args: "orders"},
	{command: "receiver delete", args: "orders"},
	{command: "apply", args: "-f -", stdin: "kind: group\nname: sales\n"},
	{command: "export"},
	{command: "token count"},
	{command: "client create", args: "robot --grant client_credentials --api https://orders.example"},
	{command: "token preview", args: "--client robot"},
	{command: "token list", args: "--search A"},
	{command: "token inspect", stdin: "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhZG1pbiJ9."},
	{command: "token revoke", args: "--user alice"},
	{command: "token revoke", args: "--client robot --api urn:signet:admin --issued-since 2026-11-01 --role administrator"},
	{command: "revocation list", args: "--search zz"},
	{command: "revocation list", keep: "id"},
	{command: "revocation show", args: "KEPT"},
	{command: "token suspend", args: "AAAAAAAAAAAAAAAAAAAAAQ", fails: true}, // no server issued any
	{command: "token resume", args: "AAAAAAAAAAAAAAAAAAAAAQ", fails: true},
	{command: "token purge"},
	{command: "key rotate", args: "--alg ES256"},
	{command: "key list", args: "--search ----"},
	{command: "key list", keep: "kid"},
	{command: "key show", args: "-- KEPT"},
	{command: "key drill", args: "-- KEPT"},
	{command: "key revoke", args: "-- KEPT"},
	{command: "key rewrap", args: "--new-key-file -", stdin: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
	{command: "key rewrap", args: "--finish"},
	{command: "stats"},
	{command: "replicas"},
	{command: "attention"},
	{command: "doctor", args: "--offline"},
	{command: "audit list", args: "--search al"},
	{command: "audit show", args: "1"},
	{command: "audit verify"},
	{command: "audit checkpoint"},
	{command: "audit erase", args: "--user nobody"},
	{command: "backup", args: "TEMP/backup.db"},
	{command: "restore", args: "--accept"},
	{command: "group delete", args: "ops"},
	{command: "client delete", args: "orders"},
	{command: "user delete", args: "alice"},
	{command: "role delete", args: "clerk"},
	{command: "api delete", args: "https://orders.example"},
}

func TestEveryCommandAnswersInJSON(t *testing.T) {
	dir, kept := t.TempDir(), ""
	tested := map[string]bool{ // serve answers nothing, export with lines, the others are for a server
		"signet serve": true, "signet audit export": true, "signet login": true, "signet logout": true,
		"signet context list": true, "signet context use": true, "signet context show": true, "signet context delete": true,
	}
	for _, step := range scenario {
		tested["signet "+step.command] = true
		args := append(strings.Fields(step.command), "--data-dir", dir, "-o", "json")
		args = append(args, step.fields(t, kept)...)
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), args, strings.NewReader(step.stdin), &stdout, &stderr)
		answer, silent, want := &stdout, &stderr, exitDone
		if step.fails {
			answer, silent, want = &stderr, &stdout, exitFailed
		}
		if readsOnly(step.command) && !step.fails {
			answersInOtherFormats(t, args, step.stdin)
		}
		var value any
		if err := json.Unmarshal(answer.Bytes(), &value); err != nil || code != want || silent.Len() > 0 {
			t.Fatalf("%s: exit code %d, %v\n%s%s", step.command, code, err, &stdout, &stderr)
		}
		if list, ok := value.([]any); ok && len(list) > 0 {
			value = list[0]
		}
		if object, ok := value.(map[string]any); ok && step.keep != "" {
			kept = fmt.Sprint(object[step.keep])
		}
	}
	eachCommand(func(cmd *cobra.Command) {
		if cmd.RunE != nil && !cmd.HasSubCommands() && !tested[cmd.CommandPath()] {
			t.Errorf("%s is in no step", cmd.CommandPath())
		}
	})
}

// readsOnly reports whether a command can be run again.
func readsOnly(command string) bool {
	verb := command[strings.LastIndex(command, " ")+1:]
	return slices.Contains([]string{"version", "check", "status", "list", "show", "access", "count", "preview", "inspect", "export", "stats", "replicas", "attention"}, verb)
}

// answersInOtherFormats runs a command that answers in JSON in the other formats.
func answersInOtherFormats(t *testing.T, args []string, stdin string) {
	t.Helper()
	for _, format := range []string{"yaml", "name", "text"} {
		var stdout, stderr bytes.Buffer
		args := slices.Clone(args)
		args[slices.Index(args, "-o")+1] = format
		code := Main(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
		hasNoName := format == "name" && strings.Contains(stderr.String(), "has no name: use -o json")
		if code != exitDone || stderr.Len() > 0 && !hasNoName {
			t.Errorf("%v: exit code %d: %s", args, code, &stderr)
		}
		var value any
		if err := yaml.Unmarshal(stdout.Bytes(), &value); format == "yaml" && (err != nil || value == nil) {
			t.Errorf("%v: %v in %s", args, err, &stdout)
		}
	}
}

func TestEveryCommandHasExamplesThatItParses(t *testing.T) {
	eachCommand(func(cmd *cobra.Command) {
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if cmd.Short == "" {
			t.Errorf("%s has no summary", cmd.CommandPath())
		}
		for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", "")) {
			if err := parses(line); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	})
}

// parses reads an example's arguments and flags as the command would before it runs.
func parses(example string) error {
	_, example, _ = strings.Cut(example, "signet ")
	example, _, _ = strings.Cut(example, " < ")
	example = regexp.MustCompile(`"[^"]*"|\$\(.*\)`).ReplaceAllString(example, "quoted")
	root := (&app{settings: map[string]string{}}).rootCommand()
	cmd, args, err := root.Find(strings.Fields(example))
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	return errors.Join(cmd.ValidateArgs(cmd.Flags().Args()), cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups())
}

func TestAMistakeOnTheCommandLineExitsWith2(t *testing.T) {
	eachCommand(func(cmd *cobra.Command) {
		var stdout, stderr bytes.Buffer
		args := append(strings.Fields(cmd.CommandPath())[1:], "--no-such-flag")
		if code := Main(t.Context(), args, nil, &stdout, &stderr); code != exitUsage || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d\n%s%s", args, code, &stdout, &stderr)
		}
	})
}

func TestNothingEmptyStandsForWhatWasLeftOut(t *testing.T) {
	dir := t.TempDir()
	refuses := func(cmd *cobra.Command, more ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args := append(strings.Fields(cmd.CommandPath())[1:], more...)
		if code := Main(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != exitUsage || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d\n%s%s", args, code, &stdout, &stderr)
		}
	}
	eachCommand(func(cmd *cobra.Command) {
		if !cmd.Runnable() {
			return // it shows its help
		}
		refuses(cmd, "--data-dir", dir, "")
		refuses(cmd, "--data-dir", dir, "x", "")
		if cmd.Flags().Lookup("grant") != nil && cmd.Name() == "revoke" {
			refuses(cmd, "--data-dir", dir, "--user", "alice", "--grant", "0")
		}
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if !slices.Contains(mayBeEmpty, flag.Name) {
				refuses(cmd, "--data-dir", dir, "x", "--"+flag.Name+"=")
			}
		})
	})
}

// eachCommand calls visit for the root command and all below it.
func eachCommand(visit func(cmd *cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		visit(cmd)
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk((&app{settings: map[string]string{}}).rootCommand())
}

func TestNoFlagOfACommandHidesOneOfAll(t *testing.T) {
	eachCommand(func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if all := cmd.Root().PersistentFlags().Lookup(flag.Name); all != nil && all != flag {
				t.Errorf("%s --%s is another flag than that of all commands", cmd.CommandPath(), flag.Name)
			}
		})
	})
}
