package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/apply"
)

// errDifferences ends a dry run that found some, with exitDifferences.
var errDifferences = errors.New("there are differences")

const maxSecretFile = 4096 // bytes

func (a *app) applyCommand() *cobra.Command {
	var from string
	var r admin.ApplyRequest
	var schema bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR",
		Short: admin.OperationOf("file.apply").Summary,
		Long: `Makes APIs, clients, roles, groups, attributes, assignments and receivers what files say, all or none, and prints what that
changes. A file is YAML or JSON, of any number of documents; of a folder all files *.yaml, *.yml and *.json are read.

Each object remembers the set of files that it comes from. --prune deletes those of the set that are in no file any more,
and nothing else. With --dry-run nothing is changed, and the exit code is 0 without differences, 2 with some, 1 on failure.

Secrets come from the environment or from files that the files name, never from the files themselves.`,
		Example: `  signet apply -f config/sample.yaml --dry-run
  signet apply -f config --set shop --prune
  signet apply --schema`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVarP(&from, "file", "f", "", "apply a `FILE`, a folder of files, or stdin (-)")
	flags.StringVar(&r.Set, "set", apply.DefaultSet, "the `NAME` of the set that the files make up")
	flags.BoolVar(&r.Prune, "prune", false, "delete objects of the set that are in no file")
	flags.BoolVar(&r.TakeOver, "take-over", false, "let objects that belong to another set belong to this one, or go with what --prune deletes, and let roles and clients that are in no file of the set lose permissions and APIs that go")
	flags.BoolVar(&r.DryRun, "dry-run", false, "change nothing, and exit with 2 if there are differences")
	flags.BoolVar(&schema, "schema", false, "print the JSON Schema of the files, for editors")
	cmd.MarkFlagsOneRequired("file", "schema")
	cmd.MarkFlagsMutuallyExclusive("file", "schema")
	var applied admin.Applied
	managed := a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (_ view, err error) {
		files := make([]members, len(r.Files))
		for i, f := range r.Files {
			files[i] = members{"name": f.Name, "text": f.Text}
		}
		applied, err = call[admin.Applied](ctx, c, "file.apply", members{
			"files": files, "secrets": r.Secrets, "set": r.Set, "prune": r.Prune, "take_over": r.TakeOver, "dry_run": r.DryRun,
		})
		return view{applied, func(w io.Writer) { printPlan(w, applied) }}, err
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		a.started = true
		if schema {
			_, err := a.stdout.Write(apply.Schema())
			return err
		}
		if r.Files, err = a.readFiles(from); err != nil {
			return err
		}
		if r.Secrets, err = readSecrets(r.Files); err != nil {
			return err
		}
		if err := managed(cmd, args); err != nil {
			return err
		}
		if r.DryRun && len(applied.Changes) > 0 {
			return errDifferences
		}
		return nil
	}
	return cmd
}

func (a *app) exportCommand() *cobra.Command {
	var set string
	cmd := &cobra.Command{
		Use:   "export",
		Short: admin.OperationOf("file.export").Summary,
		Long: `Writes to stdout what signet apply reads: all there is, or all of one set, without secrets. Of each object it has what differs from
the default. What is built in, users, and clients that registered themselves are left out.`,
		Example: "  signet export\n  signet export --set shop",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&set, "set", "", "write what belongs to the set of this `NAME` (default all)")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		file, err := c.Stream(ctx, adminclient.Request{Operation: "file.export", Query: url.Values{"set": {set}}})
		if err != nil {
			return view{}, err
		}
		defer func() { _ = file.Close() }()
		if a.output == formatText || a.output == formatYAML {
			_, err = io.Copy(a.out(), file)
			return view{}, err
		}
		text, err := io.ReadAll(io.LimitReader(file, maxExport+1))
		if err == nil && len(text) > maxExport {
			err = errors.New("it is longer than 64 MB: leave out -o")
		}
		return view{members{"text": string(text)}, func(io.Writer) {}}, err
	})
	return cmd
}

const maxExport = 64 << 20 // bytes of an export that is a text in JSON

// readFiles reads a file, the files of a folder and of those in it, or stdin.
func (a *app) readFiles(path string) ([]apply.File, error) {
	if path == "-" {
		text, err := io.ReadAll(io.LimitReader(a.stdin, apply.MaxText+1))
		if err != nil {
			return nil, fmt.Errorf("read stdin: %w", err)
		}
		return []apply.File{{Name: "stdin", Text: string(text)}}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the files: %w", err)
	}
	names := []string{path}
	if info.IsDir() {
		if names, err = filesIn(path); err != nil {
			return nil, err
		}
	}
	files := make([]apply.File, len(names))
	for i, name := range names {
		text, err := readFile("file", name, apply.MaxText)
		if err != nil {
			return nil, err
		}
		files[i] = apply.File{Name: name, Text: text}
	}
	return files, nil
}

