package adminclient

import (
	"net/url"
	"slices"
	"strings"
)

//go:generate go run ./generate

// operation is how an operation is called.
type operation struct {
	name   string // of admin.Operations
	method string
	path   string // with {parameters}
	body   string // the name of its schema; empty: there is none
}

// operationOf finds an operation by its name.
func operationOf(name string) (operation, bool) {
	i, found := slices.BinarySearchFunc(operations, name, func(o operation, name string) int { return strings.Compare(o.name, name) })
	if !found {
		return operation{}, false
	}
	return operations[i], true
}

// fill puts values into the parameters of the path, in their order; there have to be as many.
func (o operation) fill(values []string) (path string, ok bool) {
	var filled []string
	for part := range strings.SplitSeq(o.path, "/") {
		if strings.HasPrefix(part, "{") {
			if len(values) == 0 {
				return "", false
			}
			part, values = escape(values[0]), values[1:]
		}
		filled = append(filled, part)
	}
	return strings.Join(filled, "/"), len(values) == 0
}

// escape is url.PathEscape that leaves no name to be taken for a place in the path: "." and ".." are names, too.
func escape(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}
