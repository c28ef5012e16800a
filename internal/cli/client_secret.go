package cli

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

func (a *app) clientSecretCommand() *cobra.Command {
	return noun("secret", "Manage a client's secrets, to change one without an outage",
		a.clientSecretAdd(), a.clientSecretList(), a.clientSecretRemove())
}

// addedSecret is a new secret.
type addedSecret admin.AddedSecret

func (v addedSecret) text(w io.Writer) {
	details(w, "client_id", v.ClientID, "client_secret", v.Secret, "id", v.ID, "expires_at", v.ExpiresAt)
}

func (a *app) clientSecretAdd() *cobra.Command {
	var expiresIn time.Duration
	var secretStdin, hashStdin bool
	cmd := &cobra.Command{
		Use:   "add CLIENT_ID",
		Short: "Give a client another secret and print it",
		Long: `Makes another secret for a client; those it has stay valid. To change a secret: add one, give it to the client,
then remove the old one. One that has expired is removed after a month. --secret-stdin gives it a secret that it has in another
system, --secret-hash-stdin one that is known there by its hash alone.`,
		Example: `  signet client secret add reporting
  signet client secret add reporting --expires-in 2160h`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().DurationVar(&expiresIn, "expires-in", 0, "let the secret expire after this long (default never)")
	cmd.Flags().BoolVar(&secretStdin, "secret-stdin", false, "read the secret from stdin in place of making one: 16 bytes at least")
	cmd.Flags().BoolVar(&hashStdin, "secret-hash-stdin", false, "read the hash of the secret that it has in another system from stdin: argon2id, bcrypt or PBKDF2")
	cmd.MarkFlagsMutuallyExclusive("secret-stdin", "secret-hash-stdin")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		var expiresAt *time.Time
		if cmd.Flags().Changed("expires-in") {
			end := now().Add(expiresIn)
			expiresAt = &end
		}
		given, hash, err := a.givenSecret(secretStdin, hashStdin)
		if err != nil {
			return view{}, err
		}
		body := adminapi.NewSecret{ClientSecret: given, SecretHash: hash, ExpiresAt: expiresAt}
		secret, err := call[admin.AddedSecret](ctx, c, "client.add_secret", body, args[0])
		if err != nil || given != "" || hash != "" {
			return answer(addedSecret(secret)), err
		}
		a.note("Keep the client_secret: it is not shown again.")
		return answer(addedSecret(secret)), nil
	})
	return cmd
}

// givenSecret reads the secret that a client has in another system, or its hash.
func (a *app) givenSecret(secret, hash bool) (given, hashed string, err error) {
	if given, err = a.readIf(secret, "client secret"); err != nil {
		return given, hashed, err
	}
	hashed, err = a.readIf(hash, "hash of the client secret")
	return given, hashed, err
}

func (a *app) clientSecretList() *cobra.Command {
	return &cobra.Command{
		Use:     "list CLIENT_ID",
		Short:   "List a client's secrets, without the secrets themselves",
		Example: "  signet client secret list reporting",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			client, err := clients.find(ctx, c, args[0])
			return secrets.table(client.Secrets), err
		}),
	}
}

func (a *app) clientSecretRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "remove CLIENT_ID ID",
		Short:   "Remove one of a client's secrets",
		Example: "  signet client secret remove reporting 1",
		Args:    cobra.ExactArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if _, err := strconv.ParseInt(args[1], 10, 64); err != nil {
				return view{}, usagef("%q is not the id of a secret: see signet client secret list %s", args[1], args[0])
			}
			return answer(done{"removed", "secret", args[1]}), act(ctx, c, "client.remove_secret", args...)
		}),
	}
}
