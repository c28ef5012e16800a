package oauth

import (
	"bytes"
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/token"
)

// Bounds of a request.
const (
	maxBody       = 64 << 10 // bytes
	usualBody     = 4 << 10
	maxParameters = 64
	maxScopes     = 1000
	maxResources  = 16
	maxRequest    = 6 << 10 // bytes of an authorization request beside its redirect URI: it travels in a URL, sealed
)

// Parameters that have a meaning at the authorization endpoint, at the logout endpoint, and at the others. RFC 6749 §3.1 and §3.2: none of them may be there
// twice, and all others are ignored.
var (
	authorizationParameters = []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"prompt", "max_age", "id_token_hint", "login_hint", "acr_values", "display", "ui_locales", "claims", "claims_locales",
		"request", "request_uri", "registration", "dpop_jkt", "authorization_details",
	}
	logoutParameters = []string{"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"}
	formParameters   = []string{
		"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code", "code_verifier", "redirect_uri",
		"refresh_token", "scope", "nonce", "token", "access_token", "token_type_hint", "username", "password", "assertion", "device_code", "subject_token",
		"subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "authorization_details",
	}
	repeatable = []string{"resource", "audience"} // RFC 8707 §2
)

// readForm reads the body of a POST before fosite sees it, so that nothing is read leniently: only
// application/x-www-form-urlencoded, bounded, no known parameter twice (RFC 6749 §3.2), nothing in the query.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	form, wrong, err := parse(body, formParameters)
	if err == nil {
		err = wrong.first()
	}
	if err != nil {
		return nil, err
	}
	r.Form, r.PostForm = form, form
	*r = *r.WithContext(authn.OneRequest(r.Context()))
	return form, nil
}

// readBody reads the parameters in the body of a POST, undecoded.
func readBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.URL.RawQuery != "" {
		return "", fosite.ErrInvalidRequest.WithHint(ourWords + "Parameters belong in the body, not in the query.")
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return "", fosite.ErrInvalidRequest.WithHint(ourWords + "Send the parameters as application/x-www-form-urlencoded.")
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), usualBody)) + bytes.MinRead)
	_, err = body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return "", errTooLarge
	} else if err != nil {
		return "", fosite.ErrInvalidRequest.WithHint(ourWords + "The body did not arrive whole.")
	}
	return body.String(), nil
}

// parse reads parameters; values are kept byte for byte. An empty one counts as absent (RFC 6749 §3.1). One that is not valid text or is
// repeated is left out; wrong names the known ones of these.
func parse(encoded string, known []string) (values url.Values, wrong problems, err error) {
	if strings.Count(encoded, "&") >= maxParameters {
		return nil, nil, fosite.ErrInvalidRequest.WithHint(ourWords + "There are too many parameters.")
	}
	values, wrong = url.Values{}, problems{}
	for pair := range strings.SplitSeq(encoded, "&") { // not url.ParseQuery: to it a semicolon is an error
		name, value, _ := strings.Cut(pair, "=")
		name, nameIsText := unescape(name)
		value, valueIsText := unescape(value)
		switch {
		case !nameIsText || !valueIsText:
			if slices.Contains(known, name) || slices.Contains(repeatable, name) {
				wrong[name] = fosite.ErrInvalidRequest.WithHintf(ourWords+"The parameter '%s' is not well-formed text.", name)
			}
		case name != "":
			values[name] = append(values[name], value)
		}
	}
	for name, given := range values {
		values[name] = slices.DeleteFunc(given, func(v string) bool { return v == "" })
		many := len(given) > 1 && !slices.Contains(repeatable, name)
		if many && slices.Contains(known, name) {
			wrong[name] = fosite.ErrInvalidRequest.WithHintf(ourWords+"The parameter '%s' is there more than once.", name)
		}
		if many || wrong[name] != nil || len(values[name]) == 0 {
			delete(values, name)
		}
	}
	if strings.Count(values.Get("scope"), " ") >= maxScopes {
		wrong["scope"] = fosite.ErrInvalidScope.WithHintf(ourWords+"There are too many scopes: send at most %d.", maxScopes)
		delete(values, "scope")
	}
	if len(values["resource"])+strings.Count(strings.Join(values["audience"], " ")+" ", " ") > maxResources {
		wrong["resource"] = errInvalidTarget.WithHintf(ourWords+"There are too many resources: send at most %d.", maxResources)
		delete(values, "resource")
		delete(values, "audience")
	}
	return values, wrong, nil
}

// problems says what is wrong with parameters, by name.
type problems map[string]error

// first returns the problem of the first name in the alphabet, nil if there is none.
func (p problems) first() error {
	if len(p) == 0 {
		return nil
	}
	return p[slices.Min(slices.Collect(maps.Keys(p)))]
}

// unescape decodes a name or a value. Not ok if it is no text that is fit for a database: UTF-8 without NUL.
func unescape(encoded string) (text string, ok bool) {
	text, err := url.QueryUnescape(encoded)
	return text, err == nil && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// checkScopeForm requires the alphabet of RFC 6749 §3.3 in the scope: fosite would trim all blanks of Unicode.
func checkScopeForm(form url.Values) error {
	if !token.ValidScopes(form.Get("scope")) {
		return fosite.ErrInvalidScope.WithHint(ourWords + "The scope has a character that no scope can have; put a space between two scopes.")
	}
	return nil
}

// printable keeps the characters that an error_description may have (RFC 6749 §5.2), without the unpaired backticks of fosite.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < 0x20 || r > 0x7e || r == '`':
			return -1
		}
		return r
	}, text)
}
