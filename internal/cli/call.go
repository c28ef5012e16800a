package cli

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
)

// members are those of a JSON object.
type members = map[string]any

// call runs an operation of admin on what the path names, with a body unless that is nil.
func call[V any](ctx context.Context, c *adminclient.Client, operation string, body any, path ...string) (answer V, err error) {
	_, err = c.Call(ctx, adminclient.Request{Operation: operation, Path: path, Body: body}, &answer)
	return answer, err
}

// act runs an operation of admin that has nothing to answer.
func act(ctx context.Context, c *adminclient.Client, operation string, path ...string) error {
	_, err := c.Call(ctx, adminclient.Request{Operation: operation, Path: path}, nil)
	return err
}

// all reads a list page by page; limit 0 means to its end.
func all[V any](ctx context.Context, c *adminclient.Client, operation string, limit int, query url.Values, path ...string) ([]V, error) {
	return pages(admin.Query{}, limit, func(q admin.Query) (page admin.Page[V], err error) {
		asked := url.Values{"cursor": {q.Cursor}, "limit": {number(q.Limit)}}
		maps.Copy(asked, query)
		_, err = c.Call(ctx, adminclient.Request{Operation: operation, Path: path, Query: asked}, &page)
		return page, err
	})
}

// few reads a list that has one page.
func few[V any](ctx context.Context, c *adminclient.Client, operation string, path ...string) ([]V, error) {
	page, err := call[admin.Page[V]](ctx, c, operation, nil, path...)
	return page.Items, err
}

// change edits an object with the operation KIND.update: edit makes the body of what the object is now. When somebody else changed it
// in between, edit is asked again.
func change[V any](ctx context.Context, c *adminclient.Client, operation, name string, edit func(now V) (body any, err error)) (V, error) {
	kind, _, _ := strings.Cut(operation, ".")
	for attempt := 1; ; attempt++ {
		var now, changed V
		tag, err := c.Call(ctx, adminclient.Request{Operation: kind + ".find", Path: []string{name}}, &now)
		if err != nil {
			return now, err
		}
		body, err := edit(now)
		if err != nil {
			return now, err
		}
		_, err = c.Call(ctx, adminclient.Request{Operation: operation, Path: []string{name}, IfMatch: tag, Body: body}, &changed)
		if !errors.Is(err, domain.ErrConflict) || attempt == changeAttempts {
			return changed, err
		}
	}
}

const changeAttempts = 5
