package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	docs "github.com/signet-auth/signet/test/reference"
)

func TestTheReferenceOfCommandsIsCurrent(t *testing.T) {
	a := &app{settings: map[string]string{}}
	root := a.rootCommand()
	var contents, b strings.Builder
	fmt.Fprintf(&b, "\n## signet\n\n%s\n", paragraphs(root.Long))
	fmt.Fprintf(&b, "\nFlags of every command:\n\n%s", flagList(root.PersistentFlags()))
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range available(cmd) {
			if cmd == root {
				fmt.Fprintf(&contents, "- [%s](#%s): %s\n", sub.CommandPath(), strings.ReplaceAll(sub.CommandPath(), " ", "-"), sub.Short)
			}
			describe(&b, sub)
			walk(sub)
		}
	}
	walk(root)
	docs.Check(t, "cli.md", "commands", contents.String()+b.String())
}

// describe writes the section of a command.
func describe(b *strings.Builder, cmd *cobra.Command) {
	level := "##"
	if cmd.HasParent() && cmd.Parent().HasParent() {
		level = "###"
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s.\n", level, cmd.CommandPath(), cmd.Short)
	if cmd.HasAvailableSubCommands() {
		return
	}
	if cmd.Long != "" {
		fmt.Fprintf(b, "\n%s\n", paragraphs(cmd.Long))
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n", cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n```sh not-run\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
	if flags := flagList(cmd.NonInheritedFlags()); flags != "" {
		fmt.Fprintf(b, "\n%s", flags)
	}
}

func flagList(flags *pflag.FlagSet) string {
	var b strings.Builder
	for _, f := range shownFlags(flags) {
		fmt.Fprintf(&b, "- `%s`: %s\n", f.name, escaped(f.usage))
	}
	return b.String()
}

// paragraphs keeps the layout of a long text that has one, and is Markdown.
func paragraphs(text string) string {
	parts := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, part := range parts {
		if hasLayout(part) {
			parts[i] = "```\n" + part + "\n```"
		} else {
			parts[i] = escaped(part)
		}
	}
	return strings.Join(parts, "\n\n")
}

// escaped keeps what people read as HTML or emphasis.
func escaped(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}
