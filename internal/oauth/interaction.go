package oauth

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
)

// request is an authorization request as it is sealed in pages.
func (a *authorization) request() interaction.Request {
	form := a.GetRequestForm()
	return interaction.Request{
		ClientID: a.client.ClientID, RedirectURI: a.redirectURI, RedirectOmitted: !form.Has("redirect_uri"),
		ResponseMode: a.mode, APIs: a.apis, State: a.state, Nonce: form.Get("nonce"), CodeChallenge: form.Get("code_challenge"),
		Prompt: a.prompt, MaxAge: a.maxAge, LoginHint: form.Get("login_hint"), IDTokenHint: form.Get("id_token_hint"),
		Claims: form.Get("claims"), SingleClaims: a.claims.beyond(domain.Scopes(a.apis)),
	}
}

// requestForm is the form of a request that pages carried.
func requestForm(r interaction.Request) url.Values {
	form := url.Values{"response_type": {"code"}, "response_mode": {r.ResponseMode}, "client_id": {r.ClientID}}
	for _, api := range r.APIs {
		form.Add("resource", api.Audience)
	}
	if r.CodeChallenge != "" {
		form.Set("code_challenge_method", "S256")
	}
	optional := map[string]string{
		"scope": strings.Join(domain.Scopes(r.APIs), " "), "state": r.State, "nonce": r.Nonce, "claims": r.Claims, "code_challenge": r.CodeChallenge,
		"prompt": strings.Join(r.Prompt, " "), "login_hint": r.LoginHint, "id_token_hint": r.IDTokenHint,
	}
	if !r.RedirectOmitted {
		optional["redirect_uri"] = r.RedirectURI
	}
	if r.MaxAge >= 0 {
		optional["max_age"] = strconv.FormatInt(int64(r.MaxAge/time.Second), 10)
	}
	for name, value := range optional {
		if value != "" {
			form.Set(name, value)
		}
	}
	return form
}

// besideRedirectURI is the length of an encoded request without its redirect URI, whose length is for the client to choose.
func besideRedirectURI(encoded string, values url.Values) int {
	return len(encoded) - len(url.QueryEscape(values.Get("redirect_uri")))
}
