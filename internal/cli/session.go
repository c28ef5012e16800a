package cli

import (
	"context"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

var sessions = kind[admin.Session]{
	noun: "session", key: "SID", example: "0f3c9a1b7d2e4856",
	layout: layout[admin.Session]{
		[]string{"SID", "USER", "IP", "SIGNED IN", "LAST SEEN", "CLIENTS", "BROWSER"},
		func(v admin.Session) []any {
			return []any{v.SID, v.Username, v.IP, v.AuthTime, v.LastSeenAt, v.Clients, v.UserAgent}
		},
	},
	details: func(w io.Writer, v admin.Session) {
		details(w, "sid", v.SID, "username", v.Username, "user_agent", v.UserAgent, "ip", v.IP, "amr", v.AMR, "acr", v.ACR, "auth_time", v.AuthTime,
			"created_at", v.CreatedAt, "last_seen_at", v.LastSeenAt, "expires_at", v.ExpiresAt, "clients", v.Clients)
	},
}

func (a *app) sessionCommand() *cobra.Command {
	return noun("session", "See who is signed in, and end that",
		a.sessionList(), sessions.showCommand(a), a.sessionEnd())
}

func (a *app) sessionList() *cobra.Command {
	var user, search string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   sessions.summary("list"),
		Example: "  signet session list\n  signet session list --user alice\n  signet session list --search al",
		Args:    cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			list, err := all[admin.Session](ctx, c, "session.list", limit, url.Values{"user": {user}, "search": {search}})
			return sessions.table(list), err
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "show those of the user `NAME`")
	searchFlag(cmd, &search, "SID or a user's name")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most `N` (default all)")
	return cmd
}

func (a *app) sessionEnd() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:     "end [SID]",
		Short:   "End a session, or all of a user",
		Example: "  signet session end 0f3c9a1b7d2e4856\n  signet session end --user alice",
		Args:    cobra.MaximumNArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			switch {
			case (user == "") == (len(args) == 0):
				return view{}, usagef("name one session, or a user with --user")
			case user != "":
				return answer(done{"ended", "sessions of", user}), act(ctx, c, "user.end_sessions", user)
			}
			return answer(done{"ended", "session", args[0]}), act(ctx, c, "session.end", args[0])
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "end all of the user `NAME`")
	return cmd
}
