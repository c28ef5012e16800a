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

// programVersion is the version alone.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(version, info.Main.Version)
	}
	return version
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  signet version -o json",
		Args:    cobra.NoArgs,
		RunE: a.run(func(context.Context, []string) (view, error) {
			v := versionView{Version: programVersion(), Go: runtime.Version()}
			if info, ok := debug.ReadBuildInfo(); ok {
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
