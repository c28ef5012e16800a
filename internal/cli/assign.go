package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
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
	var effect effectFlags
	cmd := &cobra.Command{
		Use:   "assign ROLE",
		Short: "Give a role to a user, a group or a client",
		Long: `Gives a role until it is unassigned or, with --until, for a time. Assigning again changes the time.
--until is a date (its beginning in UTC), an RFC 3339 time, or a duration from now;
a month after it the assignment is not listed any more. It takes access away if it is earlier than before.
` + effectHelp,
		Example: `  signet assign clerk --client reporting
  signet assign clerk --group ops --until 2027-01-01
  signet assign administrator --user alice --until 8h
  signet assign clerk --group ops --until 1h --revoke-tokens`,
		Args: cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			kind, subject := f.subject()
			made := answer(assigned{Role: args[0], SubjectKind: kind, Subject: subject, ExpiresAt: until})
			switch {
			case (effect.only || effect.revoke) && until.IsZero():
				return view{}, usageError{errors.New("only an earlier end takes access away: give --until")}
			case effect.only:
				return effectOf(ctx, c, "role", args[0], adminapi.NewRoleEffect{User: f.user, Group: f.group, Client: f.client, ExpiresAt: until})
			}
			begun, err := assign(ctx, c, args[0], kind, subject, until, effect.revoke)
			if err != nil || !effect.revoke {
				return made, err
			}
			return a.withRevocation(ctx, c, made, begun)
		}),
	}
	f.add(cmd)
	effect.add(cmd)
	cmd.MarkFlagsOneRequired("user", "group", "client")
	timeFlag(cmd.Flags(), &until, "until", "let the assignment expire at this `TIME`")
	return cmd
}

// assign gives a role, unless until is zero until then, and revokes tokens that outlive it if that is wanted.
func assign(
	ctx context.Context, c *adminclient.Client, role string, kind domain.SubjectKind, subject string, until time.Time, revoke bool,
) (*admin.Revocation, error) {
	query, made := url.Values{}, adminapi.Revoking{}
	var answer any // there is none unless tokens are revoked
	if revoke {
		query.Set("revoke_tokens", "true")
		answer = &made
	}
	if !until.IsZero() {
		query.Set("expires_at", until.Format(time.RFC3339Nano))
	}
	_, err := c.Call(ctx, adminclient.Request{Operation: "assignment.assign", Path: []string{role, string(kind) + "s", subject}, Query: query}, answer)
	return made.Revocation, err
}

func (a *app) unassignCommand() *cobra.Command {
	var f subjectFlags
	var effect effectFlags
	cmd := &cobra.Command{
		Use:   "unassign ROLE",
		Short: "Take a role from a user, a group or a client",
		Long:  "Takes a role away.\n" + effectHelp,
		Example: `  signet unassign clerk --client reporting
  signet unassign clerk --group ops --effect
  signet unassign clerk --group ops --revoke-tokens`,
		Args: cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			kind, subject := f.subject()
			if effect.only {
				return effectOf(ctx, c, "role", args[0], adminapi.NewRoleEffect{User: f.user, Group: f.group, Client: f.client})
			}
			unassigned := answer(done{"unassigned", "role", args[0]})
			return effect.change(ctx, a, c, unassigned, "assignment.unassign", args[0], string(kind)+"s", subject)
		}),
	}
	f.add(cmd)
	effect.add(cmd)
	cmd.MarkFlagsOneRequired("user", "group", "client")
	return cmd
}

func (a *app) assignmentCommand() *cobra.Command {
	return noun("assignment", "List who has which role", a.assignmentList())
}

func (a *app) assignmentList() *cobra.Command {
	var f subjectFlags
	var role, api, permission, search string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List assignments, the oldest first",
		Example: `  signet assignment list --role clerk
  signet assignment list --user alice
  signet assignment list --api https://orders.example --permission orders:write
  signet assignment list --role clerk --search al`,
		Args: cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			query := url.Values{"api": {api}, "permission": {permission}, "role": {role}, "user": {f.user}, "group": {f.group}, "client": {f.client}, "search": {search}}
			list, err := all[admin.Assignment](ctx, c, "assignment.list", limit, query)
			return assignments.table(list), err
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&role, "role", "", "those of the role `NAME`")
	cmd.Flags().StringVar(&api, "api", "", "those of roles that give permissions at the API `AUDIENCE`")
	cmd.Flags().StringVar(&permission, "permission", "", "those of roles that give the permission `NAME`")
	searchFlag(cmd, &search, "subject's name")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most `N` (default all)")
	return cmd
}
