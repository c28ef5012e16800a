package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/server"
)

type runE = func(cmd *cobra.Command, args []string) error

// run makes the RunE of a command that answers with a view.
func (a *app) run(do func(ctx context.Context, args []string) (view, error)) runE {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		v, err := do(cmd.Context(), args)
		if err != nil {
			return explain(err)
		}
		return a.print(v)
	}
}

// managed is a command over the operations of admin.
type managed = func(ctx context.Context, c *adminclient.Client, args []string) (view, error)

// call makes the RunE of a command over the operations of admin: at a server, for who signed in there, or on the database, for the
// operating system's user.
func (a *app) call(do managed) runE {
	return a.run(func(ctx context.Context, args []string) (view, error) {
		c, err := a.client()
		if err != nil {
			return view{}, err
		}
		if c != nil {
			return do(ctx, c, args)
		}
		return onDatabaseIn(ctx, a, server.ModeManage, func(s *server.Services) (view, error) {
			a.warnOfRestored(ctx, s)
			c, err := inProcess(s)
			if err != nil {
				return view{}, err
			}
			return do(ctx, c, args)
		})
	})
}

// inProcess calls operations for the operating system's user.
func inProcess(s *server.Services) (*adminclient.Client, error) {
	caller, err := authn.OperatingSystemUser()
	if err != nil {
		return nil, err
	}
	return adminclient.InProcess(s.Admin, caller), nil
}

// here makes the RunE of a command that works by the settings of this machine.
func (a *app) here(do func(ctx context.Context, cfg config.Config) error) runE {
	return func(cmd *cobra.Command, _ []string) error {
		a.started = true
		cfg, err := a.config()
		if err != nil {
			return err
		}
		return do(cmd.Context(), cfg)
	}
}

// withConfig makes the RunE of a command that works by the settings of this machine, and shows what it did.
func (a *app) withConfig(do func(ctx context.Context, cfg config.Config) (view, error)) runE {
	return a.run(func(ctx context.Context, _ []string) (view, error) {
		cfg, err := a.config()
		if err != nil {
			return view{}, err
		}
		return do(ctx, cfg)
	})
}

// manage makes the RunE of a command on the database alone, for the operating system's user.
func (a *app) manage(do func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error)) runE {
	return a.withServices(func(ctx context.Context, s *server.Services, args []string) (view, error) {
		caller, err := authn.OperatingSystemUser()
		if err != nil {
			return view{}, err
		}
		return do(ctx, s.Admin, caller, args)
	})
}

// withServices makes the RunE of a command that needs the services themselves, and so the database.
func (a *app) withServices(do func(ctx context.Context, s *server.Services, args []string) (view, error)) runE {
	return a.withoutServer(func(ctx context.Context, args []string) (view, error) {
		return onDatabaseIn(ctx, a, server.ModeManage, func(s *server.Services) (view, error) {
			a.warnOfRestored(ctx, s)
			return do(ctx, s, args)
		})
	})
}

// withoutServer makes the RunE of a command that works on the database itself, and so refuses to work at a server.
func (a *app) withoutServer(do func(ctx context.Context, args []string) (view, error)) runE {
	return a.run(func(ctx context.Context, args []string) (view, error) {
		c, err := a.client()
		if err != nil {
			return view{}, err
		}
		if c != nil {
			return view{}, errAtServer
		}
		return do(ctx, args)
	})
}

var errAtServer = errors.New("this command works on the database alone: add --context database where that is")

// onDatabaseIn opens the services while do runs.
func onDatabaseIn[V any](ctx context.Context, a *app, mode server.Mode, do func(s *server.Services) (V, error)) (answer V, err error) {
	cfg, err := a.config()
	if err != nil {
		return answer, err
	}
	made := a.madeDatabase(cfg.Database)
	s, err := server.Open(ctx, cfg, mode)
	if err != nil {
		return answer, err
	}
	defer s.Close()
	made()
	return do(s)
}

// madeDatabase returns what tells that a command made a SQLite database: it may have been meant for another one.
func (a *app) madeDatabase(database config.DatabaseURL) (tell func()) {
	path, onSQLite := database.SQLite()
	if info, err := os.Stat(path); !onSQLite || err == nil && info.Size() > 0 {
		return func() {}
	}
	return func() {
		a.note("There was no database %s: it was made. If you mean another, name it with --config or --database.", path)
	}
}
