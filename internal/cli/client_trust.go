package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

var trusts = layout[admin.ClientTrust]{
	[]string{"ID", "ISSUER", "SUBJECT", "AUDIENCE", "CLAIMS", "REUSABLE"},
	func(v admin.ClientTrust) []any {
		return []any{v.ID, v.Issuer, v.Subject, v.Audience, trustClaims(v), v.Reusable}
	},
}

func trustClaims(v admin.ClientTrust) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(v.Claims)) {
		list = append(list, name+"="+v.Claims[name])
	}
	return list
}

func (a *app) clientTrustCommand() *cobra.Command {
	return noun("trust", "Manage whose JWTs authenticate a client, so that its workloads need no secret",
		a.clientTrustAdd(), a.clientTrustList(), a.clientTrustRemove())
}

func (a *app) clientTrustAdd() *cobra.Command {
	trust := adminapi.NewTrust{Claims: map[string]string{}}
	var jwksFile string
	cmd := &cobra.Command{
		Use:   "add CLIENT_ID --issuer ISSUER --subject PATTERN",
		Short: "Let JWTs of another issuer authenticate a client",
		Long: `Lets JWTs of another issuer authenticate a client: those of Kubernetes service accounts, CI jobs, cloud or SPIFFE workloads.
In the pattern of subjects, * stands for one or more characters other than : and /, and ** at the end for whatever follows. One that
trusts too much is refused. Each JWT serves once, unless --reusable.`,
		Example: `  signet client trust add deploy --issuer https://token.actions.githubusercontent.com --subject repo:octo-org/shop:ref:refs/heads/main
  signet client trust add billing --issuer https://kubernetes.default.svc.cluster.local --jwks-file cluster-keys.json \
      --subject system:serviceaccount:billing:worker --reusable`,
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
	}
	flags := cmd.Flags()
	flags.StringVar(&trust.Issuer, "issuer", "", "the `ISSUER`, as the JWTs have it")
	flags.StringVar(&trust.Subject, "subject", "", "a `PATTERN` of their subjects")
	flags.StringVar(&trust.Audience, "audience", "", "the only `AUDIENCE` that they name (default Signet's issuer)")
	flags.Func("claim", "another claim that they must have with just this value, `NAME=VALUE`; may be repeated", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" || value == "" {
			return errors.New("write NAME=VALUE")
		}
		if _, twice := trust.Claims[name]; twice {
			return errors.New("it is given twice")
		}
		trust.Claims[name] = value
		return nil
	})
	flags.StringVar(&jwksFile, "jwks-file", "", "the issuer's public keys are in `FILE`, a JWK Set")
	flags.StringVar(&trust.JWKSURI, "jwks-uri", "", "the issuer publishes its keys at `URI` (default: where its metadata says)")
	flags.BoolVar(&trust.Private, "private", false, "that may be at a private address")
	flags.BoolVar(&trust.Reusable, "reusable", false, "a JWT serves until it expires, not just once")
	cmd.MarkFlagsMutuallyExclusive("jwks-file", "jwks-uri")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		if trust.Issuer == "" || trust.Subject == "" {
			return view{}, usagef("name whom to trust: add --issuer and --subject")
		}
		if jwksFile != "" {
			var err error
			if trust.JWKS, err = readJWKS(jwksFile); err != nil {
				return view{}, err
			}
		}
		added, err := call[admin.ClientTrust](ctx, c, "client.add_trust", trust, args[0])
		return trusts.table([]admin.ClientTrust{added}), err
	})
	return cmd
}

func (a *app) clientTrustList() *cobra.Command {
	return &cobra.Command{
		Use:     "list CLIENT_ID",
		Short:   "List whose JWTs authenticate a client",
		Example: "  signet client trust list deploy",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			client, err := clients.find(ctx, c, args[0])
			return trusts.table(client.Trusts), err
		}),
	}
}

func (a *app) clientTrustRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "remove CLIENT_ID ID",
		Short:   "Stop trusting an issuer for a client",
		Example: "  signet client trust remove deploy 1",
		Args:    cobra.ExactArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if _, err := strconv.ParseInt(args[1], 10, 64); err != nil {
				return view{}, usagef("%q is not the id of a trust: see signet client trust list %s", args[1], args[0])
			}
			return answer(done{"removed", "trust", args[1]}), act(ctx, c, "client.remove_trust", args...)
		}),
	}
}
