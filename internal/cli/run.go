package cli

import (
	"context"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/event"
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

// manage makes the RunE of a command that works with the services, on behalf of who types it.
func (a *app) manage(do func(ctx context.Context, s *server.Services, args []string) (view, error)) runE {
	return a.run(func(ctx context.Context, args []string) (view, error) {
		actor, err := operatingSystemUser()
		if err != nil {
			return view{}, err
		}
		cfg, err := a.config()
		if err != nil {
			return view{}, err
		}
		s, err := server.Open(ctx, cfg, server.ModeManage)
		if err != nil {
			return view{}, err
		}
		defer s.Close()
		return do(event.WithActor(ctx, actor), s, args)
	})
}

// operatingSystemUser is the actor for whoever runs the command.
func operatingSystemUser() (event.Actor, error) {
	u, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("find who runs this command, for the audit log: %w", err)
	}
	return event.OperatingSystemUser(u.Username), nil
}
