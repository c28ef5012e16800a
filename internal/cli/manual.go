package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Manual are the manual pages of a version, which is of a time, by the names of their files: signet.1, and a page for each of its commands
// with those below it, which `man signet client` finds as signet-client.1.
func Manual(version string, at time.Time) map[string]string {
	root := (&app{settings: map[string]string{}}).rootCommand()
	pages := map[string]string{}
	add := func(cmd *cobra.Command, write func(r *roff, cmd *cobra.Command)) {
		name := pageOf(cmd)
		r := &roff{}
		r.macro("TH", strings.ToUpper(name), "1", at.UTC().Format(time.DateOnly), "Signet "+version, "Signet")
		r.WriteString(".ad l\n.nh\n") // neither commands nor addresses are divided
		r.macro("SH", "NAME")
		r.prose(name + " - " + cmd.Short)
		write(r, cmd)
		pages[name+".1"] = r.String()
	}
	add(root, writeRoot)
	for _, cmd := range available(root) {
		add(cmd, writeCommand)
	}
	return pages
}

func pageOf(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// available are the commands below one.
func available(cmd *cobra.Command) (below []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			below = append(below, sub)
		}
	}
	return below
}

func writeRoot(r *roff, root *cobra.Command) {
	r.macro("SH", "SYNOPSIS")
	r.prose("signet COMMAND [ARGUMENT...] [flags]")
	r.macro("SH", "DESCRIPTION")
	r.paragraphs(root.Long)
	r.macro("SH", "COMMANDS")
	r.paragraphs("Each has a page of its own: man signet client.")
	for _, cmd := range available(root) {
		r.item(cmd.CommandPath(), cmd.Short+".")
	}
	r.flags("OPTIONS OF EVERY COMMAND", root.PersistentFlags())
	r.examples("EXAMPLES", root.Example)
	r.macro("SH", "ENVIRONMENT")
	r.paragraphs("Each setting has a variable, which signet config check names. Beside these:")
	r.item("SIGNET_CONFIG", "The file of --config.")
	r.item("SIGNET_SERVER, SIGNET_TOKEN", "The server of --server, and an access token for it, for programs.")
	r.macro("SH", "FILES")
	r.item("/etc/signet/signet.yaml", "The settings of the service that Debian's package installs. Commands take them by --config.")
	r.item("~/.config/signet/contexts.json", "The servers that signet login signed in at, and the tokens for them.")
	r.macro("SH", "SEE ALSO")
	r.paragraphs("The documentation, which begins with docs/index.md: Debian's package has it in /usr/share/doc/signet.")
}

func writeCommand(r *roff, cmd *cobra.Command) {
	r.macro("SH", "SYNOPSIS")
	leaves := leavesOf(cmd)
	for i, leaf := range leaves {
		if i > 0 {
			r.macro("br")
		}
		r.prose(leaf.UseLine())
	}
	r.macro("SH", "DESCRIPTION")
	r.paragraphs(cmd.Short + ".")
	r.paragraphs(cmd.Long)
	if cmd.HasAvailableSubCommands() {
		r.macro("SH", "COMMANDS")
		for _, leaf := range leaves {
			r.macro("SS", leaf.UseLine())
			r.paragraphs(leaf.Short + ".")
			r.paragraphs(leaf.Long)
			r.flags("", leaf.NonInheritedFlags())
			r.examples("", leaf.Example)
		}
	} else {
		r.flags("OPTIONS", cmd.NonInheritedFlags())
		r.examples("EXAMPLES", cmd.Example)
	}
	r.macro("SH", "SEE ALSO")
	r.paragraphs("signet(1), which has the options of every command.")
}

// leavesOf are the commands at and below one that do something.
func leavesOf(cmd *cobra.Command) (leaves []*cobra.Command) {
	below := available(cmd)
	if len(below) == 0 {
		return []*cobra.Command{cmd}
	}
	for _, sub := range below {
		leaves = append(leaves, leavesOf(sub)...)
	}
	return leaves
}

// flag is how help shows one.
type flag struct{ name, usage string }

// shownFlags are those that are not hidden.
func shownFlags(flags *pflag.FlagSet) (shown []flag) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		placeholder, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if placeholder != "" {
			name += " " + placeholder
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "0s" {
			usage += " (default " + f.DefValue + ")"
		}
		shown = append(shown, flag{name, usage})
	})
	return shown
}

// hasLayout says whether a paragraph of help is laid out in lines.
func hasLayout(paragraph string) bool {
	return strings.HasPrefix(paragraph, "  ") || strings.Contains(paragraph, "\n  ")
}

// roff is the text of a manual page: man(7).
type roff struct{ strings.Builder }

// plain are the characters of commands, which roff would take for those of typesetting.
var plain = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`)

func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, arg := range args {
		fmt.Fprintf(r, ` "%s"`, plain.Replace(arg))
	}
	r.WriteString("\n")
}

func (r *roff) prose(text string) {
	for line := range strings.Lines(plain.Replace(text)) {
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		r.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
}

func (r *roff) verbatim(text string) {
	r.macro("PP")
	r.macro("EX")
	r.prose(text)
	r.macro("EE")
}

func (r *roff) paragraphs(text string) {
	if text == "" {
		return
	}
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if hasLayout(paragraph) {
			r.verbatim(paragraph)
			continue
		}
		r.macro("PP")
		r.prose(paragraph)
	}
}

func (r *roff) item(name, text string) {
	r.macro("TP")
	r.macro("B", name)
	r.prose(text)
}

func (r *roff) flags(heading string, flags *pflag.FlagSet) {
	shown := shownFlags(flags)
	if heading != "" && len(shown) > 0 {
		r.macro("SH", heading)
	}
	for _, f := range shown {
		r.item(f.name, f.usage)
	}
}

func (r *roff) examples(heading, text string) {
	if text == "" {
		return
	}
	if heading != "" {
		r.macro("SH", heading)
	}
	r.verbatim(strings.TrimRight(text, "\n"))
}
