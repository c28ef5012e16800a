package cli

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

func (a *app) invitationCommand() *cobra.Command {
	return noun("invitation", "Let clients register themselves, where self_registration.endpoint is \"invited\"",
		a.invitationCreate(), a.invitationList(), a.invitationDelete())
}

// madeInvitation is a new one.
type madeInvitation admin.MadeInvitation

func (v madeInvitation) text(w io.Writer) {
	details(w, "id", v.ID, "token", v.Token, "max_uses", v.MaxUses, "expires_at", v.ExpiresAt)
}

func (a *app) invitationCreate() *cobra.Command {
	var note string
	var uses int
	var expiresIn time.Duration
	cmd := &cobra.Command{
		Use:   "create",
		Short: admin.OperationOf("invitation.create").Summary,
		Long: `Makes an initial access token (RFC 7591): who presents it at /oauth2/register registers a client. What such clients
may ask for is the setting self_registration.permissions.`,
		Example: "  signet invitation create --uses 10 --expires-in 72h --note Editors",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&note, "note", "", "remember what it is for: `TEXT`")
	cmd.Flags().IntVar(&uses, "uses", 1, "let `N` clients be registered with it, at most 1000")
	cmd.Flags().DurationVar(&expiresIn, "expires-in", 24*time.Hour, "let it expire after this long")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		body := members{"max_uses": uses, "expires_at": now().Add(expiresIn)}
		if note != "" {
			body["note"] = note
		}
		made, err := call[admin.MadeInvitation](ctx, c, "invitation.create", body)
		if err != nil {
			return view{}, err
		}
		a.note("Keep the token: it is not shown again.")
		return answer(madeInvitation(made)), nil
	})
	return cmd
}

var invitations = layout[admin.Invitation]{
	[]string{"ID", "NOTE", "USES", "OF", "CREATED", "EXPIRES"},
	func(v admin.Invitation) []any {
		return []any{v.ID, v.Note, v.Uses, v.MaxUses, v.CreatedAt, v.ExpiresAt}
	},
}

func (a *app) invitationList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   admin.OperationOf("invitation.list").Summary,
		Example: "  signet invitation list",
		Args:    cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			list, err := all[admin.Invitation](ctx, c, "invitation.list", 0, nil)
			return invitations.table(list), err
		}),
	}
}

func (a *app) invitationDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete ID",
		Short:   admin.OperationOf("invitation.delete").Summary,
		Example: "  signet invitation delete 1",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if _, err := strconv.ParseInt(args[0], 10, 64); err != nil {
				return view{}, usagef("%q is not the id of an invitation: see signet invitation list", args[0])
			}
			return answer(done{"deleted", "invitation", args[0]}), act(ctx, c, "invitation.delete", args[0])
		}),
	}
}
