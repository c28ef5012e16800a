package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

var groups = kind[admin.Group]{
	noun: "group", key: "NAME", example: "ops",
	layout: layout[admin.Group]{
		[]string{"NAME", "DESCRIPTION", "CREATED"},
		func(v admin.Group) []any { return []any{v.Name, v.Description, v.CreatedAt} },
	},
	details: func(w io.Writer, v admin.Group) {
		details(w, "name", v.Name, "description", v.Description, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, m := range v.Members {
			details(w, "member", m)
		}
	},
	list: (*admin.Service).ListGroups,
	find: func(s *admin.Service, ctx context.Context, caller authn.Caller, name string) (admin.Group, error) {
		group, err := s.FindGroup(ctx, caller, name)
		if err != nil {
			return group, err
		}
		group.Members = []string{}
		members, err := pages(admin.Query{}, 0, func(q admin.Query) (admin.Page[admin.User], error) {
			return s.ListMembers(ctx, caller, name, q)
		})
		for _, m := range members {
			group.Members = append(group.Members, m.Username)
		}
		return group, err
	},
}

func (a *app) groupCommand() *cobra.Command {
	return noun("group", "Manage groups of users",
		a.groupCreate(), groups.listCommand(a), groups.showCommand(a), accessCommand(a, groups, (*admin.Service).GroupAccess),
		a.groupUpdate(),
		a.groupMembers("add", "Put users into a group", "added", (*admin.Service).AddMember),
		a.groupMembers("remove", "Take users out of a group", "removed", (*admin.Service).RemoveMember),
		groups.change(a, "delete", (*admin.Service).DeleteGroup))
}

func (a *app) groupCreate() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a group",
		Example: `  signet group create ops --description "Those on call"`,
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
			created, err := s.CreateGroup(ctx, caller, args[0], description)
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
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
			group, err := s.UpdateGroup(ctx, caller, args[0], nil, func(group *domain.Group) error {
				group.Description = description
				return nil
			})
			return groups.show(group), err
		}),
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().StringVar(&description, "description", "", "say in `TEXT` who is in the group")
	cmd.MarkFlagsOneRequired("description")
	return cmd
}

func (a *app) groupMembers(
	verb, short, action string, change func(s *admin.Service, ctx context.Context, caller authn.Caller, group, user string) error,
) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " GROUP USER...",
		Short:   short,
		Example: "  signet group " + verb + " ops alice bob",
		Args:    cobra.MinimumNArgs(2),
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
			var changes doneList
			for _, user := range args[1:] {
				if err := change(s, ctx, caller, args[0], user); err != nil {
					return view{}, err
				}
				changes = append(changes, done{action, "user", user})
			}
			return answer(changes), nil
		}),
	}
}
