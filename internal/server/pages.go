package server

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/page"
)

// boundPages limits the pages of a session, and those without a session by address, so that others behind the same address do not affect
// users who are signed in.
func boundPages(pages *page.Pages, asked *limits.Meter, now func() time.Time, next http.Handler) http.Handler {
	if asked == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPage(r.URL.Path) {
			by := limits.At(r.RemoteAddr, "")
			if token := pages.SessionToken(r); token != "" {
				by = limits.Name{Who: token}
			}
			err := asked.Spend(by, 1, now())
			if wait, tooMany := errors.AsType[*domain.WaitError](err); tooMany {
				pages.TooMany(w, r, wait)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// isPage says whether a path is one that browsers open. Static files are cached, and so not limited.
func isPage(path string) bool {
	switch path {
	case "/oauth2/authorize", "/oauth2/logout", "/oauth2/logout/confirm", "/":
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case ".signet", "account", "admin", "consent", "device", "login", "logout", "password", "select-account", "setup":
		return true
	}
	return false
}
