// Signet is a centralized OAuth 2.0 and OpenID Connect authorization server: `signet serve` runs it, the other commands manage it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/signet-auth/signet/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
