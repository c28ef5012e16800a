package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

type groupView struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Members     []string  `json:"members,omitzero"` // by username, where one group is shown
}

func viewGroup(g domain.Group) groupView {
	return groupView{Name: g.Name, Description: g.Description, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt}
}

var groups = kind[groupView]{
	noun: "group", key: "NAME", example: "ops",
	layout: layout[groupView]{
		[]string{"NAME", "DESCRIPTION", "CREATED"},
		func(v groupView) []any { return []any{v.Name, v.Description, v.CreatedAt} },
	},
	details: func(w io.Writer, v groupView) {
		details(w, "name", v.Name, "description", v.Description, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, m := range v.Members {
			details(w, "member", m)
		}
	},
	name: func(v groupView) string { return v.Name },
	list: func(ctx context.Context, s *server.Services, after string, limit int) ([]groupView, error) {
		list, err := s.Directory.ListGroups(ctx, after, limit)
		return viewed(list, viewGroup), err
	},
	find: findGroup,
}

// findGroup finds a group and all of its members.
func findGroup(ctx context.Context, s *server.Services, name string) (groupView, error) {
	group, err := s.Directory.FindGroup(ctx, name)
	if err != nil {
		return groupView{}, err
	}
	members, err := collect("", 0, func(after string, limit int) ([]domain.User, error) {
		return s.Directory.ListMembers(ctx, group.Name, after, limit)
	}, func(u domain.User) string { return u.Username })
	v := viewGroup(group)
	v.Members = viewed(members, func(u domain.User) string { return u.Username })
	return v, err
}

func (a *app) groupCommand() *cobra.Command {
	return noun("group", "Manage groups of users",
		a.groupCreate(), groups.listCommand(a, "List the groups by name"), groups.showCommand(a, "Show a group and its members"),
		a.groupUpdate(), a.groupAdd(), a.groupRemove(),
		groups.change(a, "delete", "Delete a group; its members stay", func(ctx context.Context, s *server.Services, name string) error {
			return s.Directory.DeleteGroup(ctx, name)
		}))
}

func (a *app) groupCreate() *cobra.Command {
	var group domain.Group
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a group",
		Example: `  signet group create ops --description "Those on call"`,
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			group.Name = args[0]
			created, err := s.Directory.CreateGroup(ctx, group)
			return groups.show(viewGroup(created)), err
		}),
	}
	cmd.Flags().StringVar(&group.Description, "description", "", "say in `TEXT` who is in the group")
	return cmd
}

func (a *app) groupUpdate() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:     "update NAME --description TEXT",
		Short:   "Change the description of a group",
		Example: `  signet group update ops --description "Those on call this week"`,
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			group, err := s.Directory.UpdateGroup(ctx, args[0], func(group *domain.Group) error {
				group.Description = description
				return nil
			})
			return groups.show(viewGroup(group)), err
		}),
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().StringVar(&description, "description", "", "say in `TEXT` who is in the group")
	cmd.MarkFlagsOneRequired("description")
	return cmd
}

func (a *app) groupAdd() *cobra.Command {
	return a.groupMembers("add", "Put users into a group", "added",
		func(ctx context.Context, s *server.Services, group, user string) error {
			return s.Directory.AddMember(ctx, group, user)
		})
}

func (a *app) groupRemove() *cobra.Command {
	return a.groupMembers("remove", "Take users out of a group", "removed",
		func(ctx context.Context, s *server.Services, group, user string) error {
			return s.Directory.RemoveMember(ctx, group, user)
		})
}

func (a *app) groupMembers(
	verb, short, action string, change func(ctx context.Context, s *server.Services, group, user string) error,
) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " GROUP USER...",
		Short:   short,
		Example: "  signet group " + verb + " ops alice bob",
		Args:    cobra.MinimumNArgs(2),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			var changes doneList
			for _, user := range args[1:] {
				if err := change(ctx, s, args[0], user); err != nil {
					return view{}, err
				}
				changes = append(changes, done{action, "user", user})
			}
			return answer(changes), nil
		}),
	}
}
