package cli

import (
	"context"
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

var statistics = layout[admin.Statistic]{
	[]string{"AT", "KIND", "COUNT"},
	func(v admin.Statistic) []any { return []any{v.At, v.Kind, v.Count} },
}

func (a *app) statsCommand() *cobra.Command {
	var past, step time.Duration
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show how many tokens were issued and refused, and what else happened",
		Long: `Shows, by steps of time, how often servers issued a token (issued. and the grant type), refused one (refused. and the error code),
answered an introspection, revoked a token for a client, and signed somebody in or did not. What is zero is left out. A minute is there
seconds after it has ended, and for a fortnight.`,
		Example: `  signet stats
  signet stats --past 24h --step 1h -o json
  signet stats --past 10m --watch`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().DurationVar(&past, "past", time.Hour, "of this `TIME` until now")
	cmd.Flags().DurationVar(&step, "step", time.Minute, "by steps of this `TIME`: 1m, 5m, 15m, 1h, 6h or 24h")
	return a.watched(cmd, asListed, func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		now := time.Now()
		var sums admin.Page[admin.Statistic]
		_, err := c.Call(ctx, adminclient.Request{Operation: "statistics.sum", Query: url.Values{
			"from": {now.Add(-past).UTC().Format(time.RFC3339Nano)}, "to": {now.UTC().Format(time.RFC3339Nano)}, "step": {number(int(step.Seconds()))},
		}}, &sums)
		return statistics.table(sums.Items), err
	})
}

var replicas = layout[admin.Replica]{
	[]string{"ID", "VERSION", "STARTED", "SEEN", "LAG", "KEYS"},
	func(v admin.Replica) []any {
		keys := "current"
		if !v.Publishes {
			keys = "older"
		}
		return []any{v.ID, v.Version, v.StartedAt, v.SeenAt, fmt.Sprint(v.Lag, "s"), keys}
	},
}

func (a *app) replicasCommand() *cobra.Command {
	return a.watched(&cobra.Command{
		Use:     "replicas",
		Short:   admin.OperationOf("replica.list").Summary,
		Example: "  signet replicas\n  signet replicas --watch",
		Args:    cobra.NoArgs,
	}, asListed, func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		list, err := call[admin.Page[admin.Replica]](ctx, c, "replica.list", nil)
		return replicas.table(list.Items), err
	})
}

var hints = layout[admin.Hint]{
	[]string{"KIND", "OBJECT", "ABOUT", "AT"},
	func(v admin.Hint) []any { return []any{v.Kind, v.Object, v.About, v.At} },
}

func (a *app) attentionCommand() *cobra.Command {
	return a.watched(&cobra.Command{
		Use:   "attention",
		Short: admin.OperationOf("attention.list").Summary,
		Long: `Lists what somebody should look at: secrets and assignments that end within a fortnight, a single administrator, an issuer without TLS,
clients that got no token for 90 days, keys whose rotation is overdue, receivers that are behind, servers that went silent.`,
		Example: "  signet attention",
		Args:    cobra.NoArgs,
	}, asListed, func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		list, err := call[admin.Page[admin.Hint]](ctx, c, "attention.list", nil)
		return hints.table(list.Items), err
	})
}

// drillView is a drill, as people read it.
type drillView struct{ admin.Drill }

func (v drillView) text(w io.Writer) {
	d := v.Drill
	details(w, "kid", d.Key.KID, "alg", d.Key.Alg, "state", d.Key.State, "revoked", d.Key.RevokedAt)
	more := ""
	if d.Live.More {
		more = " or more"
	}
	fmt.Fprintf(w, "live tokens\t%d%s\n", d.Live.Count, more)
	for _, h := range d.Holdings {
		fmt.Fprintf(w, "of client\t%s for %s: %d\n", h.ClientID, h.Audience, h.Count)
	}
	for _, r := range d.Replicas {
		state := "publishes the key set that counts"
		switch {
		case r.Silent && r.Older():
			state = fmt.Sprintf("is silent; if it has lost the database and still runs, it publishes an older key set from memory until %s", cell(r.Until))
		case r.Silent:
			state = "is silent"
		case !r.Publishes:
			state = "publishes an older key set"
		}
		fmt.Fprintf(w, "replica\t%s %s (seen %s)\n", r.ID, state, cell(r.SeenAt))
	}
	fmt.Fprintf(w, "verifiers\t%d have the key set that counts, %d an older one\n", d.Known.Current, d.Known.Older)
	for _, verifier := range d.Verifiers {
		if !verifier.Current {
			fmt.Fprintf(w, "waits for\t%s %q (seen %s)\n", verifier.ID, verifier.UserAgent, cell(verifier.SeenAt))
		}
	}
	if d.Key.State == domain.KeyRevoked {
		for _, r := range d.Receivers {
			state := "has acknowledged the revocation"
			if !r.Acknowledged {
				state = "has not acknowledged the revocation"
			}
			fmt.Fprintf(w, "receiver\t%s %s\n", r.ClientID, state)
		}
		fmt.Fprintf(w, "converged\t%s\n", cell(d.Converged))
	}
}

func (a *app) keyDrill() *cobra.Command {
	var revoke bool
	cmd := &cobra.Command{
		Use:   "drill KID",
		Short: "Show what revoking a signing key ends; revoke it if told so; then show who has come to know",
		Long: `For a key that may be compromised, and to practise. Says which live tokens the key has signed, by client and API, which replicas publish it
and who has fetched the key set in the last day. With --revoke it revokes the key. Run it again to see which replicas publish the key set
without the key, who has fetched that since, and which receivers of security events have acknowledged the revocation. Who fetches the key set
is told apart by address and user agent; what fetches it through a cache counts as that cache.`,
		Example: `  signet key drill KID
  signet key drill KID --revoke --watch`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&revoke, "revoke", false, "revoke the key and all that it signed: this cannot be undone")
	return a.watched(cmd, asListed, func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		if revoke {
			revoked, err := call[adminapi.RevokedKey](ctx, c, "key.revoke", nil, args[0])
			if err == nil {
				_, err = c.Finish(ctx, revoked.Revocation, a.progress())
			}
			if err != nil {
				return view{}, err
			}
			revoke = false // once
		}
		drill, err := call[admin.Drill](ctx, c, "key.drill", nil, args[0])
		return answer(drillView{drill}), err
	})
}
