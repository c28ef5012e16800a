package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/config"
)

// configView shows settings without secrets.
type configView struct{ config.Config }

func (v configView) text(w io.Writer) {
	for _, s := range v.Settings() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Key, orDash(cell(s.Value)), s.From, s.Env)
	}
}

func (a *app) configCommand() *cobra.Command {
	return noun("config", "Check the settings", &cobra.Command{
		Use:   "check",
		Short: "Check the settings and print what they come to, without secrets",
		Long: `Reads the settings as every command does: flags, SIGNET_* variables, the file of --config, defaults.
Prints each with where it comes from and the variable that sets it, or what is wrong.`,
		Example: "  signet config check --config signet.yaml",
		Args:    cobra.NoArgs,
		RunE: a.run(func(context.Context, []string) (view, error) {
			cfg, err := a.config()
			return view{cfg, configView{cfg}.text}, err
		}),
	})
}
