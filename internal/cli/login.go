package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
)

// loginPatience is for how long a command waits for its user in the browser.
const loginPatience = 10 * time.Minute

func (a *app) loginCommand() *cobra.Command {
	var device, noBrowser bool
	cmd := &cobra.Command{
		Use:   "login --server URL",
		Short: "Sign in at a server, to manage it from here",
		Long: `Signs you in at a server in the browser. From then on commands work there, with what your roles allow; the tokens are kept in a file
that only you may read. With --device you confirm a code in the browser of another device, for a machine that has none. Several servers
have a context each, named after the server's host unless --context names it: see signet context.
Where no person can sign in, set SIGNET_SERVER and SIGNET_TOKEN, an access token of a client for urn:signet:admin.`,
		Example: `  signet login --server https://login.example.com
  signet login --server https://login.example.com --device`,
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().BoolVar(&device, "device", false, "confirm a code in the browser of another device")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "print the link, and start no browser")
	cmd.MarkFlagsMutuallyExclusive("device", "no-browser")
	cmd.RunE = a.run(func(ctx context.Context, _ []string) (view, error) {
		server := cmp.Or(a.server, os.Getenv("SIGNET_SERVER"))
		base, err := adminclient.ParseServer(server)
		if err != nil {
			return view{}, usageError{fmt.Errorf("--server: %w", err)}
		}
		name := cmp.Or(a.context, base.Host)
		if name == onDatabase {
			return view{}, usagef("the context %s is that of the commands on the database: choose another name", onDatabase)
		}
		contexts, err := adminclient.OpenContexts()
		if err != nil {
			return view{}, err
		}
		endpoints, err := adminclient.Discover(ctx, server)
		if err != nil {
			return view{}, err
		}
		ctx, cancel := context.WithTimeoutCause(ctx, loginPatience, errors.New("nobody signed in for ten minutes"))
		defer cancel()
		var tokens adminclient.TokenAnswer
		if device {
			tokens, err = a.loginByDevice(ctx, endpoints)
		} else {
			tokens, err = a.loginByBrowser(ctx, endpoints, !noBrowser)
		}
		if err != nil {
			return view{}, err
		}
		made := &adminclient.Context{Server: base.String(), TokenEndpoint: endpoints.Token, RevokeAt: endpoints.Revoke}
		if err := tokens.Keep(made, time.Now()); err != nil {
			return view{}, err
		}
		var before *adminclient.Context
		err = contexts.Edit(func(c *adminclient.Contexts) error {
			before = c.Named[name]
			c.Named[name], c.Current = made, name
			return nil
		})
		if err == nil && before != nil {
			_ = before.Revoke(ctx) // nobody has them any more, and they expire
		}
		return answer(done{"signed in at", base.String() + ", context", name}), err
	})
	return cmd
}

// loginScope asks for a refresh token, and for all that a user may do; the server gives what this one may.
func loginScope(e adminclient.Endpoints) string {
	return strings.Join(append([]string{"offline_access"}, e.Permissions...), " ")
}

// loginByBrowser gets tokens by an authorization code, which the browser brings to a port of this machine (RFC 8252 §7.3).
func (a *app) loginByBrowser(ctx context.Context, e adminclient.Endpoints, open bool) (tokens adminclient.TokenAnswer, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return tokens, fmt.Errorf("listen for the browser: %w", err)
	}
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	redirect := "http://" + listener.Addr().String() + "/callback"
	answers := make(chan url.Values, 1)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: callback(e.Issuer, state, answers)}
	go func() { _ = server.Serve(listener) }() // until it is closed
	defer func() { _ = server.Shutdown(context.WithoutCancel(ctx)) }()

	link := e.Authorize + "?" + url.Values{
		"response_type": {"code"}, "client_id": {domain.CLIClient}, "redirect_uri": {redirect}, "state": {state}, "scope": {loginScope(e)},
		"resource": {domain.AdminAudience}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	fmt.Fprintf(a.stderr, "Sign in at\n  %s\n", link)
	if open {
		openBrowser(ctx, link)
	}
	var given url.Values
	select {
	case given = <-answers:
	case <-ctx.Done():
		return tokens, context.Cause(ctx)
	}
	if given.Get("error") != "" {
		return tokens, fmt.Errorf("the server did not sign you in: %w", &adminclient.OAuthError{Code: given.Get("error"), Description: given.Get("error_description")})
	}
	err = adminclient.Post(ctx, e.Issuer, e.Token, url.Values{
		"grant_type": {domain.GrantAuthorizationCode}, "code": {given.Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	}, &tokens)
	return tokens, err
}

// callback takes the answer of the issuer to the request of a state, once.
func callback(issuer, state string, answers chan<- url.Values) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		given := r.URL.Query()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		// The issuer is named in each of its answers (RFC 9207).
		if subtle.ConstantTimeCompare([]byte(given.Get("state")), []byte(state)) != 1 || given.Get("iss") != issuer ||
			given.Get("code") == "" && given.Get("error") == "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintln(w, "This is no answer to the sign-in that the command line asked for.")
			return
		}
		select {
		case answers <- given:
		default: // there was one
		}
		fmt.Fprintln(w, "You may close this page and go on at the command line.")
	})
	return mux
}

