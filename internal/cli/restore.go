package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/server"
	"github.com/signet-auth/signet/internal/store"
)

// backupView is a backup that was made.
type backupView struct {
	File    string `json:"file"`
	Bytes   int64  `json:"bytes"`
	Version uint   `json:"schema_version"`
}

func (v backupView) text(w io.Writer) {
	fmt.Fprintf(w, "backed up to %s, %d bytes\nThe master key is not in it: keep a copy of that elsewhere.\n", visible(v.File), v.Bytes)
}

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the SQLite database to a file, beside a running server",
		Long: `Copies the database as of one moment, checks the copy, and makes it durable before the file appears, which only its owner can read.
A file that is there is not replaced. The master key is not in it: keep that elsewhere, a backup is of no use without it.
PostgreSQL has pg_dump, see docs/operations/backup.md.`,
		Example: "  signet backup /backups/signet-2026-11-29.db",
		Args:    cobra.ExactArgs(1),
		RunE: a.withoutServer(func(ctx context.Context, args []string) (view, error) {
			cfg, err := a.config()
			if err != nil {
				return view{}, err
			}
			made, err := server.BackUp(ctx, cfg, args[0])
			return answer(backupView{made.File, made.Size, made.Version}), err
		}),
	}
}

// restoredView is a database that was restored, accepted or both.
type restoredView struct {
	File        string     `json:"file,omitempty"` // that was restored
	Version     uint       `json:"schema_version,omitempty"`
	Before      string     `json:"before,omitempty"` // the database that was there, under its new name
	Accepted    bool       `json:"accepted"`
	RestoredAt  *time.Time `json:"restored_at,omitempty"` // when the accepted one was found to be restored
	StatusLists int        `json:"status_lists"`          // that get no more tokens
}

func (v restoredView) text(w io.Writer) {
	if v.File != "" {
		fmt.Fprintf(w, "restored %s\n", visible(v.File))
	}
	if v.Before != "" {
		fmt.Fprintf(w, "the database that was there is %s\n", visible(v.Before))
	}
	if !v.Accepted {
		fmt.Fprintln(w, "Servers issue nothing on it until: signet restore --accept")
		return
	}
	fmt.Fprintln(w, "accepted: all that is counted was moved past what may have been given out, and servers issue again")
	fmt.Fprintln(w, `What was changed since the backup is lost: revocations, disabled users, passwords. In doubt: signet token revoke --all`)
}

func (a *app) restoreCommand() *cobra.Command {
	var force, accept bool
	cmd := &cobra.Command{
		Use:   "restore [FILE]",
		Short: "Put a backup of the SQLite database in its place, or accept a database that was restored",
		Long: `With FILE, puts a copy of that backup where the database is to be. Stop the server first. A database that is there is
only replaced with --force, and kept under another name. The master key must be the backup's.

A restored database, SQLite or PostgreSQL, does not know what was given out since the backup, so servers issue nothing on it until
--accept: that moves revisions, ids, numbers of events and positions of status lists past whatever it may have been, and makes
entries of status lists invalid whose tokens the database does not know. Servers find out by themselves that a database was
restored, but for one that went back in time in its own place (point-in-time recovery, a snapshot of the whole disk): run
--accept before they start. It also ends codes, links and invitations that look unused, but no token, session or grant.`,
		Example: `  signet restore /backups/signet-2026-11-29.db
  signet restore --accept
  signet restore /backups/signet-2026-11-29.db --force --accept`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.withoutServer(func(ctx context.Context, args []string) (v view, err error) {
			if len(args) == 0 && !accept {
				return v, usagef("name the backup to restore, or --accept the database that was restored")
			}
			if len(args) == 0 && force {
				return v, usagef("--force is for a backup that replaces a database: name it")
			}
			var shown restoredView
			if len(args) > 0 {
				if err := a.restoreFile(ctx, args[0], force, &shown); err != nil {
					return v, err
				}
			}
			if accept {
				if err := a.acceptRestored(ctx, &shown); err != nil {
					return v, err
				}
			}
			return answer(shown), nil
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the database that is there; it is kept under another name")
	cmd.Flags().BoolVar(&accept, "accept", false, "let servers issue on the restored database")
	return cmd
}

func (a *app) restoreFile(ctx context.Context, file string, force bool, shown *restoredView) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	restored, err := server.Restore(ctx, cfg, file, force)
	shown.File, shown.Version, shown.Before = restored.File, restored.Version, restored.Before
	return err
}

func (a *app) acceptRestored(ctx context.Context, shown *restoredView) error {
	caller, err := authn.OperatingSystemUser()
	if err != nil {
		return err
	}
	ctx = event.WithActor(ctx, caller.Actor())
	accepted, err := onDatabaseIn(ctx, a, server.ModeManage, func(s *server.Services) (store.Accepted, error) { return s.AcceptRestored(ctx) })
	if err != nil {
		return err
	}
	shown.Accepted, shown.StatusLists = true, accepted.Lists
	if !accepted.RestoredAt.IsZero() {
		shown.RestoredAt = &accepted.RestoredAt
	}
	return nil
}

// warnOfRestored tells who works on a database that issues nothing.
func (a *app) warnOfRestored(ctx context.Context, s *server.Services) {
	if errors.Is(s.DB.Ping(ctx), domain.ErrRestored) {
		a.note("This database was restored from a backup: servers issue nothing on it until: signet restore --accept")
	}
}
