package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/oauth"
)

func (a *app) clientCommand() *cobra.Command {
	return noun("client", "Manage clients: the applications that ask for tokens",
		a.clientCreate(), a.clientList(), clients.showCommand(a), accessCommand(a, clients), a.clientUpdate(),
		alias(clients.disable(a), "lock"),
		alias(clients.change(a, "enable"), "unlock"),
		clients.change(a, "delete"),
		a.clientSecretCommand(), a.clientTrustCommand())
}

// clientFlags are what create and update share.
type clientFlags struct {
	name, idTokenAlg, defaultAPI string
	servesUserinfo               bool
	groupNames                   string
	subjectType, sector          string
	userinfoAlg                  string
	firstParty, requirePKCE      bool
	keepRefreshTokens            bool
	sessionRefreshTokens         bool
	revokeOnSessionEnd           bool
	refreshOverlap               int64 // seconds
	grants, redirectURIs, serves []string
	postLogoutURIs               []string
	logoutURI                    string
	frontURI                     string
	frontSID                     bool
	logoutPrivate                bool
	jwksFile, jwksURI            string
	jwksPrivate, endpointAud     bool
	apis                         []reference
	claims                       []admin.ClaimMapping
	noClaims                     []string // to remove
}

func (f *clientFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	grants := domain.GrantTypeNames(oauth.GrantTypes())
	flags.StringVar(&f.name, "name", "", "call it `TEXT` for people")
	flags.StringArrayVar(&f.grants, "grant", nil, "allow the grant `TYPE`: "+strings.Join(grants, ", ")+"; may be repeated")
	references(flags, &f.apis, "api", "let it ask for tokens of an API, `AUDIENCE` for all of it or AUDIENCE#permission; may be repeated")
	flags.StringVar(&f.defaultAPI, "default-api", "", "the API, `AUDIENCE`, of its requests that name none")
	complete := cobra.FixedCompletions(grants, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("grant", complete); err != nil {
		panic(err) // the flag is defined above
	}
	claims(flags, &f.claims, "its ID tokens and userinfo")
	flags.StringArrayVar(&f.serves, "serves", nil, "let it introspect the tokens of `AUDIENCE`, as the service behind that API; may be repeated")
	flags.StringArrayVar(&f.redirectURIs, "redirect-uri", nil, "let users return to exactly this `URI`; may be repeated")
	flags.StringArrayVar(&f.postLogoutURIs, "post-logout-redirect-uri", nil, "let users go to exactly this `URI` from a sign-out that it asks for; may be repeated")
	flags.StringVar(&f.logoutURI, "backchannel-logout-uri", "", "tell it of ended sessions at this `URI`")
	flags.StringVar(&f.frontURI, "frontchannel-logout-uri", "", "let the browser tell it of a sign-out at this `URI`")
	flags.BoolVar(&f.frontSID, "frontchannel-logout-session", false, "and of which session: with iss and sid")
	flags.BoolVar(&f.logoutPrivate, "backchannel-logout-private", false, "that may be at a private address")
	flags.StringVar(&f.jwksFile, "jwks-file", "", "it authenticates with its private key (private_key_jwt); its public ones are in `FILE`, a JWK Set")
	flags.StringVar(&f.jwksURI, "jwks-uri", "", "it authenticates with its private key (private_key_jwt), and publishes the public ones at `URI`")
	flags.BoolVar(&f.jwksPrivate, "jwks-uri-private", false, "that may be at a private address")
	flags.BoolVar(&f.endpointAud, "endpoint-audience", false, "its assertions may name the token endpoint as their audience, in place of the issuer")
	cmd.MarkFlagsMutuallyExclusive("jwks-file", "jwks-uri")
	flags.BoolVar(&f.firstParty, "first-party", false, "do not ask users for consent")
	flags.BoolVar(&f.requirePKCE, "require-pkce", false, "refuse its authorization requests without PKCE; always so for a public client")
	flags.BoolVar(&f.sessionRefreshTokens, "session-refresh-tokens", false, "give it refresh tokens without offline_access, which end with the session")
	flags.BoolVar(&f.revokeOnSessionEnd, "revoke-on-session-end", false, "revoke its access tokens with the session, unless they came with offline_access")
	flags.BoolVar(&f.keepRefreshTokens, "keep-refresh-tokens", false, "its refresh tokens stay valid when they are used; not for a public client")
	secondsFlag(flags, &f.refreshOverlap, "refresh-overlap", "for how `LONG` a used refresh token gives its unused successor again; 0: it is used once (default the server's)")
	flags.BoolVar(&f.servesUserinfo, "serves-userinfo", false, "let it introspect tokens for userinfo itself, which are for no API")
	flags.StringVar(&f.userinfoAlg, "userinfo-alg", "", "sign its userinfo, as a JWT, with `ALG`: RS256, ES256 or EdDSA (default plain JSON)")
	flags.StringVar(&f.subjectType, "subject-type", string(domain.SubjectTypePublic), "`HOW` it knows users: public, by the same sub as all clients, or pairwise, by one that only clients of its sector have")
	flags.StringVar(&f.sector, "sector-identifier", "", "its sector: a `HOST` (default the one of its redirect URIs)")
	flags.StringVar(&f.groupNames, "group-names", string(domain.GroupsByName), "`HOW` its ID tokens and userinfo name groups: name, or slash-name for /name")
	flags.StringVar(&f.idTokenAlg, "id-token-alg", domain.RS256, "sign its ID tokens with `ALG`: RS256, ES256 or EdDSA")
}

func (a *app) clientCreate() *cobra.Command {
	var f clientFlags
	var public, secretStdin, hashStdin, noSecret bool
	var clientID string
	cmd := &cobra.Command{
		Use:   "create [CLIENT_ID]",
		Short: "Register a client and print its client_id and client_secret",
		Long: `Registers a client. The client_secret is printed this once: Signet stores only what is needed to check it.
Without CLIENT_ID one is generated. --secret-stdin gives the client the secret that it has in another system. A public client (an application on a user's device) has no secret, and neither has one
that authenticates with its private key.
A client that serves an API introspects the tokens that reach it.`,
		Example: `  signet client create reporting --grant client_credentials --api https://orders.example
  signet client create shop --grant authorization_code --grant refresh_token \
      --redirect-uri https://shop.example/callback --api https://orders.example#orders:read
  signet client create orders --serves https://orders.example
  signet client create batch --grant client_credentials --api https://orders.example --jwks-uri https://batch.example/jwks.json
  signet client create --client-id urn:example:wiki --secret-stdin --grant authorization_code \
      --redirect-uri https://wiki.example/callback < secret`,
		Args: cobra.MaximumNArgs(1),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&clientID, "client-id", "", "register it under this `ID`, which may have colons, slashes and spaces")
	cmd.Flags().BoolVar(&secretStdin, "secret-stdin", false, "read its secret from stdin in place of making one: 16 bytes at least")
	cmd.Flags().BoolVar(&hashStdin, "secret-hash-stdin", false, "read the hash of the secret that it has in another system from stdin: argon2id, bcrypt or PBKDF2")
	cmd.Flags().BoolVar(&noSecret, "no-secret", false, "it has no secret, and authenticates by the JWTs of whom signet client trust add names")
	cmd.MarkFlagsMutuallyExclusive("secret-stdin", "secret-hash-stdin", "no-secret")
	cmd.Flags().BoolVar(&public, "public", false, "it cannot keep a secret (token_endpoint_auth_method none)")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		settings, err := f.settings(admin.Client{}, cmd.Flags().Changed, clientFlags{})
		if err != nil {
			return view{}, err
		}
		client := adminapi.NewClient{ClientID: clientID, NoSecret: noSecret, ClientSettings: settings}
		if public {
			client.AuthMethod = domain.None
		}
		if len(args) == 1 {
			if clientID != "" {
				return view{}, usagef("give the client_id once: as CLIENT_ID or with --client-id")
			}
			client.ClientID = args[0]
		}
		if client.ClientSecret, client.SecretHash, err = a.givenSecret(secretStdin, hashStdin); err != nil {
			return view{}, err
		}
		created, err := call[admin.RegisteredClient](ctx, c, "client.create", client)
		if err != nil {
			return view{}, err
		}
		if created.ClientSecret != "" {
			a.note("Keep the client_secret: it is not shown again.")
		}
		a.warn(created.Warnings)
		return answer(registered(created)), nil
	})
	return cmd
}

