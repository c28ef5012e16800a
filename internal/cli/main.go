// Package cli is the command line: one file for each kind of object, each command a few lines over the services.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/apply"
)

// The exit codes of the program.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2

	exitDifferences = 2 // of apply --dry-run
)

// app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	configFile string            // --config
	server     string            // --server
	context    string            // --context
	output     format            // --output
	settings   map[string]string // set by flags, by setting
	started    bool              // the command line was understood and a command runs
}

// Main runs the program and returns its exit code: 0 done, 1 failed, 2 usage.
// args are without the program's name. Errors go to stderr, in one line.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (exitCode int) {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, settings: map[string]string{}}
	root := a.rootCommand()
	refuseEmpty(root)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) { // a shell asks; a server keeps its commands in memory
		a.completeNames(root)
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	var problems apply.Problems
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errDifferences):
		return exitDifferences
	case errors.Is(err, errProblems):
		return exitFailed
	case a.started && errors.As(err, &problems):
		a.printProblems(problems)
		return exitFailed
	case a.started && !errors.As(err, new(usageError)):
		a.printError(err.Error())
		return exitFailed
	default:
		if asksForJSON(args) {
			a.output = formatJSON
		}
		a.printError(fmt.Sprintf("%v (see %s --help)", err, command.CommandPath()))
		return exitUsage
	}
}

// usageError is a mistake on the command line that shows only when the command runs.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// printError writes an error in one line.
func (a *app) printError(message string) {
	lines := strings.FieldsFunc(message, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	message = visible(strings.Join(lines, " ")) // what a server says must not steer the terminal
	if a.output == formatJSON {
		_ = json.NewEncoder(a.stderr).Encode(map[string]string{"error": message})
		return
	}
	fmt.Fprintln(a.stderr, "signet:", message)
}

// note writes a hint for people to stderr; not to programs.
func (a *app) note(format string, args ...any) {
	if a.output == formatText {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// warn writes warnings for people to stderr; the JSON has them itself.
func (a *app) warn(warnings []string) {
	for _, warning := range warnings {
		a.note("%s", warning)
	}
}

// asksForJSON looks for "-o json" in arguments that could not be parsed.
func asksForJSON(args []string) bool {
	for i, arg := range args {
		if slices.Contains([]string{"-ojson", "-o=json", "--output=json"}, arg) {
			return true
		}
		if i > 0 && arg == "json" && slices.Contains([]string{"-o", "--output"}, args[i-1]) {
			return true
		}
	}
	return false
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "signet",
		Short: "A centralized OAuth 2.0 and OpenID Connect authorization server",
		Long: `Signet keeps users, roles, clients and an index of every token it issues in one database.
"signet serve" runs the server. The other commands manage the same database,
beside running servers: every change applies to their next token or answer.
With --server, or after "signet login", they manage a server over its admin API instead.

Settings come from flags, then SIGNET_* variables, then the file of --config, then defaults.
Exit codes: 0 done, 1 failed, 2 usage.`,
		Example: `  signet serve
  signet api create https://orders.example --permission orders:read
  signet role create clerk --grant https://orders.example#orders:read
  signet client create reporting --grant client_credentials --api https://orders.example
  signet assign clerk --client reporting`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	a.globalFlags(root.PersistentFlags())
	root.AddCommand(
		a.serveCommand(),
		a.apiCommand(), a.clientCommand(), a.invitationCommand(), a.roleCommand(), a.groupCommand(), a.userCommand(), a.sessionCommand(), a.consentCommand(), a.grantCommand(), a.revocationCommand(), a.credentialCommand(), a.attributeCommand(),
		a.assignCommand(), a.unassignCommand(), a.assignmentCommand(),
		a.tokenCommand(), a.keyCommand(), a.receiverCommand(), a.auditCommand(),
		a.statsCommand(), a.replicasCommand(), a.attentionCommand(),
		a.policyCommand(), a.resourceCommand(), a.decideCommand(),
		a.applyCommand(), a.exportCommand(),
		a.loginCommand(), a.logoutCommand(), a.contextCommand(),
		a.migrateCommand(), a.backupCommand(), a.restoreCommand(), a.configCommand(), a.doctorCommand(), a.versionCommand(),
	)
	return root
}

// noun makes the command that groups the commands for one kind of object. Its examples are the first of each.
func noun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:                   name,
		Short:                 short,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			var near string
			if names := cmd.SuggestionsFor(args[0]); len(names) > 0 {
				near = fmt.Sprintf(", did you mean %q?", names[0])
			}
			return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), near)
		},
		SuggestionsMinimumDistance: 2,
	}
	for _, verb := range verbs {
		cmd.Example += firstExample(verb.Example) + "\n"
	}
	cmd.Example = strings.TrimSuffix(cmd.Example, "\n")
	cmd.AddCommand(verbs...)
	return cmd
}

func firstExample(examples string) (first string) {
	for line := range strings.Lines(examples) {
		if first += line; !strings.HasSuffix(line, "\\\n") {
			break
		}
	}
	return strings.TrimSuffix(first, "\n")
}
