package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
)

// revokedView says how many live tokens and grants were revoked.
type revokedView struct {
	RevokedTokens int64 `json:"revoked_tokens"`
	RevokedGrants int64 `json:"revoked_grants"`
}

func (v revokedView) String() string {
	if v.RevokedGrants == 0 {
		return count(v.RevokedTokens, "token")
	}
	return count(v.RevokedTokens, "token") + " and " + count(v.RevokedGrants, "grant")
}

func count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprint(n, " ", noun)
}

func (v revokedView) text(w io.Writer) { fmt.Fprintln(w, "revoked", v) }

// revokeFlags are the criteria by which many tokens are revoked.
type revokeFlags struct {
	index.Names
	grant        int64
	all          bool
	keepGrants   bool
	issuedBefore time.Time
}

func (a *app) tokenRevoke() *cobra.Command {
	var f revokeFlags
	cmd := &cobra.Command{
		Use:   "revoke [JTI...]",
		Short: "Revoke tokens by id, or all of a user, client, API or grant",
		Long: `Revokes tokens. They are inactive at every server on this database as soon as the revocation is stored; then the
rows of the tokens are updated, with a progress bar. That may be interrupted: a running server continues it.
Grants end with their tokens, so that no refresh token makes new ones, unless --keep-grants says otherwise. With
--issued-before, grants stay, and so do tokens issued later.`,
		Example: `  signet token revoke AZk2yFLxQmWn0p3sVb7hTQ
  signet token revoke --user alice
  signet token revoke --client reporting --issued-before 2026-11-01T12:00:00Z
  signet token revoke --all`,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if len(args) > 0 {
				return revokeByID(ctx, c, args)
			}
			begun, err := call[admin.Revocation](ctx, c, "revocation.begin", f.body())
			if err != nil {
				return view{}, err
			}
			done, err := c.Finish(ctx, begun, a.progress())
			return answer(revokedView{done.RevokedTokens, done.RevokedGrants}), err
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.User, "user", "", "all of the user `NAME`, and the user's grants")
	flags.StringVar(&f.Client, "client", "", "all of the client `CLIENT_ID`, and its grants")
	flags.StringVar(&f.API, "api", "", "all for the API `AUDIENCE`, and their grants")
	flags.BoolVar(&f.all, "all", false, "all tokens and grants there are")
	flags.Int64Var(&f.grant, "grant", 0, "the grant `ID` and all of its tokens")
	flags.BoolVar(&f.keepGrants, "keep-grants", false, "let refresh tokens make new tokens")
	instantFlag(flags, &f.issuedBefore, "issued-before", "only those issued before `TIME` (2026-11-01 or 2026-11-01T12:00:00Z)")
	cmd.Args = func(_ *cobra.Command, args []string) error { return f.check(args) }
	return cmd
}

func (f *revokeFlags) body() adminapi.NewRevocation {
	body := adminapi.NewRevocation{User: f.User, Client: f.Client, API: f.API, Grant: f.grant, All: f.all, KeepGrants: f.keepGrants}
	if !f.issuedBefore.IsZero() {
		body.IssuedBefore = &f.issuedBefore
	}
	return body
}

func (f *revokeFlags) check(args []string) error {
	chosen := 0
	for _, set := range []bool{len(args) > 0, f.User != "", f.Client != "", f.API != "", f.all, f.grant != 0} {
		if set {
			chosen++
		}
	}
	switch {
	case chosen != 1:
		return fmt.Errorf("name either token ids, or one of --user, --client, --api, --all and --grant")
	case (!f.issuedBefore.IsZero() || f.keepGrants) && (len(args) > 0 || f.grant != 0):
		return fmt.Errorf("--issued-before and --keep-grants go with --user, --client, --api or --all")
	}
	return nil
}

func revokeByID(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
	ids, err := parseTokenIDs(args)
	if err != nil {
		return view{}, err
	}
	for _, id := range ids {
		if err := act(ctx, c, "token.revoke", id.String()); err != nil {
			return view{}, err
		}
	}
	return answer(revokedView{RevokedTokens: int64(len(ids))}), nil
}

// parseTokenIDs reads all ids before anything is done with one.
func parseTokenIDs(args []string) ([]domain.TokenID, error) {
	var ids []domain.TokenID
	for _, arg := range args {
		id, err := domain.ParseTokenID(arg)
		if err != nil {
			return nil, usagef("%q is not a token's id: see the JTI of signet token list", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
