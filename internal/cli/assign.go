package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

type assignmentView struct {
	Role        string             `json:"role"`
	SubjectKind domain.SubjectKind `json:"subject_kind"` // user, group or client
	Subject     string             `json:"subject"`
	ExpiresAt   time.Time          `json:"expires_at,omitzero"`
	CreatedAt   time.Time          `json:"created_at,omitzero"`
}

func viewAssignment(a domain.Assignment) assignmentView {
	return assignmentView{
		Role: a.Role, SubjectKind: a.SubjectKind, Subject: a.Subject, ExpiresAt: a.ExpiresAt, CreatedAt: a.CreatedAt,
	}
}

var assignments = layout[assignmentView]{
	[]string{"ROLE", "KIND", "SUBJECT", "EXPIRES", "CREATED"},
	func(v assignmentView) []any { return []any{v.Role, v.SubjectKind, v.Subject, v.ExpiresAt, v.CreatedAt} },
}

func (v assignmentView) text(w io.Writer) {
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
--until is a date (its beginning in UTC), an RFC 3339 time, or a duration from now.`,
		Example: `  signet assign clerk --client reporting
  signet assign clerk --group ops --until 2027-01-01
  signet assign administrator --user alice --until 8h`,
		Args: cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			assignment := domain.Assignment{Role: args[0], ExpiresAt: until}
			assignment.SubjectKind, assignment.Subject = f.subject()
			v := viewAssignment(assignment)
			return answer(v), s.Directory.Assign(ctx, assignment)
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
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			kind, subject := f.subject()
			return answer(done{"unassigned", "role", args[0]}), s.Directory.Unassign(ctx, args[0], kind, subject)
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
		RunE: a.manage(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			kind, subject := f.subject()
			list, err := collect(0, limit, func(after int64, limit int) ([]domain.Assignment, error) {
				return s.Directory.ListAssignments(ctx, role, kind, subject, after, limit)
			}, func(a domain.Assignment) int64 { return a.ID })
			return assignments.table(viewed(list, viewAssignment)), err
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&role, "role", "", "those of the role `NAME`")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most `N` (default all)")
	return cmd
}
