package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

var assignments = layout[admin.Assignment]{
	[]string{"ROLE", "KIND", "SUBJECT", "EXPIRES", "CREATED"},
	func(v admin.Assignment) []any {
		return []any{v.Role, v.SubjectKind, v.Subject, v.ExpiresAt, v.CreatedAt}
	},
}

// assigned is an assignment that was just made.
type assigned admin.Assignment

func (v assigned) text(w io.Writer) {
	until := ""
	if !v.ExpiresAt.IsZero() {
		until = " until " + cell(v.ExpiresAt)
	}
	fmt.Fprintf(w, "assigned %s to %s %s%s\n", v.Role, v.SubjectKind, v.Subject, until)
}

// subjectFlags name one user, group or client.
type subjectFlags struct{ user, group, client string }

func (f *subjectFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.user, "user", "", "the user `NAME`")
	cmd.Flags().StringVar(&f.group, "group", "", "the group `NAME`")
	cmd.Flags().StringVar(&f.client, "client", "", "the client `CLIENT_ID`")
	cmd.MarkFlagsMutuallyExclusive("user", "group", "client")
}

// subject returns the kind and name that a flag gave, both empty if none did.
func (f *subjectFlags) subject() (domain.SubjectKind, string) {
	switch {
	case f.user != "":
		return domain.SubjectUser, f.user
	case f.group != "":
		return domain.SubjectGroup, f.group
	case f.client != "":
		return domain.SubjectClient, f.client
	}
	return "", ""
}

func (a *app) assignCommand() *cobra.Command {
	var f subjectFlags
	var until time.Time
	cmd := &cobra.Command{
		Use:   "assign ROLE",
		Short: "Give a role to a user, a group or a client",
		Long: `Gives a role until it is unassigned or, with --until, for a time. Assigning again changes the time.
--until is a date (its beginning in UTC), an RFC 3339 time, or a duration from now;
a month after it the assignment is not listed any more.`,
		Example: `  signet assign clerk --client reporting
  signet assign clerk --group ops --until 2027-01-01
  signet assign administrator --user alice --until 8h`,
		Args: cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
			kind, subject := f.subject()
			return answer(assigned{Role: args[0], SubjectKind: kind, Subject: subject, ExpiresAt: until}),
				s.Assign(ctx, caller, args[0], kind, subject, until)
		}),
	}
	f.add(cmd)
	cmd.MarkFlagsOneRequired("user", "group", "client")
	timeFlag(cmd.Flags(), &until, "until", "let the assignment expire at this `TIME`")
	return cmd
}

func (a *app) unassignCommand() *cobra.Command {
	var f subjectFlags
	cmd := &cobra.Command{
		Use:     "unassign ROLE",
		Short:   "Take a role from a user, a group or a client",
		Example: "  signet unassign clerk --client reporting",
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
			kind, subject := f.subject()
			return answer(done{"unassigned", "role", args[0]}), s.Unassign(ctx, caller, args[0], kind, subject)
		}),
	}
	f.add(cmd)
	cmd.MarkFlagsOneRequired("user", "group", "client")
	return cmd
}

func (a *app) assignmentCommand() *cobra.Command {
	return noun("assignment", "List who has which role", a.assignmentList())
}

func (a *app) assignmentList() *cobra.Command {
	var f subjectFlags
	var role string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List assignments, the oldest first",
		Example: `  signet assignment list --role clerk
  signet assignment list --user alice`,
		Args: cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			filter := domain.AssignmentFilter{Role: role}
			filter.SubjectKind, filter.Subject = f.subject()
			list, err := pages(admin.Query{}, limit, func(q admin.Query) (admin.Page[admin.Assignment], error) {
				return s.ListAssignments(ctx, caller, filter, q)
			})
			return assignments.table(list), err
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&role, "role", "", "those of the role `NAME`")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most `N` (default all)")
	return cmd
}