// registered is a new client, of which people see its credentials.
type registered admin.RegisteredClient

func (v registered) text(w io.Writer) {
	details(w, "client_id", v.ClientID, "client_secret", v.ClientSecret)
}

func (a *app) clientUpdate() *cobra.Command {
	var f, remove clientFlags
	var noDefaultAPI, noLogoutURI, noFrontURI, noKeys, plainUserinfo, serversOverlap bool
	cmd := &cobra.Command{
		Use:   "update CLIENT_ID",
		Short: "Change a client",
		Long: `Changes what the flags name and leaves the rest. --grant, --api, --serves, --redirect-uri and
--post-logout-redirect-uri add to what the client has, the --remove- flags take away first.`,
		Example: `  signet client update shop --redirect-uri https://shop.example/new --remove-redirect-uri https://shop.example/callback
  signet client update shop --remove-api https://orders.example --api https://orders.example#orders:read
  signet client update shop --claim 'teams=groups.filter(g,g.startsWith("team-"))'`,
		Args: cobra.ExactArgs(1),
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&remove.grants, "remove-grant", nil, "forbid the grant `TYPE`; may be repeated")
	flags.BoolVar(&noDefaultAPI, "no-default-api", false, "its requests have to name their API, where their scopes leave several")
	cmd.MarkFlagsMutuallyExclusive("default-api", "no-default-api")
	flags.BoolVar(&plainUserinfo, "no-userinfo-alg", false, "answer it with userinfo in plain JSON")
	cmd.MarkFlagsMutuallyExclusive("userinfo-alg", "no-userinfo-alg")
	flags.BoolVar(&noLogoutURI, "no-backchannel-logout-uri", false, "do not tell it of ended sessions")
	flags.BoolVar(&noFrontURI, "no-frontchannel-logout-uri", false, "let no browser tell it of a sign-out")
	cmd.MarkFlagsMutuallyExclusive("frontchannel-logout-uri", "no-frontchannel-logout-uri")
	cmd.MarkFlagsMutuallyExclusive("backchannel-logout-uri", "no-backchannel-logout-uri")
	flags.BoolVar(&noKeys, "no-jwks", false, "take its keys away; it authenticates with a secret again, once it is given one")
	cmd.MarkFlagsMutuallyExclusive("jwks-file", "jwks-uri", "no-jwks")
	flags.BoolVar(&serversOverlap, "default-refresh-overlap", false, "use the server's refresh overlap")
	cmd.MarkFlagsMutuallyExclusive("refresh-overlap", "default-refresh-overlap")
	removeClaims(flags, &remove.noClaims)
	references(flags, &remove.apis, "remove-api", "take `AUDIENCE` or AUDIENCE#permission from it; may be repeated")
	flags.StringArrayVar(&remove.serves, "remove-serves", nil, "stop it from introspecting tokens of `AUDIENCE`; may be repeated")
	flags.StringArrayVar(&remove.redirectURIs, "remove-redirect-uri", nil, "remove the redirect `URI`; may be repeated")
	flags.StringArrayVar(&remove.postLogoutURIs, "remove-post-logout-redirect-uri", nil, "remove the post-logout redirect `URI`; may be repeated")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		client, err := change(ctx, c, "client.update", args[0], func(now admin.Client) (any, error) {
			s, err := f.settings(now, flags.Changed, remove)
			if err != nil {
				return nil, err
			}
			none, no, serversOwn := "", false, int64(-1)
			if plainUserinfo {
				s.UserinfoAlg = &none
			}
			if noFrontURI {
				s.FrontchannelLogoutURI, s.FrontchannelLogoutSID = &none, &no
			}
			if noLogoutURI {
				s.BackchannelLogoutURI = &none
			}
			if serversOverlap {
				s.RefreshOverlap = &serversOwn
			}
			if noKeys {
				s.JWKSURI, s.JWKSURIPrivate, s.EndpointAudience = &none, &no, &no
			}
			if noDefaultAPI {
				s.APIs, err = withDefaultAPI(now, s.APIs, "")
			}
			return s, err
		})
		a.warn(client.Warnings)
		return clients.show(client), err
	})
	return cmd
}

