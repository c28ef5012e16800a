package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/server"
	"github.com/signet-auth/signet/internal/store"
)

// schemaView compares the schema of a database with the newest version of this program.
type schemaView struct {
	Database string `json:"database"` // postgres or sqlite
	Version  uint   `json:"version"`
	Latest   uint   `json:"latest"`
	Pending  bool   `json:"pending"` // migrate up would change it
	Dirty    bool   `json:"dirty"`   // a migration was interrupted

	Backfills []backfillView `json:"backfills"` // what follows migrations in the background
}

// backfillView is how far a backfill has come.
type backfillView struct {
	Name       string     `json:"name"`
	Done       int64      `json:"done"` // rows
	Total      int64      `json:"total"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at,omitempty"` // not there: it runs
}

func (b backfillView) String() string {
	if b.FinishedAt != nil {
		return fmt.Sprintf("%s: done, %d rows", b.Name, b.Done)
	}
	return fmt.Sprintf("%s: %d of %d rows", b.Name, b.Done, max(b.Total, b.Done))
}

func (v schemaView) text(w io.Writer) {
	details(w, "database", v.Database, "version", fmt.Sprintf("%d of %d", v.Version, v.Latest))
	for _, b := range v.Backfills {
		details(w, "backfill", b)
	}
	switch {
	case v.Dirty:
		fmt.Fprintln(w, "A migration was interrupted: restore a backup, or repair the schema by hand.")
	case v.Version > v.Latest:
		fmt.Fprintln(w, "The schema is newer than this program: run a newer signet.")
	case v.Pending:
		fmt.Fprintln(w, "signet migrate up brings it up to date.")
	}
}

func (a *app) migrateCommand() *cobra.Command {
	return noun("migrate", "Migrate the database's schema", a.migrateUp(), a.migrateStatus())
}

func (a *app) migrateUp() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Migrate the schema to the newest version of this program",
		Long: `Runs the migrations that are missing; of several at once, one does and the others wait. "signet serve" does the
same when it starts; with SQLite, so does every command.`,
		Example: "  signet migrate up --database postgres://signet@db/signet",
		Args:    cobra.NoArgs,
		RunE: a.withConfig(func(ctx context.Context, cfg config.Config) (view, error) {
			return onSchema(ctx, cfg, func(ctx context.Context, db schema) error { return db.Migrate(ctx) })
		}),
	}
}

func (a *app) migrateStatus() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show the version of the schema, the newest of this program, and what runs in the background",
		Example: "  signet migrate status",
		Args:    cobra.NoArgs,
		RunE: a.withConfig(func(ctx context.Context, cfg config.Config) (view, error) {
			if path, onSQLite := cfg.Database.SQLite(); onSQLite {
				if err := store.FindSQLite(path); errors.Is(err, store.ErrNoDatabase) { // to open it would make it
					latest, err := store.LatestVersion("sqlite")
					a.note("There is no database %s yet: signet migrate up makes it, and signet serve does.", path)
					return answer(schemaView{"sqlite", 0, latest, true, false, []backfillView{}}), err
				}
			}
			return onSchema(ctx, cfg, func(context.Context, schema) error { return nil })
		}),
	}
}

// schema is what the migrate commands need of a database.
type schema interface {
	Dialect() string
	Migrate(ctx context.Context) error
	MigrationStatus(ctx context.Context) (current, latest uint, dirty bool, err error)
	Backfills(ctx context.Context) ([]store.BackfillState, error)
}

// onSchema does something to the schema of the configured database, and shows its state.
func onSchema(ctx context.Context, cfg config.Config, do func(ctx context.Context, db schema) error) (view, error) {
	db, err := server.OpenDatabase(ctx, cfg)
	if err != nil {
		return view{}, err
	}
	defer db.Close()
	if err := do(ctx, db); err != nil {
		return view{}, err
	}
	current, latest, dirty, err := db.MigrationStatus(ctx)
	if err != nil {
		return view{}, err
	}
	v := schemaView{db.Dialect(), current, latest, current < latest, dirty, []backfillView{}}
	states, err := db.Backfills(ctx)
	for _, b := range states {
		shown := backfillView{Name: b.Name, Done: b.Done, Total: b.Total, StartedAt: b.StartedAt}
		if !b.FinishedAt.IsZero() {
			shown.FinishedAt = &b.FinishedAt
		}
		v.Backfills = append(v.Backfills, shown)
	}
	return answer(v), err
}
