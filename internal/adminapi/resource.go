package adminapi

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

// PlaceInput is what a list of objects without names is asked with. It is exported, as all inputs that others embed, for huma to fill it.
type PlaceInput struct {
	Cursor string `query:"cursor" maxLength:"10000" doc:"The 'next' or 'previous' of another page of the same list with the same filters"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many; a page may be shorter although there is a next one"`
}

func (in *PlaceInput) query() admin.Query { return admin.Query{Cursor: in.Cursor, Limit: in.Limit} }

// PageInput is what a list of objects with names is asked with.
type PageInput struct {
	PlaceInput
	Search string `query:"search" maxLength:"200" doc:"What a name begins with, whatever the case"`
}

func (in *PageInput) query() admin.Query {
	return admin.Query{Cursor: in.Cursor, Search: in.Search, Limit: in.Limit}
}

// Choice is a parameter that is true, false or left open. It is exported for huma to fill it.
type Choice struct {
	value bool
	Given *bool // nil: left open
}

// Schema implements huma.SchemaProvider.
func (Choice) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean} }

// Receiver implements huma.ParamWrapper.
func (c *Choice) Receiver() reflect.Value { return reflect.ValueOf(&c.value).Elem() }

// OnParamSet implements huma.ParamReactor.
func (c *Choice) OnParamSet(set bool, _ any) {
	if set {
		c.Given = &c.value
	}
}

type pageOutput[V any] struct{ Body admin.Page[V] }

// list makes a handler of an operation that lists objects.
func list[V any](find func(ctx context.Context, caller authn.Caller, q admin.Query) (admin.Page[V], error)) func(context.Context, authn.Caller, *PageInput) (*pageOutput[V], error) {
	return func(ctx context.Context, caller authn.Caller, in *PageInput) (*pageOutput[V], error) {
		page, err := find(ctx, caller, in.query())
		return &pageOutput[V]{page}, err
	}
}

// NamedInput names an object in the path.
type NamedInput struct {
	Name string `path:"name" maxLength:"2000"`
}

// Resolve implements huma.Resolver. No object has a name that no database can hold.
func (in *NamedInput) Resolve(huma.Context) []error { return checkName(in.Name) }

func checkName(name string) []error {
	if !isText(name) {
		return []error{huma.Error404NotFound("There is nothing of this name.")}
	}
	return nil
}

// isText reports whether a database can hold it.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// EditInput is NamedInput for an edit of the version that its author saw.
type EditInput struct {
	NamedInput
	IfMatch string `header:"If-Match" doc:"The ETag of the object that was edited, or * for whatever it is now"`
}

// version is that of If-Match, nil for any. 428 without one (RFC 6585 §3).
func (in *EditInput) version() (*int64, error) {
	if in.IfMatch == "" {
		return nil, huma.NewError(http.StatusPreconditionRequired, "Send If-Match with the ETag of the object that you edited.")
	}
	return matched(in.IfMatch)
}

// matched is the version of an If-Match, nil for any (RFC 9110 §13.1.1).
func matched(header string) (*int64, error) {
	if header == "" || header == "*" {
		return nil, nil
	}
	tag, ok := strings.CutPrefix(header, `"`)
	tag, closed := strings.CutSuffix(tag, `"`)
	version, err := strconv.ParseInt(tag, 10, 64)
	if !ok || !closed || err != nil {
		return nil, huma.Error412PreconditionFailed("If-Match is not an ETag of this object.")
	}
	return &version, nil
}

// objectOutput is one object, with its version as the ETag.
type objectOutput[V any] struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     V
}

func shown[V any](object V, version int64, err error) (*objectOutput[V], error) {
	if err != nil {
		return nil, err
	}
	out := &objectOutput[V]{Status: http.StatusOK, Body: object}
	if version > 0 {
		out.ETag = `"` + strconv.FormatInt(version, 10) + `"`
	}
	return out, nil
}

// created is shown with the place of the new object.
func created[V any](object V, version int64, location string, err error) (*objectOutput[V], error) {
	out, err := shown(object, version, err)
	if err == nil {
		out.Status, out.Location = http.StatusCreated, root+location
	}
	return out, err
}

type done struct{}

// act makes a handler of an operation that names an object and has nothing to answer.
func act(do func(ctx context.Context, caller authn.Caller, name string) error) func(context.Context, authn.Caller, *NamedInput) (*done, error) {
	return func(ctx context.Context, caller authn.Caller, in *NamedInput) (*done, error) {
		return nil, do(ctx, caller, in.Name)
	}
}

// set writes a value that was given.
func set[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}
