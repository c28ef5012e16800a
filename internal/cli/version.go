package cli

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker; without it the module's version counts.
var version string

type versionView struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source
	Go       string `json:"go"`
}

func (v versionView) text(w io.Writer) {
	details(w, "signet", v.Version, "revision", v.Revision, "go", v.Go)
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  signet version -o json",
		Args:    cobra.NoArgs,
		RunE: a.run(func(context.Context, []string) (view, error) {
			v := versionView{Version: version, Go: runtime.Version()}
			if info, ok := debug.ReadBuildInfo(); ok {
				v.Version = cmp.Or(v.Version, info.Main.Version)
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						v.Revision = s.Value
					}
				}
			}
			return answer(v), nil
		}),
	}
}
