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
}

func viewGroup(g domain.Group) groupView {
	return groupView{Name: g.Name, Description: g.Description, CreatedAt: g.CreatedAt}
}

func (v groupView) columns() []string { return []string{"NAME", "DESCRIPTION", "CREATED"} }
func (v groupView) cells() []any      { return []any{v.Name, v.Description, v.CreatedAt} }

func (v groupView) text(w io.Writer) {
	details(w, "name", v.Name, "description", v.Description, "created_at", v.CreatedAt)
}

// memberedGroupView shows a group's members too, by username.
type memberedGroupView struct {
	groupView
	Members []string `json:"members"`
}

func (v memberedGroupView) text(w io.Writer) {
	v.groupView.text(w)
	for _, m := range v.Members {
		details(w, "member", m)
	}
}

func (a *app) groupCommand() *cobra.Command {
	return noun("group", "Manage groups of users",
		a.groupCreate(), a.groupList(), a.groupShow(), a.groupAdd(), a.groupRemove(), a.groupDelete())
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
			return viewGroup(created), err
		}),
	}
	cmd.Flags().StringVar(&group.Description, "description", "", "say in `TEXT` who is in the group")
	return cmd
}

func (a *app) groupList() *cobra.Command {
	var p page
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the groups by name",
		Example: "  signet group list",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			groups, err := collect(p.after, p.limit, func(after string, limit int) ([]domain.Group, error) {
				return s.Directory.ListGroups(ctx, after, limit)
			}, func(g domain.Group) string { return g.Name })
			return rows(groups, viewGroup), err
		}),
	}
	p.flags(cmd.Flags(), "NAME")
	return cmd
}

func (a *app) groupShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a group and its members",
		Example: "  signet group show ops",
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			group, err := s.Directory.FindGroup(ctx, args[0])
			if err != nil {
				return nil, err
			}
			members, err := collect("", 0, func(after string, limit int) ([]domain.User, error) {
				return s.Directory.ListMembers(ctx, group.Name, after, limit)
			}, func(u domain.User) string { return u.Username })
			v := memberedGroupView{viewGroup(group), []string{}}
			for _, m := range members {
				v.Members = append(v.Members, m.Username)
			}
			return v, err
		}),
	}
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
					return nil, err
				}
				changes = append(changes, done{action, "user", user})
			}
			return changes, nil
		}),
	}
}

func (a *app) groupDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a group; its members stay",
		Example: "  signet group delete ops",
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			return done{"deleted", "group", args[0]}, s.Directory.DeleteGroup(ctx, args[0])
		}),
	}
}
