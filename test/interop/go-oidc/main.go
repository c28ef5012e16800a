// A web application on go-oidc and golang.org/x/oauth2, as the examples of go-oidc have it. Registered at Signet by
//
//	signet client create go-oidc --grant authorization_code --grant refresh_token --require-pkce \
//	  --redirect-uri http://localhost:3000/callback --post-logout-redirect-uri http://localhost:3000/
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log"
	"net/http"
	"net/url"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// session is the one person's that is signed in, or about to.
type session struct {
	state, nonce, verifier string
	tokens                 *oauth2.Token
	idToken                string
	userinfo               map[string]any
}

func main() {
	ctx := context.Background()
	baseURL := os.Getenv("BASE_URL")
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	check(err)
	config := oauth2.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		Endpoint:     provider.Endpoint(),
		RedirectURL:  baseURL + "/callback",
		Scopes:       []string{oidc.ScopeOpenID, oidc.ScopeOfflineAccess, "profile", "email", "groups"},
	}
	idTokenVerifier := provider.Verifier(&oidc.Config{ClientID: config.ClientID})
	var endpoints struct {
		EndSession string `json:"end_session_endpoint"`
	}
	check(provider.Claims(&endpoints))
	var s session

	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if s.tokens != nil {
			check(json.NewEncoder(w).Encode(map[string]any{"userinfo": s.userinfo, "access_token": s.tokens.AccessToken}))
			return
		}
		s = session{state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
		http.Redirect(w, r, config.AuthCodeURL(s.state, oidc.Nonce(s.nonce), oauth2.S256ChallengeOption(s.verifier)), http.StatusFound)
	})

	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("state") != s.state {
			http.Error(w, "state did not match", http.StatusBadRequest)
			return
		}
		tokens, err := config.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(s.verifier))
		check(err)
		s.idToken, _ = tokens.Extra("id_token").(string)
		idToken, err := idTokenVerifier.Verify(ctx, s.idToken)
		check(err)
		if idToken.Nonce != s.nonce {
			http.Error(w, "nonce did not match", http.StatusBadRequest)
			return
		}
		if idToken.AccessTokenHash != "" {
			check(idToken.VerifyAccessToken(tokens.AccessToken))
		}
		userinfo, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		check(err)
		check(userinfo.Claims(&s.userinfo))
		s.tokens = tokens
		http.Redirect(w, r, "/", http.StatusFound)
	})

	http.HandleFunc("GET /refresh", func(w http.ResponseWriter, r *http.Request) {
		expired := &oauth2.Token{RefreshToken: s.tokens.RefreshToken}
		s.tokens, err = config.TokenSource(ctx, expired).Token()
		check(err)
		http.Redirect(w, r, "/", http.StatusFound)
	})

	http.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		query := url.Values{"id_token_hint": {s.idToken}, "post_logout_redirect_uri": {baseURL + "/"}}
		s = session{}
		http.Redirect(w, r, endpoints.EndSession+"?"+query.Encode(), http.StatusFound)
	})

	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}