// filesIn are the files of a folder that are applied, in the order of their names. Hidden ones are not, so that a file is taken once
// where a folder holds versions of itself, as volumes of Kubernetes do. Links to files are followed, links to folders are not.
func filesIn(folder string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && path != folder
		switch {
		case err != nil:
			return err
		case hidden && entry.IsDir():
			return fs.SkipDir
		case hidden || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			names = append(names, path)
		}
		if len(names) > apply.MaxFiles {
			return fmt.Errorf("there are more than %d files in %s", apply.MaxFiles, folder)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("there is no file *.yaml, *.yml or *.json in %s", folder)
	}
	if err != nil {
		return nil, fmt.Errorf("read the files: %w", err)
	}
	return names, nil
}

// readSecrets reads the secrets that files name. What is wrong with the files themselves is left to Apply.
func readSecrets(files []apply.File) (map[string]string, error) {
	documents, err := apply.Parse(files)
	if err != nil {
		return nil, err
	}
	secrets := map[string]string{}
	var problems apply.Problems
	named, places := apply.SecretsOf(documents)
	for i, secret := range named {
		value, source := os.Getenv(secret.Env), "the environment variable "+secret.Env
		if secret.File != "" {
			text, err := readFile("secret", secret.File, maxSecretFile)
			if err != nil {
				problems = append(problems, apply.Problem{Place: places[i], Text: err.Error()})
				continue
			}
			value, source = strings.TrimRight(text, "\r\n"), "the file "+secret.File
		}
		if value == "" {
			problems = append(problems, apply.Problem{Place: places[i], Text: source + " has no secret"})
		}
		secrets[secret.Key()] = value
	}
	return secrets, problems.Err()
}

var actionSigns = map[string]string{"create": "+", "update": "~", "adopt": "=", "delete": "-"}

// printPlan shows what is changed as a diff.
func printPlan(w io.Writer, applied admin.Applied) {
	count := map[string]int{}
	for _, c := range applied.Changes {
		count[c.Action]++
		fmt.Fprintf(w, "%s %s %s", actionSigns[c.Action], c.Kind, visible(c.Name))
		if c.Place != "" {
			fmt.Fprintf(w, "  (%s)", c.Place)
		}
		fmt.Fprintln(w)
		if c.Note != "" {
			fmt.Fprintf(w, "    # %s\n", visible(c.Note))
		}
		for _, d := range c.Differences {
			printDifference(w, d)
		}
	}
	for _, note := range applied.Notes {
		fmt.Fprintf(w, "# %s\n", visible(note))
	}
	if applied.Left > 0 {
		fmt.Fprintf(w, "# %d of the set %s are in no file; --prune deletes them\n", applied.Left, applied.Set)
	}
	done, would := "created", ""
	if applied.DryRun {
		done, would = "to create", "to "
	}
	past := func(verb, participle string) string {
		if would != "" {
			return would + verb
		}
		return participle
	}
	fmt.Fprintf(w, "%d %s, %d %s, %d %s, %d %s, %d unchanged\n", count["create"], done, count["update"], past("change", "changed"),
		count["adopt"], past("adopt", "adopted"), count["delete"], past("delete", "deleted"), applied.Unchanged)
}

func printDifference(w io.Writer, d admin.FileDifference) {
	if len(d.Removed)+len(d.Added) == 0 {
		switch {
		case d.Before == "":
			fmt.Fprintf(w, "    %s: %s\n", d.Member, visible(d.After))
		case d.After == "":
			fmt.Fprintf(w, "    %s: %s → (none)\n", d.Member, visible(d.Before))
		default:
			fmt.Fprintf(w, "    %s: %s → %s\n", d.Member, visible(d.Before), visible(d.After))
		}
		return
	}
	fmt.Fprintf(w, "    %s:\n", d.Member)
	for _, element := range d.Removed {
		fmt.Fprintf(w, "      - %s\n", visible(element))
	}
	for _, element := range d.Added {
		fmt.Fprintf(w, "      + %s\n", visible(element))
	}
}

// printProblems writes each problem of files in a line of its own.
func (a *app) printProblems(problems apply.Problems) {
	if a.output == formatJSON {
		list := make([]string, len(problems))
		for i, p := range problems {
			list[i] = p.Error()
		}
		_ = json.NewEncoder(a.stderr).Encode(map[string]any{"error": "the files cannot be applied", "problems": list})
		return
	}
	for _, p := range problems {
		fmt.Fprintln(a.stderr, "signet:", visible(p.Error()))
	}
}
