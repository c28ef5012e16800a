package admin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// Query asks for a page of a list.
type Query struct {
	Cursor string // Next or Previous of another page of the same list and search; empty: the first page
	Search string // what a name of the objects begins with; empty: all
	Limit  int    // at most so many, at least one
}

// Page is a part of a list.
type Page[V any] struct {
	Items    []V    `json:"items"`
	Next     string `json:"next,omitempty" doc:"The 'cursor' of the next page; left out: this is the last"`
	Previous string `json:"previous,omitempty" doc:"The 'cursor' of the page before; left out: this is the first"`
}

// ErrCursor says that a cursor is not one of the list and search that it was sent for. It is a domain.ErrInvalid.
var ErrCursor = domain.Invalid("cursor", domain.RuleFormat, "cursor: send the one of another page of this list and search, or none")

// A cursor begins with what lies beyond the name in it.
const (
	cursorAfter  = '>'
	cursorBefore = '<'
)

const (
	maxSearch  = 200 // bytes
	cursorMAC  = 16  // bytes
	searchText = "search: give at most 200 bytes"
)

// page reads a page of a list that is named, with all that it was chosen by. find returns objects in the order of their keys.
func page[T, V any](
	ctx context.Context, s *Service, list string, q Query, find func(ctx context.Context, p domain.Page) ([]T, error),
	key func(T) string, show func(objects []T) ([]V, error),
) (Page[V], error) {
	if len(q.Search) > maxSearch {
		return Page[V]{}, domain.Invalid("search", domain.RuleLength, searchText)
	}
	list += "\x00" + q.Search
	part := domain.Page{Search: q.Search, Limit: q.Limit + 1} // the one more says whether there is another page
	if q.Cursor != "" {
		direction, name, err := s.openCursor(list, q.Cursor)
		if err != nil {
			return Page[V]{}, err
		}
		if direction == cursorAfter {
			part.After = name
		} else {
			part.Before = name
		}
	}
	objects, err := find(ctx, part)
	if err != nil {
		return Page[V]{}, err
	}
	back, more := part.Before != "", len(objects) > q.Limit
	switch {
	case more && back:
		objects = objects[1:]
	case more:
		objects = objects[:q.Limit]
	}
	shown, err := show(objects)
	if err != nil || len(objects) == 0 {
		return Page[V]{Items: []V{}}, err
	}
	p := Page[V]{Items: shown}
	if more && !back || back {
		p.Next = s.sealCursor(list, cursorAfter, key(objects[len(objects)-1]))
	}
	if more && back || part.After != "" {
		p.Previous = s.sealCursor(list, cursorBefore, key(objects[0]))
	}
	return p, nil
}

// each makes the show of a page from that of an object.
func each[T, V any](show func(T) V) func([]T) ([]V, error) {
	return func(objects []T) ([]V, error) { return list(objects, nil, show) }
}

// either tells a condition that may be left open from others.
func either(is *bool) string {
	if is == nil {
		return ""
	}
	return strconv.FormatBool(*is)
}

// sealCursor authenticates a place in a list, for that list alone.
func (s *Service) sealCursor(list string, direction byte, name string) string {
	text := append([]byte{direction}, name...)
	return base64.RawURLEncoding.EncodeToString(append(s.cursorMAC(list, text), text...))
}

// openCursor reads what sealCursor made for the list. domain.ErrInvalid if it did not.
func (s *Service) openCursor(list, cursor string) (direction byte, name string, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= cursorMAC || !hmac.Equal(raw[:cursorMAC], s.cursorMAC(list, raw[cursorMAC:])) {
		return 0, "", ErrCursor
	}
	return raw[cursorMAC], string(raw[cursorMAC+1:]), nil
}

func (s *Service) cursorMAC(list string, text []byte) []byte {
	mac := hmac.New(sha256.New, s.config.CursorKey)
	mac.Write(slices.Concat([]byte(strings.ReplaceAll(list, "\x01", "")), []byte{1}, text))
	return mac.Sum(nil)[:cursorMAC]
}