// openBrowser starts the user's browser, if there is one: the link is printed, too.
func openBrowser(ctx context.Context, link string) {
	opener := []string{"xdg-open"}
	switch runtime.GOOS {
	case "windows":
		opener = []string{"rundll32", "url.dll,FileProtocolHandler"}
	case "darwin":
		opener = []string{"open"}
	}
	cmd := exec.CommandContext(ctx, opener[0], append(opener[1:], link)...) //nolint:gosec // the link is an http address of the server's own
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // there is nothing to do about it
	}
}

// deviceAnswer is what the device authorization endpoint gives (RFC 8628 §3.2).
type deviceAnswer struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	URI        string `json:"verification_uri"`
	Interval   int    `json:"interval"`
	ExpiresIn  int    `json:"expires_in"`
}

// loginByDevice gets tokens by a code that the user enters elsewhere (RFC 8628).
func (a *app) loginByDevice(ctx context.Context, e adminclient.Endpoints) (tokens adminclient.TokenAnswer, err error) {
	var codes deviceAnswer
	err = adminclient.Post(ctx, e.Issuer, e.Device, url.Values{"scope": {loginScope(e)}, "resource": {domain.AdminAudience}}, &codes)
	if err != nil {
		return tokens, err
	}
	fmt.Fprintf(a.stderr, "On any device, open\n  %s\nand enter the code\n  %s\n", codes.URI, codes.UserCode)
	interval := time.Duration(min(max(codes.Interval, 1), 60)) * time.Second
	for {
		select {
		case <-ctx.Done():
			return tokens, context.Cause(ctx)
		case <-time.After(interval):
		}
		err = adminclient.Post(ctx, e.Issuer, e.Token, url.Values{"grant_type": {domain.GrantDeviceCode}, "device_code": {codes.DeviceCode}}, &tokens)
		refused, ok := errors.AsType[*adminclient.OAuthError](err)
		switch {
		case ok && refused.Code == "slow_down":
			interval += 5 * time.Second
		case !ok || refused.Code != "authorization_pending":
			return tokens, err
		}
	}
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Sign out at a server: take the tokens back and forget them",
		Long:  `Signs you out at the server of --server or --context, or the one in use. Its tokens are revoked there, too.`,
		Example: `  signet logout
  signet logout --context login.example.com`,
		Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) (view, error) {
			contexts, err := adminclient.OpenContexts()
			if err != nil {
				return view{}, err
			}
			t, err := a.target(contexts)
			if err != nil {
				return view{}, err
			}
			if t.context == "" {
				return view{}, errors.New("you are signed in at no server")
			}
			var left *adminclient.Context
			err = contexts.Edit(func(c *adminclient.Contexts) (err error) {
				left, err = c.Of(t.context)
				return forget(c, t.context, err)
			})
			if err != nil {
				return view{}, err
			}
			if err := left.Revoke(ctx); err != nil {
				return view{}, fmt.Errorf("the tokens are forgotten here, but not revoked at the server: %w", err)
			}
			return answer(done{"signed out at", left.Server + ", context", t.context}), nil
		}),
	}
}
