package forwardauth

import (
	"net/http"
	"strconv"
	"strings"
)

// identity is who sent a request, for the application.
type identity struct {
	subject       string // "sub", as the client knows the user; the client_id of a client that acts for itself
	user          string
	name          string
	email         string
	emailVerified string // true or false
	groups        []string
	roles         []string
	scopes        string // of an access token
	client        string // client_id
}

// describe adds what claims say of a user (OpenID Connect Core §5.1).
func (i *identity) describe(claims map[string]any) {
	for claim, to := range map[string]*string{"preferred_username": &i.user, "name": &i.name, "email": &i.email} {
		*to, _ = claims[claim].(string)
	}
	if verified, ok := claims["email_verified"].(bool); ok && i.email != "" {
		i.emailVerified = strconv.FormatBool(verified)
	}
}

// names reads a claim that is a list of names; none if it is anything else.
func names(claim any) []string {
	mapped, ok := claim.([]any)
	if !ok {
		list, _ := claim.([]string)
		return list
	}
	var list []string
	for _, name := range mapped {
		text, ok := name.(string)
		if !ok {
			return nil
		}
		list = append(list, text)
	}
	return list
}

// header is one of those that say who sent a request.
type header struct{ name, value string }

// headers are all of them. What does not apply is empty: it replaces what the client may have sent by that name.
func (i *identity) headers() []header {
	return []header{
		{"Remote-Subject", escape(i.subject, "")},
		{"Remote-User", escape(i.user, "")},
		{"Remote-Name", escape(i.name, "")},
		{"Remote-Email", escape(i.email, "")},
		{"Remote-Email-Verified", i.emailVerified},
		{"Remote-Groups", list(i.groups)},
		{"Remote-Roles", list(i.roles)},
		{"Remote-Scopes", escape(i.scopes, "")},
		{"Remote-Client", escape(i.client, "")},
	}
}

func (i *identity) write(h http.Header) {
	for _, header := range i.headers() {
		h[header.name] = []string{header.value}
	}
}

// maxHeader is the longest value, in bytes. A longer one is left out: a part of it would look like all.
const maxHeader = 4 << 10

// list joins names by commas, which names have escaped.
func list(names []string) string {
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = escape(name, ",")
	}
	return bounded(strings.Join(escaped, ","))
}

// escape writes what is not printable ASCII, the percent sign and the characters of also as %XX of UTF-8, as in URLs; and spaces at the ends,
// without which another name would be read.
func escape(text, also string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		outer := i == 0 || i == len(text)-1
		if c := text[i]; c < ' ' || c > '~' || c == '%' || c == ' ' && outer || strings.IndexByte(also, c) >= 0 {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return bounded(b.String())
}

func bounded(value string) string {
	if len(value) > maxHeader {
		return ""
	}
	return value
}
