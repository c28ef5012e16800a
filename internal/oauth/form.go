package oauth

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/ory/fosite"
)

// Bounds of a request.
const (
	maxBody       = 64 << 10 // bytes
	usualBody     = 4 << 10
	maxParameters = 64
	maxQuery      = 4 << 10 // bytes of an authorization request: it has to travel in a URL again
)

// readForm reads the body of a POST before fosite sees it, so that nothing is read leniently: only
// application/x-www-form-urlencoded, bounded, no parameter twice (RFC 6749 §3.2), nothing in the query.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.URL.RawQuery != "" {
		return nil, fosite.ErrInvalidRequest.WithHint("Parameters belong in the body, not in the query.")
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, fosite.ErrInvalidRequest.WithHint("Send the parameters as application/x-www-form-urlencoded.")
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), usualBody)) + bytes.MinRead)
	_, err = body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, errTooLarge
	} else if err != nil {
		return nil, fosite.ErrInvalidRequest.WithHint("The body did not arrive whole.")
	}
	form, err := parse(body.String())
	if err != nil {
		return nil, err
	}
	r.Form, r.PostForm = form, form
	return form, nil
}

// parse reads parameters strictly. An empty value counts as absent (RFC 6749 §3.1).
func parse(encoded string) (url.Values, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, fosite.ErrInvalidRequest.WithHint("The parameters are not well-formed.")
	}
	if len(values) > maxParameters {
		return nil, fosite.ErrInvalidRequest.WithHint("There are too many parameters.")
	}
	for name, value := range values {
		for _, v := range value {
			if !clean(name) || !clean(v) {
				return nil, fosite.ErrInvalidRequest.WithHint("A parameter is not well-formed text.")
			}
		}
		repeatable := name == "resource" || name == "audience" // RFC 8707 §2
		if len(value) > 1 && !repeatable {
			return nil, fosite.ErrInvalidRequest.WithHintf("The parameter '%s' is there more than once.", printable(name))
		}
		if values[name] = fosite.RemoveEmpty(value); len(values[name]) == 0 {
			delete(values, name)
		}
	}
	return values, nil
}

// clean says whether text is fit for a database: UTF-8 without NUL.
func clean(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// printable keeps what may stand in an error_description (RFC 6749 §5.2).
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < 0x20 || r > 0x7e:
			return -1
		}
		return r
	}, text)
}
