package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// browser is a person's browser without JavaScript: it keeps cookies, follows the server's redirects and fills in forms.
type browser struct {
	t      *testing.T
	server *server
	app    string // the origin of an application where it goes, too; empty: none
	jar    http.CookieJar
}

// page is what a browser shows: a document of the server, or the address elsewhere that it was sent to.
type page struct {
	browser *browser
	url     *url.URL
	status  int
	header  http.Header
	text    string
	form    *form   // the first that posts, nil: none
	forms   []*form // all that post
	links   []string
	left    bool // url is not the server's

	wrongs map[string]string // what is wrong with the fields of a form, by their names
	codes  map[string]string // what the page shows as code to copy, by what stands above it
}

// wrong is what the page says is wrong with a field.
func (p *page) wrong(field string) string { return p.wrongs[field] }

// form is a form with what its inputs hold.
type form struct {
	action string
	fields url.Values
}

func newBrowser(t *testing.T, s *server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, server: s, jar: jar}
}

func (b *browser) open(address string) *page {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.follow(r)
}

// submit posts the page's form with these values (names and values in turn) in place of what it holds.
func (p *page) submit(pairs ...string) *page {
	p.browser.t.Helper()
	return p.browser.follow(p.filled(pairs...))
}

// location posts the page's form as submit does, and returns where that leads without going there.
func (p *page) location(pairs ...string) string {
	p.browser.t.Helper()
	response := p.browser.send(p.filled(pairs...))
	location, err := response.Location()
	if err != nil {
		p.browser.t.Fatalf("answered %d: %v", response.StatusCode, err)
	}
	response.Body.Close()
	return location.String()
}

// filled is the request that posts the page's form.
func (p *page) filled(pairs ...string) *http.Request {
	t := p.browser.t
	t.Helper()
	if p.form == nil {
		t.Fatalf("%s shows no form, but (%d):\n%s", p.url.Path, p.status, p.text)
	}
	action, err := p.url.Parse(p.form.action)
	if err != nil {
		t.Fatal(err)
	}
	body := with(p.form.fields, pairs...).Encode()
	r, err := http.NewRequest(http.MethodPost, action.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin(p.url))
	return r
}

// has says whether an address is the server's.
func (s *server) has(u *url.URL) bool {
	return strings.HasPrefix(u.String(), s.url+"/") || u.String() == s.url
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// follow sends the request and goes where it is sent to, as long as that is the server or the application.
func (b *browser) follow(r *http.Request) *page {
	b.t.Helper()
	for range 10 {
		response := b.send(r)
		location, err := response.Location()
		if err != nil {
			return b.read(r, response)
		}
		response.Body.Close()
		if r.Method == http.MethodPost && b.server.has(r.URL) && response.StatusCode != http.StatusSeeOther {
			b.t.Errorf("POST %s is answered by a redirect with %d, want 303", r.URL.Path, response.StatusCode)
		}
		if !b.server.has(location) && origin(location) != b.app {
			return &page{browser: b, url: location, status: response.StatusCode, header: response.Header, left: true}
		}
		if r, err = http.NewRequest(http.MethodGet, location.String(), nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatal("redirected ten times")
	return nil
}

// send sends one request, with the cookies that there are, and keeps those that come back.
func (b *browser) send(r *http.Request) *http.Response {
	b.t.Helper()
	for _, cookie := range b.jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
	r.Header.Set("Accept", "text/html,*/*;q=0.8") // by which some applications see that they are asked by a browser
	response, err := direct.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.jar.SetCookies(r.URL, response.Cookies())
	return response
}

func (b *browser) read(r *http.Request, response *http.Response) *page {
	b.t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if strings.HasPrefix(r.URL.Path, "/admin/") && !utf8.Valid(body) {
		b.t.Errorf("%s is no text", r.URL)
	}
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	p := &page{browser: b, url: r.URL, status: response.StatusCode, header: response.Header, left: origin(r.URL) == b.app, wrongs: map[string]string{}, codes: map[string]string{}}
	var text strings.Builder
	for node := range root.Descendants() {
		switch {
		case node.Type == html.TextNode:
			text.WriteString(node.Data)
		case node.Type != html.ElementNode:
		case node.Data == "a" && has(node, "href"):
			p.links = append(p.links, attribute(node, "href"))
		case has(node, "data-copy"):
			above := node.PrevSibling
			for above.Type != html.ElementNode {
				above = above.PrevSibling
			}
			p.codes[strings.Join(strings.Fields(textOf(above)), " ")] = textOf(node)
		case node.Data == "strong" && attribute(node, "class") == "wrong":
			p.wrongs[strings.TrimSuffix(attribute(node.Parent, "id"), "-about")] = node.FirstChild.Data
		case node.Data == "form" && attribute(node, "role") != "search" && strings.EqualFold(attribute(node, "method"), "post"):
			p.forms = append(p.forms, readForm(node))
		}
	}
	if len(p.forms) > 0 {
		p.form = p.forms[0]
	}
	p.text = strings.Join(strings.Fields(text.String()), " ")
	return p
}

// formTo is the form of a page that posts to a path.
func (p *page) formTo(path string) *form {
	p.browser.t.Helper()
	i := slices.IndexFunc(p.forms, func(f *form) bool { return f.action == path })
	if i < 0 {
		p.browser.t.Fatalf("%s has no form that posts to %s:\n%s", p.url.Path, path, p.text)
	}
	return p.forms[i]
}

// linkTo is the address of the first link of a page that leads to a path.
func (p *page) linkTo(t *testing.T, path string) string {
	t.Helper()
	i := slices.IndexFunc(p.links, func(link string) bool { return strings.HasPrefix(link, path) })
	if i < 0 {
		t.Fatalf("%s has no link to %s, but %q", p.url.Path, path, p.links)
	}
	return origin(p.url) + p.links[i]
}

func readForm(node *html.Node) *form {
	f := &form{action: attribute(node, "action"), fields: url.Values{}}
	for input := range node.Descendants() {
		name := attribute(input, "name")
		switch {
		case name == "":
		case input.Data == "input" && (attribute(input, "type") != "checkbox" || has(input, "checked")):
			f.fields.Add(name, attribute(input, "value"))
		case input.Data == "textarea" && input.FirstChild != nil:
			f.fields.Add(name, input.FirstChild.Data)
		case input.Data == "select":
			for option := range input.Descendants() {
				if option.Data == "option" && has(option, "selected") {
					value := attribute(option, "value")
					if !has(option, "value") {
						value = option.FirstChild.Data
					}
					f.fields.Add(name, value)
				}
			}
		}
	}
	return f
}

func textOf(node *html.Node) string {
	var text strings.Builder
	for child := range node.Descendants() {
		if child.Type == html.TextNode {
			text.WriteString(child.Data)
		}
	}
	return text.String()
}

func has(node *html.Node, name string) bool {
	return slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
