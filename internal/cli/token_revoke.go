package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
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
	kid, role, state          string
	grant                     int64
	all                       bool
	keepGrants                bool
	issuedSince, issuedBefore time.Time
}

func (a *app) tokenRevoke() *cobra.Command {
	var f revokeFlags
	cmd := &cobra.Command{
		Use:   "revoke [JTI...]",
		Short: "Revoke tokens by id, or all that meet some criteria",
		Long: `Revokes tokens by their ids, two hundred at once, or those that meet all of the criteria given and are issued until now.
They are inactive at every server on this database as soon as the revocation is stored; then the rows of the tokens are
updated, with a progress bar. That may be interrupted: a running server continues it. signet token count says how many
there are.
Grants end with their tokens, so that no refresh token makes new ones, where --user, --client, --api, --grant or --all is
given alone, or --user, --client and --api together, unless --keep-grants says otherwise. With other criteria grants stay.`,
		Example: `  signet token revoke AZk2yFLxQmWn0p3sVb7hTQ
  signet token revoke --user alice
  signet token revoke --client reporting --issued-before 2026-11-01T12:00:00Z
  signet token revoke --user alice --client shop --api https://orders.example
  signet token revoke --role clerk --issued-since 2026-11-01 --key k1
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
	flags.StringVar(&f.kid, "key", "", "those that the key `KID` signed")
	flags.StringVar(&f.role, "role", "", "those of users and clients that hold the role `ROLE` now")
	flags.StringVar(&f.state, "state", "", "those that are `STATE`: suspended, or live, which is the same as without")
	flags.BoolVar(&f.keepGrants, "keep-grants", false, "let refresh tokens make new tokens")
	instantFlag(flags, &f.issuedSince, "issued-since", "only those issued at `TIME` (2026-11-01 or 2026-11-01T12:00:00Z) or later")
	instantFlag(flags, &f.issuedBefore, "issued-before", "only those issued before `TIME` (2026-11-01 or 2026-11-01T12:00:00Z)")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("grant") && f.grant < 1 { // else it would be left out
			return fmt.Errorf("--grant %d: there is no such grant", f.grant)
		}
		return f.check(args)
	}
	return cmd
}

func (f *revokeFlags) body() adminapi.NewRevocation {
	body := adminapi.NewRevocation{
		User: f.User, Client: f.Client, API: f.API, KID: f.kid, Role: f.role, Grant: f.grant, State: domain.TokenState(f.state),
		All: f.all, KeepGrants: f.keepGrants,
	}
	if !f.issuedSince.IsZero() {
		body.IssuedSince = &f.issuedSince
	}
	if !f.issuedBefore.IsZero() {
		body.IssuedBefore = &f.issuedBefore
	}
	return body
}

func (f *revokeFlags) check(args []string) error {
	criteria := f.User != "" || f.Client != "" || f.API != "" || f.grant != 0 || f.kid != "" || f.role != "" || f.state != "" || !f.issuedSince.IsZero()
	switch {
	case len(args) > 0 && (criteria || f.all || f.keepGrants || !f.issuedBefore.IsZero()):
		return fmt.Errorf("name either token ids, or criteria")
	case len(args) == 0 && criteria == f.all:
		return fmt.Errorf("name token ids, or criteria such as --user, --client and --api, or --all alone")
	case f.state != "" && f.state != string(domain.TokenLive) && f.state != string(domain.TokenSuspended):
		return fmt.Errorf("--state %q is neither live nor suspended", f.state)
	}
	return nil
}

func revokeByID(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
	parsed, err := parseTokenIDs(args)
	if err != nil {
		return view{}, err
	}
	ids := make([]string, len(parsed))
	for i, id := range parsed {
		ids[i] = id.String()
	}
	var revoked revokedView
	for some := range slices.Chunk(ids, admin.MaxChosen) {
		done, err := call[adminapi.RevokedTokens](ctx, c, "token.revoke_chosen", adminapi.ChosenTokens{JTI: some})
		if err != nil {
			return view{}, err
		}
		revoked.RevokedTokens += int64(done.RevokedTokens)
	}
	return answer(revoked), nil
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
