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
		{fosite.ErrInvalidRequest.WithHint("The parameter 'code' is missing."), "The parameter 'code' is missing."},
		{errInvalidGrant, errInvalidGrant.DescriptionField},
		{errInvalidGrant.WithHint("The verifier does not fit."), errInvalidGrant.DescriptionField + " The verifier does not fit."},
		{errInvalidTarget.WithHint("Ask for one."), errInvalidTarget.DescriptionField + " Ask for one."},
		{fosite.ErrUnsupportedResponseType.WithHint("`It is 'token'."), "It is 'token'."},
	} {
		if got := wire(c.err).Description; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for code, w := range wordings {
		if w.instead.ErrorField != code {
			t.Errorf("the words for %s are instead of %s", code, w.instead.ErrorField)
		}
		if got := wire(w.instead).Description; got != w.words {
			t.Errorf("%s: %q, want %q", code, got, w.words)
		}
	}
}