// settings are what the flags that were given change of a client, once what is to be removed is out of its lists.
func (f *clientFlags) settings(now admin.Client, given func(flag string) bool, remove clientFlags) (s adminapi.ClientSettings, err error) {
	subjectType, groupNames := domain.SubjectType(f.subjectType), domain.GroupNames(f.groupNames)
	for flag, change := range map[string]func(){
		"name":                        func() { s.Name = &f.name },
		"id-token-alg":                func() { s.IDTokenAlg = &f.idTokenAlg },
		"serves-userinfo":             func() { s.ServesUserinfo = &f.servesUserinfo },
		"userinfo-alg":                func() { s.UserinfoAlg = &f.userinfoAlg },
		"subject-type":                func() { s.SubjectType = &subjectType },
		"sector-identifier":           func() { s.SectorIdentifier = &f.sector },
		"group-names":                 func() { s.GroupNames = &groupNames },
		"first-party":                 func() { s.FirstParty = &f.firstParty },
		"require-pkce":                func() { s.RequirePKCE = &f.requirePKCE },
		"session-refresh-tokens":      func() { s.SessionRefreshTokens = &f.sessionRefreshTokens },
		"revoke-on-session-end":       func() { s.RevokeOnSessionEnd = &f.revokeOnSessionEnd },
		"keep-refresh-tokens":         func() { s.KeepRefreshTokens = &f.keepRefreshTokens },
		"refresh-overlap":             func() { s.RefreshOverlap = &f.refreshOverlap },
		"backchannel-logout-uri":      func() { s.BackchannelLogoutURI = &f.logoutURI },
		"frontchannel-logout-uri":     func() { s.FrontchannelLogoutURI = &f.frontURI },
		"frontchannel-logout-session": func() { s.FrontchannelLogoutSID = &f.frontSID },
		"backchannel-logout-private":  func() { s.BackchannelLogoutPrivate = &f.logoutPrivate },
		"jwks-uri":                    func() { s.JWKSURI = &f.jwksURI },
		"jwks-uri-private":            func() { s.JWKSURIPrivate = &f.jwksPrivate },
		"endpoint-audience":           func() { s.EndpointAudience = &f.endpointAud },
	} {
		if given(flag) {
			change()
		}
	}
	if given("jwks-file") {
		if s.JWKS, err = readJWKS(f.jwksFile); err != nil {
			return s, err
		}
	}
	if s.ClaimMappings, err = edited(now.ClaimMappings, remove.noClaims, f.claims, editClaims); err != nil {
		return s, err
	}
	for _, list := range []struct {
		what        string
		now         []string
		list        **[]string
		remove, add []string
	}{
		{"grant type", now.GrantTypes, &s.GrantTypes, remove.grants, f.grants},
		{"redirect URI", now.RedirectURIs, &s.RedirectURIs, remove.redirectURIs, f.redirectURIs},
		{"post-logout redirect URI", now.PostLogoutRedirectURIs, &s.PostLogoutRedirectURIs, remove.postLogoutURIs, f.postLogoutURIs},
		{"served API", now.Serves, &s.Serves, remove.serves, f.serves},
	} {
		*list.list, err = edited(list.now, list.remove, list.add, func(now, remove, add []string) ([]string, error) {
			return edit(list.what, now, remove, add)
		})
		if err != nil {
			return s, err
		}
	}
	if s.APIs, err = edited(now.APIs, remove.apis, f.apis, editClientAPIs); err != nil || !given("default-api") {
		return s, err
	}
	s.APIs, err = withDefaultAPI(now, s.APIs, f.defaultAPI)
	return s, err
}

// readJWKS reads a JWK Set from a file.
func readJWKS(file string) (*map[string]any, error) {
	text, err := readFile("JWKS", file, maxInput)
	if err != nil {
		return nil, err
	}
	var set map[string]any
	if err := json.Unmarshal([]byte(text), &set); err != nil || set == nil {
		return nil, fmt.Errorf("%w JWKS: %s holds no JSON object", domain.ErrInvalid, file)
	}
	return &set, nil
}
