package adminui

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/web"
)

func (s *surface) mountClientSetup() {
	s.handle("GET /clients/{id}/setup", "client.find", func(v *visit) error {
		client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
		if err != nil {
			return err
		}
		return v.showSetup(v.text("setup.title", client.ClientID), client, "")
	})
}

// setup is the data of the page that says how to set a client up.
type setup struct {
	Client   link
	ClientID string
	Secret   string // that was just made, empty: none
	Issuer   string
	Warnings []string
	Next     string // what is left to do, empty: nothing
	Snippets []snippet
	About    string // where they have the secret or key from
	Empty    string // why there are none
}

// snippet is code that uses a client.
type snippet struct{ Title, About, Code string }

// code is the files of the snippets, each with the settings of a client in it.
var code = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		// The shell's, and those that Go, JavaScript and YAML share: what clients consist of is ASCII.
		"sh":     func(parts ...string) string { return shellWord(strings.Join(parts, "")) },
		"quote":  func(parts ...string) string { return strconv.QuoteToASCII(strings.Join(parts, "")) },
		"escape": url.QueryEscape,
	}).ParseFS(web.FS, "snippets/*"))
})

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+-]+$`)

// shellWord is a text as one word of a shell.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// settings are what the snippets need of a client.
type settings struct {
	Issuer, ClientID, Audience, Scope, RedirectURI, AuthorizeURL, Port string
	Public                                                             bool
	Alg, KID                                                           string // of the key that it signs assertions with; empty: it has a secret, or none
	Header, Claims                                                     string // of an assertion, in JSON; of the claims the beginning
	Insecure                                                           bool   // the issuer has no https
	RequirePKCE                                                        bool
	Scopes                                                             []string
}

// usage is a way to use a client, with its snippets.
type usage struct {
	key   string // of the text that says what they do
	files []string
}

func usagesOf(c admin.Client) (usages []usage) {
	has := func(grant string) bool { return slices.Contains(c.GrantTypes, grant) }
	if has(domain.GrantAuthorizationCode) {
		files := []string{"code-curl.sh"}
		if _, ok := webRedirectURI(c); ok {
			if c.AuthMethod == domain.None {
				files = append(files, "browser-openid-client.mjs")
			}
			if clientKindOf(c) != kindSPA {
				files = append(files, "code-openid-client.mjs", "code-x-oauth2.go.tmpl")
			}
			if c.AuthMethod != domain.None {
				files = append(files, "code-spring.yaml", "code-spring-key.java")
			}
		}
		usages = append(usages, usage{"sign_in", files})
	}
	if has(domain.GrantDeviceCode) {
		usages = append(usages, usage{"device", []string{"device-curl.sh", "device-openid-client.mjs", "device-x-oauth2.go.tmpl"}})
	}
	if has(domain.GrantClientCredentials) {
		usages = append(usages, usage{"service", []string{"service-curl.sh", "service-openid-client.mjs", "service-x-oauth2.go.tmpl", "service-spring.yaml", "service-spring-key.java"}})
	}
	if len(c.Serves) > 0 {
		usages = append(usages, usage{"resource", []string{"resource-curl.sh", "resource-openid-client.mjs", "resource-spring.yaml"}})
	}
	return usages
}

// titles are what people call the libraries of snippets, by a part of the file's name.
var titles = []struct{ part, key string }{
	{"browser-openid-client", "snippet.browser"}, {"openid-client", "snippet.openid_client"}, {"x-oauth2", "snippet.x_oauth"},
	{"spring-key", "snippet.spring_key"}, {"spring", "snippet.spring"}, {"curl", "snippet.curl"},
}

// webRedirectURI is the first redirect URI at which a program can listen.
func webRedirectURI(c admin.Client) (string, bool) {
	i := slices.IndexFunc(c.RedirectURIs, func(uri string) bool { return strings.HasPrefix(uri, "http") })
	if i < 0 {
		return "", false
	}
	uri := c.RedirectURIs[i]
	if u, err := url.Parse(uri); err == nil && u.Scheme == "http" && u.Port() == "" { // a loopback address, whose port is free
		u.Host += ":" + port(uri)
		return u.String(), true
	}
	return uri, true
}

// maxSnippetScopes is how many permissions of an API snippets ask for.
const maxSnippetScopes = 20

// settingsOf are those of a client, for one of its APIs: the default one, or the first.
func (v *visit) settingsOf(c admin.Client, use string) (settings, error) {
	s := settings{Issuer: v.Issuer, ClientID: c.ClientID, Public: c.AuthMethod == domain.None, Insecure: strings.HasPrefix(v.Issuer, "http://"), RequirePKCE: c.RequirePKCE}
	if use != "service" {
		s.Scopes = []string{domain.ScopeOpenID, domain.ScopeProfile, domain.ScopeEmail}
		if slices.Contains(c.GrantTypes, domain.GrantRefreshToken) {
			s.Scopes = append(s.Scopes, domain.ScopeOfflineAccess)
		}
	}
	if len(c.APIs) > 0 {
		api := c.APIs[max(0, slices.IndexFunc(c.APIs, func(a admin.ClientAPI) bool { return a.Default }))]
		s.Audience = api.Audience
		permissions := api.Permissions
		if len(permissions) == 0 && v.may("api.find") {
			of, err := v.Admin.FindAPI(v.ctx(), v.caller, api.Audience)
			if err != nil && !errors.Is(err, domain.ErrNotFound) {
				return settings{}, err
			}
			for _, p := range of.Permissions {
				permissions = append(permissions, p.Name)
			}
		}
		s.Scopes = append(s.Scopes, permissions[:min(len(permissions), maxSnippetScopes)]...)
	}
	s.assert(keyOf(c))
	s.Scope = strings.Join(s.Scopes, " ")
	if uri, ok := webRedirectURI(c); ok {
		s.RedirectURI = uri
	} else if len(c.RedirectURIs) > 0 {
		s.RedirectURI = c.RedirectURIs[0]
	}
	s.Port = port(s.RedirectURI)
	s.AuthorizeURL = v.Issuer + "/oauth2/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {c.ClientID}, "redirect_uri": {s.RedirectURI}, "scope": {s.Scope}, "code_challenge_method": {"S256"},
	}.Encode()
	return s, nil
}

// showSetup answers with how to set a client up, and a secret that was just made.
func (v *visit) showSetup(title string, c admin.Client, secret string) error {
	s := setup{
		Client: link{Text: c.ClientID, Path: address("clients", c.ClientID)}, ClientID: c.ClientID, Secret: secret, Issuer: v.Issuer,
		Warnings: c.Warnings,
	}
	if slices.Contains(c.GrantTypes, domain.GrantClientCredentials) {
		s.Next = v.text("setup.next_roles")
	}
	alg, _ := keyOf(c)
	s.About = v.text("setup.code.about")
	if alg != "" {
		s.About = v.text("setup.code.about_key", alg)
	}
	if c.AuthMethod == domain.PrivateKeyJWT && alg == "" {
		s.Empty = v.text("setup.keys")
		v.render(http.StatusOK, "admin/setup", title, s)
		return nil
	}
	for _, use := range usagesOf(c) {
		with, err := v.settingsOf(c, use.key)
		if err != nil {
			return err
		}
		for _, file := range use.files {
			if without(file, alg) {
				continue
			}
			var text bytes.Buffer
			if err := code().ExecuteTemplate(&text, file, with); err != nil {
				return fmt.Errorf("snippet %s: %w", file, err)
			}
			i := slices.IndexFunc(titles, func(t struct{ part, key string }) bool { return strings.Contains(file, t.part) })
			s.Snippets = append(s.Snippets, snippet{v.text(titles[i].key), v.text("setup." + use.key), text.String()})
		}
	}
	if len(s.Snippets) == 0 {
		s.Empty = v.text("setup.none")
	}
	v.render(http.StatusOK, "admin/setup", title, s)
	return nil
}
