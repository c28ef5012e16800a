package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/doctor"
)

// errProblems ends a doctor that found some, with exitFailed and no more words.
var errProblems = errors.New("there are problems")

// findings are what the doctor found.
type findings []doctor.Finding

func (f findings) text(w io.Writer) {
	for _, finding := range f {
		fmt.Fprintf(w, "%s\t%s\t%s\n", finding.State, finding.Check, cell(finding.About))
		if finding.Advice != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", finding.Advice)
		}
	}
}

func (a *app) doctorCommand() *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check this installation, and say what to do",
		Long: `Checks, where a server runs and with its settings, what an operator would: files and who may read them, the disk, the clocks, the settings of
the database, certificates, whether the issuer is reached by its URL and is this installation, whether proxies hand on who is asking, signing
keys, and what wants attention. It changes nothing.

Through the issuer's URL it sends requests with a forged address, to see what the server makes of it; a server answers these to nobody who
does not have the master key.

The exit code is 1 if there is a problem; warnings alone are 0.`,
		Example: `  signet doctor
  signet doctor --config /etc/signet/signet.yaml -o json
  signet doctor --offline`,
		Args: cobra.NoArgs,
		RunE: a.here(func(ctx context.Context, cfg config.Config) error {
			found := findings(doctor.Examine(ctx, cfg, doctor.Options{Offline: offline, Now: time.Now}))
			if err := a.print(answer(found)); err != nil {
				return err
			}
			if doctor.Worst(found) == doctor.Problem {
				return errProblems
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "ask nothing of the issuer over the network")
	return cmd
}
