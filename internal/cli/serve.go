package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/server"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs the server until SIGINT or SIGTERM. Without any setting it listens on
http://127.0.0.1:8080 and keeps its data in ./signet-data. While there is no administrator it prints a link that
makes the first one, once. config/signet.yaml explains all settings.`,
		Example: `  signet serve
  signet serve --dev-tls
  SIGNET_TLS_ACME_AGREE_TERMS=true signet serve --listen 0.0.0.0:443 --issuer https://login.example.com
  SIGNET_MASTER_KEY_FILE=/run/secrets/master.key signet serve --database postgres://signet@db/signet`,
		Args: cobra.NoArgs,
		RunE: a.here(func(ctx context.Context, cfg config.Config) error {
			return explain(server.Run(ctx, cfg, programVersion(), a.stdout, a.logger(cfg.Log)))
		}),
	}
	flags := cmd.Flags()
	a.setting(flags, "listen", "listen", "listen on `HOST:PORT` (default 127.0.0.1:8080)")
	a.setting(flags, "issuer", "issuer", "the issuer `URL` of tokens (default http:// and the address of --listen)")
	flags.BoolFunc("dev-tls", "speak HTTPS by an authority of this installation's own, for development on this machine", func(value string) error {
		a.settings["tls.dev"] = value
		return nil
	})
	a.setting(flags, "log-level", "log.level", "log from `LEVEL` on: debug, info, warn or error (default info)")
	a.setting(flags, "log-format", "log.format", "log as `FORMAT`: text or json (default text)")
	return cmd
}
