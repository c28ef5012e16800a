package apply

import (
	"reflect"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// field is a member of an object.
type field struct {
	index int
	name  string
	key   bool // it names the object
	given bool // it must be given
	write bool // it is not shown
	enum  []string
	doc   string
}

// fieldsOf are the members of a struct of this package.
func fieldsOf(t reflect.Type) []field {
	fields := make([]field, t.NumField())
	for i := range fields {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("file"), ",")
		fields[i] = field{
			index: i, name: name, key: options == "key", given: options == "given", write: options == "write", doc: f.Tag.Get("doc"),
		}
		if words := f.Tag.Get("enum"); words != "" {
			fields[i].enum = strings.Split(words, ",")
		}
	}
	return fields
}

func fieldNamed(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

func namesOf(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// object is what a document describes.
type object interface {
	// name is the object's within its kind, for people.
	name() string
	// complete fills in what is left out, puts lists into the order in which the database has them, and says what is wrong.
	complete() []wrong
	// bare is an object of the same name of which nothing else is said but what others depend on, complete.
	bare() object
}

type wrong struct{ member, text string }

// kinds make an empty object of each kind.
var kinds = map[domain.ManagedKind]func() any{
	domain.ManagedAttribute:  func() any { return new(Attribute) },
	domain.ManagedAPI:        func() any { return new(API) },
	domain.ManagedRole:       func() any { return new(Role) },
	domain.ManagedGroup:      func() any { return new(Group) },
	domain.ManagedClient:     func() any { return new(Client) },
	domain.ManagedAssignment: func() any { return new(Assignment) },
	domain.ManagedReceiver:   func() any { return new(Receiver) },
}
