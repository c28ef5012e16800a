package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

func TestWireErrorsSayWhatFailedInside(t *testing.T) {
	deep := func(err error) error { // as fosite's handlers wrap what storage returns
		return fosite.ErrServerError.WithWrap(fmt.Errorf("store: %w", err)).WithDebug("SELECT secret")
	}
	for name, c := range map[string]struct {
		err    error
		code   string
		status int
	}{
		"database gone":            {deep(domain.ErrUnavailable), "temporarily_unavailable", http.StatusServiceUnavailable},
		"database gone, as client": {fosite.ErrInvalidClient.WithWrap(domain.ErrUnavailable), "temporarily_unavailable", http.StatusServiceUnavailable},
		"too slow":                 {deep(context.DeadlineExceeded), "temporarily_unavailable", http.StatusServiceUnavailable},
		"restless":                 {domain.ErrStale, "temporarily_unavailable", http.StatusServiceUnavailable},
		"code used":                {deep(&replayError{grantID: 1}), "invalid_grant", http.StatusBadRequest},
		"grant revoked":            {deep(domain.ErrRevoked), "invalid_grant", http.StatusBadRequest},
		"caller's fault":           {fosite.ErrInvalidScope, "invalid_scope", http.StatusBadRequest},
		"wrong secret":             {fosite.ErrInvalidClient, "invalid_client", http.StatusUnauthorized},
		"our fault":                {deep(errors.New("SELECT secret FROM clients")), "server_error", http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			got := wire(c.err)
			if got.Code != c.code || got.Status != c.status {
				t.Errorf("%d %s, want %d %s", got.Status, got.Code, c.status, c.code)
			}
			if strings.Contains(got.Description, "SELECT") {
				t.Errorf("the description tells of the inside: %s", got.Description)
			}
		})
	}
}

func TestDescriptionsAreOurOwnWords(t *testing.T) {
	for _, c := range []struct {
		err  *fosite.RFC6749Error
		want string
	}{
		{fosite.ErrInvalidRequest, "The request is not valid."},
		{fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'code' is missing."), "The parameter 'code' is missing."},
		{errInvalidGrant, words["invalid_grant"]},
		{errInvalidGrant.WithHint(ourWords + "The verifier does not fit."), words["invalid_grant"] + " The verifier does not fit."},
		{errInvalidTarget.WithHint(ourWords + "Ask for one."), "The requested resource is not one that this client may use. Ask for one."},
		{fosite.ErrUnsupportedResponseType.WithHint(ourWords + "`It is 'token'."), "It is 'token'."},
		{fosite.ErrInvalidRequest.WithHint("Is the redirect_uri whitelisted?"), "The request is not valid."},
		{fosite.ErrInvalidScope.WithDescription("Words of a library."), "The scope is unknown or not allowed."},
		{&fosite.RFC6749Error{ErrorField: "invalid_dpop_proof", DescriptionField: "Words of a library.", CodeField: http.StatusBadRequest}, "The request was refused."},
	} {
		if got := wire(c.err).Description; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for code, text := range words {
		if text == "" || strings.HasPrefix(text, ourWords) {
			t.Errorf("%s: %q", code, text)
		}
	}
}
