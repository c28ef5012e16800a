package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

// kind describes one kind of object, for the commands that every kind has. V is an object as the JSON shows it.
type kind[V any] struct {
	noun    string // the command that holds those of this kind: "client"
	key     string // the argument that names one object: "CLIENT_ID"
	example string // such a name: "reporting"

	layout[V]
	details func(w io.Writer, object V) // all of one object, for people

	list func(s *admin.Service, ctx context.Context, caller authn.Caller, q admin.Query) (admin.Page[V], error)
	find func(s *admin.Service, ctx context.Context, caller authn.Caller, name string) (V, error)
}

// operation is one of admin's that changes the object it names.
type operation = func(s *admin.Service, ctx context.Context, caller authn.Caller, name string) error

// summary is what admin says of an operation on this kind.
func (k kind[V]) summary(verb string) string { return admin.OperationOf(k.noun + "." + verb).Summary }

// show is the view of one object.
func (k kind[V]) show(object V) view {
	return view{object, func(w io.Writer) { k.details(w, object) }}
}

func (k kind[V]) listCommand(a *app) *cobra.Command {
	var search string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   k.summary("list"),
		Example: "  signet " + k.noun + " list\n  signet " + k.noun + " list --search " + k.example + " --limit 100 -o json",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			objects, err := pages(admin.Query{Search: search}, limit, func(q admin.Query) (admin.Page[V], error) {
				return k.list(s, ctx, caller, q)
			})
			return k.table(objects), err
		}),
	}
	cmd.Flags().StringVar(&search, "search", "", "show those with a name that begins with `TEXT`")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most `N` (default all)")
	return cmd
}

func (k kind[V]) showCommand(a *app) *cobra.Command {
	return k.command(a, "show", k.summary("find"), func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
		object, err := k.find(s, ctx, caller, args[0])
		return k.show(object), err
	})
}

// change makes a command that changes the object it names and has nothing to show. The verb ends in e: delete, disable, pause.
func (k kind[V]) change(a *app, verb string, do operation) *cobra.Command {
	return k.command(a, verb, k.summary(verb), func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
		return answer(done{verb + "d", k.noun, args[0]}), do(s, ctx, caller, args[0])
	})
}

// command makes a command whose only argument names an object.
func (k kind[V]) command(a *app, verb, short string, do managed) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " " + k.key,
		Short:   short,
		Example: "  signet " + k.noun + " " + verb + " " + k.example,
		Args:    cobra.ExactArgs(1),
		RunE:    a.manage(do),
	}
}
