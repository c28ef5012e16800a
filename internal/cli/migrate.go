package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/server"
)

// schemaView compares a database with what this program knows.
type schemaView struct {
	Database string `json:"database"` // postgres or sqlite
	Version  uint   `json:"version"`
	Latest   uint   `json:"latest"`
	Pending  bool   `json:"pending"` // migrate up would change it
	Dirty    bool   `json:"dirty"`   // a migration was interrupted
}

func (v schemaView) text(w io.Writer) {
	details(w, "database", v.Database, "version", fmt.Sprintf("%d of %d", v.Version, v.Latest))
	switch {
	case v.Dirty:
		fmt.Fprintln(w, "A migration was interrupted: restore a backup, or repair the schema by hand.")
	case v.Pending:
		fmt.Fprintln(w, "signet migrate up brings it up to date.")
	}
}

func (a *app) migrateCommand() *cobra.Command {
	return noun("migrate", "Bring the database's schema up to date", a.migrateUp(), a.migrateStatus())
}

func (a *app) migrateUp() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Bring the schema up to the version that this program knows",
		Long: `Runs the migrations that are missing; of several at once, one does and the others wait. "signet serve" does the
same when it starts; with SQLite, so does every command.`,
		Example: "  signet migrate up --database postgres://signet@db/signet",
		Args:    cobra.NoArgs,
		RunE: a.open(server.ModeMigrate, func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			return schema(ctx, s)
		}),
	}
}

func (a *app) migrateStatus() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show the schema's version; changes nothing",
		Example: "  signet migrate status",
		Args:    cobra.NoArgs,
		RunE: a.open(server.ModeLook, func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			return schema(ctx, s)
		}),
	}
}

func schema(ctx context.Context, s *server.Services) (view, error) {
	current, latest, dirty, err := s.DB.MigrationStatus(ctx)
	if err != nil {
		return nil, err
	}
	return schemaView{s.DB.Dialect(), current, latest, current < latest, dirty}, nil
}
