// A web application on the relying party of zitadel/oidc, as its example of a client has it. Registered at Signet by
//
//	signet client create zitadel-oidc --grant authorization_code --grant refresh_token --require-pkce \
//	  --redirect-uri http://localhost:3000/auth/callback --post-logout-redirect-uri http://localhost:3000/
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func main() {
	ctx := context.Background()
	baseURL := os.Getenv("BASE_URL")
	key := []byte("0123456789abcdef")
	cookies := httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure()) // plain http, on loopback
	provider, err := rp.NewRelyingPartyOIDC(ctx, os.Getenv("ISSUER"), os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"), baseURL+"/auth/callback",
		[]string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess, "groups"},
		rp.WithCookieHandler(cookies),
		rp.WithPKCE(cookies),
		rp.WithVerifierOpts(rp.WithIssuedAtOffset(5*time.Second)),
	)
	check(err)

	var signedIn *oidc.Tokens[*oidc.IDTokenClaims] // of the one person
	var userinfo *oidc.UserInfo

	http.Handle("GET /login", rp.AuthURLHandler(rand.Text, provider))

	received := func(w http.ResponseWriter, r *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims], _ string, _ rp.RelyingParty, info *oidc.UserInfo) {
		signedIn, userinfo = tokens, info
		http.Redirect(w, r, "/", http.StatusFound)
	}
	http.Handle("GET /auth/callback", rp.CodeExchangeHandler(rp.UserinfoCallback(received), provider))

	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if signedIn == nil {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		check(json.NewEncoder(w).Encode(map[string]any{"userinfo": userinfo, "access_token": signedIn.AccessToken}))
	})

	http.HandleFunc("GET /refresh", func(w http.ResponseWriter, r *http.Request) {
		signedIn, err = rp.RefreshTokens[*oidc.IDTokenClaims](ctx, provider, signedIn.RefreshToken, "", "")
		check(err)
		http.Redirect(w, r, "/", http.StatusFound)
	})

	http.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		query := url.Values{"id_token_hint": {signedIn.IDToken}, "post_logout_redirect_uri": {baseURL + "/"}}
		signedIn = nil
		http.Redirect(w, r, provider.GetEndSessionEndpoint()+"?"+query.Encode(), http.StatusFound)
	})

	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}
