package cli

import (
	"context"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

// kind describes one kind of object, for the commands that every kind has. V is an object as the JSON shows it.
type kind[V any] struct {
	noun    string // the command that holds those of this kind: "client"
	key     string // the argument that names one object: "CLIENT_ID"
	example string // such a name: "reporting"
	watched bool   // they change by themselves

	layout[V]
	details func(w io.Writer, object V) // all of one object, for people

	complete func(ctx context.Context, c *adminclient.Client, object *V) error // adds what the operation find does not answer; nil: nothing
}

// find is the object of a name.
func (k kind[V]) find(ctx context.Context, c *adminclient.Client, name string) (V, error) {
	object, err := call[V](ctx, c, k.noun+".find", nil, name)
	if err == nil && k.complete != nil {
		err = k.complete(ctx, c, &object)
	}
	return object, err
}

// summary is what admin says of an operation on this kind.
func (k kind[V]) summary(verb string) string { return admin.OperationOf(k.noun + "." + verb).Summary }

// show is the view of one object.
func (k kind[V]) show(object V) view {
	return view{object, func(w io.Writer) { k.details(w, object) }}
}

func (k kind[V]) listCommand(a *app) *cobra.Command {
	return k.listCommandOf(a, url.Values{})
}

// listCommandOf is listCommand for those that a query chooses.
func (k kind[V]) listCommandOf(a *app, query url.Values) *cobra.Command {
	var search string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   k.summary("list"),
		Example: "  signet " + k.noun + " list\n  signet " + k.noun + " list --search " + k.example + " --limit 100 -o json",
		Args:    cobra.NoArgs,
	}
	list := func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		query.Set("search", search)
		objects, err := all[V](ctx, c, k.noun+".list", limit, query)
		return k.table(objects), err
	}
	searchFlag(cmd, &search, "name")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most `N` (default all)")
	if k.watched {
		return a.watched(cmd, asListed, list)
	}
	cmd.RunE = a.call(list)
	return cmd
}

func (k kind[V]) showCommand(a *app) *cobra.Command {
	find := func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		object, err := k.find(ctx, c, args[0])
		return k.show(object), err
	}
	cmd := k.command(a, "show", k.summary("find"), find)
	if k.watched {
		return a.watched(cmd, asListed, find)
	}
	return cmd
}

// change makes a command that changes the object it names and has nothing to show. The verb ends in e: delete, disable, pause.
func (k kind[V]) change(a *app, verb string) *cobra.Command {
	return k.command(a, verb, k.summary(verb), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		return answer(done{verb + "d", k.noun, args[0]}), act(ctx, c, k.noun+"."+verb, args[0])
	})
}

// disable is change for the verb that takes a reason.
func (k kind[V]) disable(a *app) *cobra.Command {
	var why adminapi.Disabling
	cmd := k.command(a, "disable", k.summary("disable"), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		_, err := c.Call(ctx, adminclient.Request{Operation: k.noun + ".disable", Path: args, Body: why}, nil)
		return answer(done{"disabled", k.noun, args[0]}), err
	})
	cmd.Flags().StringVar(&why.Reason, "reason", "", "why: `TEXT` that is shown with it, and kept in the audit log")
	return cmd
}

// alias gives a command another name.
func alias(cmd *cobra.Command, name string) *cobra.Command {
	cmd.Aliases = append(cmd.Aliases, name)
	return cmd
}

// command makes a command whose only argument names an object.
func (k kind[V]) command(a *app, verb, short string, do managed) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " " + k.key,
		Short:   short,
		Example: "  signet " + k.noun + " " + verb + " " + k.example,
		Args:    cobra.ExactArgs(1),
		RunE:    a.call(do),
	}
}
