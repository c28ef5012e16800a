package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

var groups = kind[admin.Group]{
	noun: "group", key: "NAME", example: "ops",
	layout: layout[admin.Group]{
		[]string{"NAME", "DESCRIPTION", "CREATED"},
		func(v admin.Group) []any { return []any{v.Name, v.Description, v.CreatedAt} },
	},
	details: func(w io.Writer, v admin.Group) {
		details(w, "name", v.Name, "description", v.Description, "managed_by", v.ManagedBy, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, m := range v.Members {
			details(w, "member", m)
		}
	},
	complete: func(ctx context.Context, c *adminclient.Client, group *admin.Group) error {
		group.Members = []string{}
		members, err := all[admin.User](ctx, c, "group.list_members", 0, nil, group.Name)
		for _, m := range members {
			group.Members = append(group.Members, m.Username)
		}
		return err
	},
}

func (a *app) groupCommand() *cobra.Command {
	return noun("group", "Manage groups of users",
		a.groupCreate(), groups.listCommand(a), groups.showCommand(a), accessCommand(a, groups),
		a.groupUpdate(),
		a.groupAdd(), a.groupRemove(),
		deleteWithEffect(a, groups, adminapi.NewGroupEffect{Delete: true}))
}

func (a *app) groupCreate() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a group",
		Example: `  signet group create ops --description "Those on call"`,
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			created, err := call[admin.Group](ctx, c, "group.create", members{"name": args[0], "description": description})
			return groups.show(created), err
		}),
	}
	cmd.Flags().StringVar(&description, "description", "", "say in `TEXT` who is in the group")
	return cmd
}

func (a *app) groupUpdate() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:     "update NAME --description TEXT",
		Short:   "Change the description of a group",
		Example: `  signet group update ops --description "Those on call this week"`,
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			group, err := change(ctx, c, "group.update", args[0], func(admin.Group) (any, error) {
				return members{"description": description}, nil
			})
			return groups.show(group), err
		}),
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().StringVar(&description, "description", "", "say in `TEXT` who is in the group")
	cmd.MarkFlagsOneRequired("description")
	return cmd
}

func (a *app) groupAdd() *cobra.Command {
	return &cobra.Command{
		Use:     "add GROUP USER...",
		Short:   "Put users into a group",
		Example: "  signet group add ops alice bob",
		Args:    cobra.MinimumNArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			var changes doneList
			for _, user := range args[1:] {
				if err := act(ctx, c, "group.add_member", args[0], user); err != nil {
					return view{}, err
				}
				changes = append(changes, done{"added", "user", user})
			}
			return answer(changes), nil
		}),
	}
}

func (a *app) groupRemove() *cobra.Command {
	var effect effectFlags
	cmd := &cobra.Command{
		Use:   "remove GROUP USER...",
		Short: "Take users out of a group",
		Long:  "Takes users out of a group, one after the other.\n" + effectHelp,
		Example: `  signet group remove ops alice bob
  signet group remove ops alice --effect
  signet group remove ops alice --revoke-tokens`,
		Args: cobra.MinimumNArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if effect.only && len(args) > 2 {
				return view{}, usagef("--effect says it of one user")
			}
			if effect.only {
				return effectOf(ctx, c, "group", args[0], adminapi.NewGroupEffect{User: args[1]})
			}
			var changes []view
			for _, user := range args[1:] {
				removed, err := effect.change(ctx, a, c, answer(done{"removed", "user", user}), "group.remove_member", args[0], user)
				if err != nil {
					return view{}, err
				}
				changes = append(changes, removed)
			}
			return joined(changes), nil
		}),
	}
	effect.add(cmd)
	return cmd
}
