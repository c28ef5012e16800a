package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/adminclient"
)

// onDatabase is the name that stands for no server.
const onDatabase = "database"

// target is what a command works on: a server, in the context of a name unless the token comes from the environment. The zero target is the
// database.
type target struct{ server, context, token string }

// target decides by the flags, then by the environment, then by the context in use. What names a database comes before a context in use.
func (a *app) target(contexts *adminclient.ContextStore) (target, error) {
	switch {
	case a.context == onDatabase:
		return target{}, nil
	case a.context != "":
		return contextTarget(contexts, a.context)
	case a.server != "":
		return serverTarget(contexts, a.server)
	case a.settings["database"] != "" || a.settings["data_dir"] != "" || a.configFile != "":
		return target{}, nil
	case os.Getenv("SIGNET_SERVER") != "":
		return serverTarget(contexts, os.Getenv("SIGNET_SERVER"))
	case os.Getenv("SIGNET_DATABASE_URL") != "" || os.Getenv("SIGNET_DATA_DIR") != "" || os.Getenv("SIGNET_CONFIG") != "":
		return target{}, nil
	}
	if contexts == nil {
		return target{}, nil
	}
	stored, err := contexts.Load()
	if err != nil || stored.Current == "" {
		return target{}, err
	}
	return contextTarget(contexts, stored.Current)
}

func contextTarget(contexts *adminclient.ContextStore, name string) (target, error) {
	if contexts == nil {
		_, err := adminclient.OpenContexts()
		return target{}, err
	}
	stored, err := contexts.Load()
	if err != nil {
		return target{}, err
	}
	c, err := stored.Of(name)
	if err != nil {
		return target{}, fmt.Errorf("%w: see signet context list, or run signet login --server URL --context %s", err, name)
	}
	return target{server: c.Server, context: name}, nil
}

func serverTarget(contexts *adminclient.ContextStore, server string) (target, error) {
	base, err := adminclient.ParseServer(server)
	if err != nil {
		return target{}, usageError{err}
	}
	if token := os.Getenv("SIGNET_TOKEN"); token != "" {
		return target{server: base.String(), token: token}, nil
	}
	if contexts == nil {
		_, err := adminclient.OpenContexts()
		return target{}, err
	}
	stored, err := contexts.Load()
	if err != nil {
		return target{}, err
	}
	name := stored.At(base.String())
	if name == "" {
		return target{}, fmt.Errorf("you are not signed in at %s: run signet login --server %s", base, base)
	}
	return target{server: base.String(), context: name}, nil
}

// client calls the operations of the target's server; nil for the database.
func (a *app) client() (*adminclient.Client, error) {
	contexts, _ := adminclient.OpenContexts() // nil: no context is kept
	t, err := a.target(contexts)
	if err != nil || t.server == "" {
		return nil, err
	}
	if t.token != "" {
		return adminclient.Remote(t.server, adminclient.StaticToken(t.token))
	}
	return adminclient.Remote(t.server, adminclient.StoredTokens{ContextStore: contexts, Context: t.context})
}

// contextView is a context without its tokens.
type contextView struct {
	Name      string    `json:"name"`
	Server    string    `json:"server"`
	Current   bool      `json:"current"`
	ExpiresAt time.Time `json:"access_token_expires_at,omitzero"`
	Renews    bool      `json:"renews"` // it has a refresh token
}

var contextLayout = layout[contextView]{
	[]string{"NAME", "SERVER", "IN USE", "ACCESS TOKEN EXPIRES", "RENEWS"},
	func(v contextView) []any { return []any{v.Name, v.Server, v.Current, v.ExpiresAt, v.Renews} },
}

func showContext(name string, c adminclient.Contexts) contextView {
	of := c.Named[name]
	return contextView{name, of.Server, name == c.Current, of.ExpiresAt, of.RefreshToken != ""}
}

func (v contextView) text(w io.Writer) {
	details(w, "name", v.Name, "server", v.Server, "current", v.Current, "access_token_expires_at", v.ExpiresAt, "renews", v.Renews)
}

func (a *app) contextCommand() *cobra.Command {
	return noun("context", "Choose between the servers that you are signed in at, and the database",
		a.contextList(), a.contextUse(), a.contextShow(), a.contextDelete())
}

// withContexts makes the RunE of a command on the contexts of this machine's user.
func (a *app) withContexts(do func(s *adminclient.ContextStore, args []string) (view, error)) runE {
	return a.run(func(_ context.Context, args []string) (view, error) {
		s, err := adminclient.OpenContexts()
		if err != nil {
			return view{}, err
		}
		return do(s, args)
	})
}

func (a *app) contextList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the servers that you are signed in at",
		Example: "  signet context list",
		Args:    cobra.NoArgs,
		RunE: a.withContexts(func(s *adminclient.ContextStore, _ []string) (view, error) {
			stored, err := s.Load()
			var list []contextView
			for _, name := range slices.Sorted(maps.Keys(stored.Named)) {
				list = append(list, showContext(name, stored))
			}
			return contextLayout.table(list), err
		}),
	}
}

func (a *app) contextShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a server that you are signed in at",
		Example: "  signet context show login.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: a.withContexts(func(s *adminclient.ContextStore, args []string) (view, error) {
			stored, err := s.Load()
			if err == nil {
				_, err = stored.Of(args[0])
			}
			if err != nil {
				return view{}, err
			}
			return answer(showContext(args[0], stored)), nil
		}),
	}
}

func (a *app) contextUse() *cobra.Command {
	return &cobra.Command{
		Use:   "use NAME",
		Short: "Let commands work at a server, or on the database again",
		Long: `Lets the commands that follow work at a server, unless --server, --context, --database or their variables say otherwise.
"signet context use database" lets them work on the database that the settings name, as at first.`,
		Example: `  signet context use login.example.com
  signet context use database`,
		Args: cobra.ExactArgs(1),
		RunE: a.withContexts(func(s *adminclient.ContextStore, args []string) (view, error) {
			return answer(done{"used", "context", args[0]}), s.Edit(func(c *adminclient.Contexts) error {
				if c.Current = ""; args[0] == onDatabase {
					return nil
				}
				c.Current = args[0]
				_, err := c.Of(args[0])
				return err
			})
		}),
	}
}

func (a *app) contextDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Forget a server and the tokens for it",
		Long: `Forgets a server and the tokens for it, without asking it: for a server that is gone. signet logout takes the tokens back there,
too.`,
		Example: "  signet context delete login.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: a.withContexts(func(s *adminclient.ContextStore, args []string) (view, error) {
			return answer(done{"deleted", "context", args[0]}), s.Edit(func(c *adminclient.Contexts) error {
				_, err := c.Of(args[0])
				return forget(c, args[0], err)
			})
		}),
	}
}

// forget removes a context, unless it was not found.
func forget(c *adminclient.Contexts, name string, err error) error {
	if err != nil {
		return err
	}
	delete(c.Named, name)
	if c.Current == name {
		c.Current = ""
	}
	return nil
}
