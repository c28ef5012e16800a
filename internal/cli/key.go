package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

var keys = layout[admin.Key]{
	[]string{"KID", "ALG", "STATE", "CREATED", "ACTIVE SINCE", "ENDED"},
	func(v admin.Key) []any {
		ended := v.RetiredAt
		if ended.IsZero() {
			ended = v.RevokedAt
		}
		return []any{v.KID, v.Alg, v.State, v.CreatedAt, v.ActivatedAt, ended}
	},
}

func (a *app) keyCommand() *cobra.Command {
	return noun("key", "Manage signing keys", a.keyList(), a.keyShow(), a.keyRotate(), a.keyRevoke(), a.keyDrill(), a.keyRewrap())
}

func (a *app) keyList() *cobra.Command {
	var search string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the signing keys, the oldest first",
		Long: `Lists the signing keys. A key is published before it signs (next), signs (active), is published until its last
token has expired (retired), or is revoked with every token that it signed (revoked).`,
		Example: "  signet key list",
		Args:    cobra.NoArgs,
	}
	searchFlag(cmd, &search, "KID")
	return a.watched(cmd, asListed, func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		var page admin.Page[admin.Key]
		_, err := c.Call(ctx, adminclient.Request{Operation: "key.list", Query: url.Values{"search": {search}}}, &page)
		return keys.table(page.Items), err
	})
}

func (a *app) keyShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show KID",
		Short:   admin.OperationOf("key.find").Summary,
		Example: "  signet key show $(signet key list -o json | jq -r '.[0].kid')",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			v, err := call[admin.Key](ctx, c, "key.find", nil, args[0])
			return view{v, func(w io.Writer) {
				details(w, "kid", v.KID, "alg", v.Alg, "state", v.State, "created", v.CreatedAt, "active since", v.ActivatedAt,
					"rotates", v.RotatesAt, "retired", v.RetiredAt, "revoked", v.RevokedAt)
			}}, err
		}),
	}
}

func (a *app) keyRotate() *cobra.Command {
	var alg string
	var force bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make the next signing key active, and show it",
		Long: `Retires the active key of each algorithm, all or none, or of one, and makes the next one active. Running servers sign with it from their
next token on; no token becomes invalid. Servers do so every keys.rotate_every. Twice within keys.jwks_max_age is refused
without --force: services that cache the JWKS for so long do not have the second key yet.`,
		Example: `  signet key rotate
  signet key rotate --alg ES256`,
		Args: cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			body := members{"force": force}
			if alg != "" {
				body["alg"] = alg
			}
			active, err := call[admin.Page[admin.Key]](ctx, c, "key.rotate", body)
			return keys.table(active.Items), err
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "although services may not have fetched the next key")
	cmd.Flags().StringVar(&alg, "alg", "", "only keys of `ALG`: ES256, RS256 or EdDSA (default all)")
	return cmd
}

// revokedKeyView is the result of revoking a key.
type revokedKeyView struct {
	KID           string `json:"kid"`
	Replacement   string `json:"replacement,omitempty"` // the kid that signs from now on, if this one did
	RevokedTokens int64  `json:"revoked_tokens"`
}

func (v revokedKeyView) text(w io.Writer) {
	fmt.Fprintf(w, "revoked key %s and %s that it signed\n", v.KID, count(v.RevokedTokens, "live token"))
	if v.Replacement != "" {
		fmt.Fprintf(w, "key %s signs from now on\n", v.Replacement)
	}
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke KID",
		Short: "Revoke a signing key and every token that it signed",
		Long: `For a key that may be compromised. It is removed from the JWKS, introspection answers that its tokens are not active,
and services that verify tokens offline refuse them once they have fetched the JWKS again (keys.jwks_max_age).
If it was the active key, the next key becomes active.`,
		Example: "  signet key revoke $(signet key list -o json | jq -r '.[0].kid')",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			revoked, err := call[adminapi.RevokedKey](ctx, c, "key.revoke", nil, args[0])
			if err != nil {
				return view{}, err
			}
			done, err := c.Finish(ctx, revoked.Revocation, a.progress())
			return answer(revokedKeyView{args[0], revoked.Replacement, done.RevokedTokens}), err
		}),
	}
}
