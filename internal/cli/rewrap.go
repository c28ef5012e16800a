package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/server"
)

// masterKeyView is a master key, which is never shown itself.
type masterKeyView struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Current   bool      `json:"current"` // this command was given it
}

var masterKeys = layout[masterKeyView]{
	[]string{"MASTER KEY", "SINCE", "GIVEN HERE"},
	func(v masterKeyView) []any { return []any{v.ID, v.CreatedAt, v.Current} },
}

const maxMasterKeyFile = 1024 // bytes

func (a *app) keyRewrap() *cobra.Command {
	var file string
	var finish bool
	cmd := &cobra.Command{
		Use:   "rewrap",
		Short: "Change the master key without a pause",
		Long: `Everything that is stored sealed hangs on a secret of the installation, which is in the database, sealed with the master key.
To change that, add the new key: from then on both open the database. Give the new key to every server and command, one after
the other, then let --finish retire the old one. Running servers are not disturbed, tokens and sessions stay as they are, and it
may be interrupted anywhere. Without a flag it shows which keys open the database; keys themselves are never shown.`,
		Example: `  signet key rewrap --new-key-file new.key
  signet key rewrap --new-key-file - < new.key
  signet key rewrap --finish
  signet key rewrap`,
		Args: cobra.NoArgs,
		RunE: a.withServices(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			caller, err := authn.OperatingSystemUser()
			if err != nil {
				return view{}, err
			}
			ctx = event.WithActor(ctx, caller.Actor())
			switch {
			case file != "":
				err = a.addMasterKey(ctx, s, file)
			case finish:
				err = s.RetireOtherMasterKeys(ctx)
			}
			if err != nil {
				return view{}, err
			}
			all, err := s.MasterKeys(ctx)
			shown := make([]masterKeyView, len(all))
			for i, key := range all {
				shown[i] = masterKeyView(key)
			}
			v := masterKeys.table(shown)
			return view{v.value, func(w io.Writer) {
				v.text(w)
				if len(all) > 1 {
					fmt.Fprintln(w, "Each opens the database. When every server and command has the new one: signet key rewrap --finish, with that.")
				}
			}}, err
		}),
	}
	cmd.Flags().StringVar(&file, "new-key-file", "", "let the master key in `FILE` open the database too; - reads it from stdin")
	cmd.Flags().BoolVar(&finish, "finish", false, "retire all master keys but the one that this command is given by its settings")
	cmd.MarkFlagsMutuallyExclusive("new-key-file", "finish")
	return cmd
}

func (a *app) addMasterKey(ctx context.Context, s *server.Services, file string) error {
	var text string
	var err error
	if file == "-" {
		text, err = a.readLine("new master key")
	} else {
		text, err = readFile("new master key", file, maxMasterKeyFile)
	}
	if err != nil {
		return err
	}
	return s.AddMasterKey(ctx, text)
}
