package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

const effectHelp = `With --effect nothing is changed: it says who would lose what, and how many live tokens carry it. With --revoke-tokens
exactly those are revoked, in one transaction with the change; grants stay.`

// effectFlags choose what happens to tokens that carry what a change takes away.
type effectFlags struct{ only, revoke bool }

func (f *effectFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.only, "effect", false, "change nothing: say what the change would take away")
	cmd.Flags().BoolVar(&f.revoke, "revoke-tokens", false, "revoke exactly the live tokens that carry what is taken away")
	cmd.MarkFlagsMutuallyExclusive("effect", "revoke-tokens")
}

// effectView says what a change would take away.
type effectView admin.Effect

func (v effectView) text(w io.Writer) {
	fmt.Fprintf(w, "held by %s\n", v.holders())
	if len(v.Mapped) > 0 {
		fmt.Fprintf(w, "not counted: claims that mappings of these APIs make of roles and groups: %s\n", strings.Join(v.Mapped, ", "))
	}
	if len(v.APIs) == 0 {
		fmt.Fprintln(w, "nobody loses anything")
		return
	}
	var rows [][]any
	for _, api := range v.APIs {
		tokens := fmt.Sprint(api.Tokens)
		if api.More {
			tokens = "more than " + tokens
		}
		lost := slices.Clone(api.Permissions)
		for _, role := range api.Roles {
			lost = append(lost, "role "+role)
		}
		for _, group := range api.Groups {
			lost = append(lost, "group "+group)
		}
		rows = append(rows, []any{api.Audience, api.Users, api.Clients, tokens, lost})
	}
	writeTable(w, []string{"API", "USERS", "CLIENTS", "LIVE TOKENS", "LOSES"}, rows)
}

func (v effectView) holders() string {
	text := count(int64(v.Holders.Users), "user") + ", " + count(int64(v.Holders.Groups), "group") + " and " + count(int64(v.Holders.Clients), "client")
	if v.Holders.More {
		text = "more than " + text
	}
	return text
}

// effectOf shows the effect of a change of a role or a group that is not made.
func effectOf(ctx context.Context, c *adminclient.Client, noun, name string, of any) (view, error) {
	effect, err := call[admin.Effect](ctx, c, noun+".effect", of, name)
	return answer(effectView(effect)), err
}

// deleteWithEffect makes the command that deletes an object of a kind, which has an effect.
func deleteWithEffect[V any](a *app, k kind[V], of any) *cobra.Command {
	var effect effectFlags
	cmd := k.command(a, "delete", k.summary("delete"), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		if effect.only {
			return effectOf(ctx, c, k.noun, args[0], of)
		}
		return effect.change(ctx, a, c, answer(done{"deleted", k.noun, args[0]}), k.noun+".delete", args[0])
	})
	cmd.Long = k.summary("delete") + ".\n" + effectHelp
	cmd.Example += "\n" + cmd.Example + " --effect\n" + cmd.Example + " --revoke-tokens"
	effect.add(cmd)
	return cmd
}

// change makes a change that takes access away and has nothing else to answer.
func (f *effectFlags) change(ctx context.Context, a *app, c *adminclient.Client, changed view, operation string, path ...string) (view, error) {
	if !f.revoke {
		return changed, act(ctx, c, operation, path...)
	}
	var answer adminapi.Revoking
	_, err := c.Call(ctx, adminclient.Request{Operation: operation, Path: path, Query: url.Values{"revoke_tokens": {"true"}}}, &answer)
	if err != nil {
		return view{}, err
	}
	return a.withRevocation(ctx, c, changed, answer.Revocation)
}

// withRevocation is the view of a change, and of the revocation that came with it, which it finishes; that may be interrupted.
func (a *app) withRevocation(ctx context.Context, c *adminclient.Client, changed view, begun *admin.Revocation) (view, error) {
	var revoked revokedView
	if begun != nil {
		done, err := c.Finish(ctx, *begun, nil)
		if err != nil {
			return view{}, err
		}
		revoked.RevokedTokens = done.RevokedTokens
	}
	return view{changed.value, func(w io.Writer) {
		changed.text(w)
		revoked.text(w)
	}}, nil
}
