package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// redirectURI decides where an answer goes, by exact comparison (RFC 9700 §2.1) but for the port of a loopback address (RFC 8252
// §7.3). A client that has registered only one may leave it out (RFC 6749 §3.1.2.3).
func redirectURI(c *domain.Client, given string) (string, error) {
	switch {
	case given == "" && len(c.RedirectURIs) == 1:
		return c.RedirectURIs[0], nil
	case given == "":
		return "", fosite.ErrInvalidRequest.WithHint(ourWords + "The redirect_uri is missing.")
	case slices.Contains(c.RedirectURIs, given):
		return given, nil
	}
	if bare := withoutPort(given); bare != "" && slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return withoutPort(registered) == bare
	}) {
		return given, nil
	}
	return "", fosite.ErrInvalidRequest.WithHint(ourWords + "The redirect_uri is not one that is registered for this application.")
}

// withoutPort drops the port of an http URI on a loopback address or localhost (RFC 9700 §2.1); it is "" for any other URI, and for a port that does not exist.
func withoutPort(uri string) string {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		authority, path, _ := strings.Cut(rest, "/")
		if port, has := strings.CutPrefix(authority, ":"); authority == "" || has && isPort(port) {
			return host + "/" + path
		}
	}
	return ""
}

// isPort says whether text is a port that can be connected to, without zeros before it.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

// Response modes: how an answer reaches the client (OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post
// Response Mode).
const (
	modeQuery    = "query"
	modeFragment = "fragment"
	modeFormPost = "form_post"
)

// ResponseModes are those that a client may ask for, the default first.
var ResponseModes = []string{modeQuery, modeFragment, modeFormPost}

// responseMode is the mode that a request asks for. An error, to be answered in the default mode, if that is not possible.
func responseMode(redirectURI string, values url.Values) (string, error) {
	mode := values.Get("response_mode")
	switch {
	case mode == "":
		return modeQuery, nil
	case !slices.Contains(ResponseModes, mode):
		return modeQuery, fosite.ErrUnsupportedResponseMode
	case mode == modeFormPost && !strings.HasPrefix(redirectURI, "https://") && !strings.HasPrefix(redirectURI, "http://"):
		return modeQuery, fosite.ErrUnsupportedResponseMode.WithHint(ourWords + "The response_mode form_post needs a redirect_uri of https or http.")
	}
	return mode, nil
}

// sendBack answers the client at its registered URI, which is kept byte for byte (RFC 6749 §3.1.2, §4.1.2). It adds names and values, which
// alternate, the state as it came, and "iss" (RFC 9207).
func (p *Provider) sendBack(w http.ResponseWriter, r *http.Request, a *authorization, pairs ...string) {
	if a.state != "" {
		pairs = append(pairs, "state", a.state)
	}
	pairs = append(pairs, "iss", p.Issuer)
	switch a.mode {
	case modeFormPost:
		p.Pages.PostTo(w, r, a.client.Name, a.redirectURI, pairs)
		return
	case modeFragment:
		w.Header().Set("Location", a.redirectURI+"#"+encode(pairs))
	default:
		w.Header().Set("Location", appendQuery(a.redirectURI, pairs))
	}
	w.WriteHeader(http.StatusSeeOther)
}

func appendQuery(uri string, pairs []string) string {
	separator := "?"
	switch {
	case strings.HasSuffix(uri, "?"), strings.HasSuffix(uri, "&"):
		separator = ""
	case strings.Contains(uri, "?"):
		separator = "&"
	}
	return uri + separator + encode(pairs)
}

// encode writes names and values in turn as a form, in their order.
func encode(pairs []string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}
