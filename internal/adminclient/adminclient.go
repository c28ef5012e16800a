// Package adminclient calls the operations of the admin API by name: at a server over HTTP, or in this process on its database. Both ways
// go through the same handlers, so that a command answers and fails in the same words.
package adminclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
)

const (
	maxAnswer   = 64 << 20        // bytes of an answer that is read as a whole
	callTimeout = 2 * time.Minute // for an answer that is read as a whole
)

// Client calls the operations of one server.
type Client struct {
	base      *url.URL // the issuer
	transport http.RoundTripper
	tokens    Tokens // nil: nobody asks for one
	finish    func(ctx context.Context, id int64, progress func(admin.Revocation)) (admin.Revocation, error)
}

// Request calls an operation.
type Request struct {
	Operation string     // of admin.Operations
	Path      []string   // the values of the path's parameters, in their order
	Query     url.Values // empty values are left out
	IfMatch   string     // the ETag of the object that was edited
	Body      any        // as JSON; nil: none
}

// Call runs an operation and reads its answer into a value, unless that is nil. It returns the ETag of what is answered. An error of the
// server is a *Problem.
func (c *Client) Call(ctx context.Context, request Request, answer any) (etag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := c.send(ctx, request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := readAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("read the answer of %s: %w", c.name(), err)
	}
	if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			return "", fmt.Errorf("%s does not answer as Signet's admin API does: %w", c.name(), err)
		}
	}
	return response.Header.Get("ETag"), nil
}

// Stream runs an operation that answers with lines, for as long as it takes. Close the answer.
func (c *Client) Stream(ctx context.Context, request Request) (io.ReadCloser, error) {
	response, err := c.send(ctx, request)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// Tokens gives access tokens for a server.
type Tokens interface {
	// Token returns one; not the refused one, unless that is empty or there is no other.
	Token(ctx context.Context, refused string) (string, error)
}

// send returns the answer of an operation that succeeded.
func (c *Client) send(ctx context.Context, request Request) (*http.Response, error) {
	response, token, err := c.sendWith(ctx, request, "")
	if err == nil && response.StatusCode == http.StatusUnauthorized && token != "" {
		refused := c.failure(response)
		_ = response.Body.Close()
		var other string
		if response, other, err = c.sendWith(ctx, request, token); other == token {
			err = refused
		}
	}
	var waited time.Duration
	for repeats := 0; err == nil && repeats < maxRepeats && c.wait(ctx, response, &waited); repeats++ {
		_ = response.Body.Close()
		response, _, err = c.sendWith(ctx, request, "")
	}
	if err != nil {
		return nil, err
	}
	if response.StatusCode < 300 {
		if err := checkType(response, "", "application/json", "application/jsonl", "application/yaml"); err != nil {
			_ = response.Body.Close()
			return nil, fmt.Errorf("%s does not answer as Signet's admin API does: %w", c.name(), err)
		}
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	return nil, c.failure(response)
}

// sendWith sends a request with an access token, which it returns: another one than that which was refused. Without another one it does
// not send it.
func (c *Client) sendWith(ctx context.Context, request Request, refused string) (response *http.Response, token string, err error) {
	r, err := c.request(ctx, request)
	if err != nil {
		return nil, "", err
	}
	if c.tokens != nil {
		if token, err = c.tokens.Token(ctx, refused); err != nil || token == refused {
			return nil, token, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err = c.transport.RoundTrip(r) // which follows no redirect: the token is for this server
	if err != nil {
		return nil, token, c.unreachable(err)
	}
	return response, token, nil
}

func (c *Client) request(ctx context.Context, request Request) (*http.Request, error) {
	operation, ok := operationOf(request.Operation)
	if !ok {
		return nil, fmt.Errorf("the operation %s is in no admin API", request.Operation)
	}
	path, ok := operation.fill(request.Path)
	switch {
	case !ok:
		return nil, fmt.Errorf("the operation %s is at %s", operation.name, operation.path)
	case request.Body != nil && operation.body == "":
		return nil, fmt.Errorf("the operation %s has no body", operation.name)
	case request.Body == nil && operation.body != "":
		return nil, fmt.Errorf("the operation %s asks for a body of type %s", operation.name, operation.body)
	}
	address, err := url.Parse(strings.TrimSuffix(c.base.String(), "/") + path)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, values := range request.Query {
		if values[0] != "" {
			query[name] = values
		}
	}
	address.RawQuery = query.Encode()
	var body io.Reader
	if request.Body != nil {
		text, err := json.Marshal(request.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, operation.method, address.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if request.IfMatch != "" {
		r.Header.Set("If-Match", request.IfMatch)
	}
	return r, nil
}

// failure is the error that a server answers with.
func (c *Client) failure(response *http.Response) error {
	if response.StatusCode < 400 {
		return fmt.Errorf("%s redirects to %q: give the address of the server itself", c.name(), response.Header.Get("Location"))
	}
	problem := &Problem{Status: response.StatusCode}
	text, err := readAll(response.Body)
	if err == nil {
		err = checkType(response, "application/problem+json")
	}
	if err == nil {
		err = json.Unmarshal(text, problem)
	}
	if err != nil || problem.Detail == "" {
		return c.stranger(response.StatusCode)
	}
	problem.Status = response.StatusCode
	return problem
}

// stranger is the error of an answer that is not of Signet's admin API.
func (c *Client) stranger(status int) error {
	if isAway(status) {
		return &AwayError{c.name(), fmt.Errorf("something before it answers %d %s", status, http.StatusText(status))}
	}
	return fmt.Errorf("%s answers %d, and not as Signet's admin API does: is it the address of the server?", c.name(), status)
}

// unreachable says of an error of the transport which server it is about; one of this process is about none.
func (c *Client) unreachable(err error) error {
	if c.finish != nil {
		return err
	}
	return &AwayError{c.name(), err}
}

// name is how people call the server.
func (c *Client) name() string { return c.base.Redacted() }

func checkType(response *http.Response, expected ...string) error {
	given := response.Header.Get("Content-Type")
	parsed, _, err := mime.ParseMediaType(given)
	if given == "" || err == nil {
		if slices.Contains(expected, parsed) {
			return nil
		}
	}
	return fmt.Errorf("its Content-Type is %q", given)
}

var errTooLong = errors.New("it is longer than 64 MB")

func readAll(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = errTooLong
	}
	return text, err
}
