package adminapi

import (
	"net/url"
	"strings"
)

// Route is where an operation is called.
type Route struct{ Method, Path string } // the path has {parameters}

// Routes are those of all operations, by name. They are read from the API's own description.
func Routes() map[string]Route {
	_, api := newAPI(Config{})
	routes := map[string]Route{}
	for path, item := range api.Paths {
		for _, operation := range operationsAt(item) {
			routes[operation.OperationID] = Route{operation.Method, path}
		}
	}
	return routes
}

// Fill puts values into the parameters of the path, in their order; there have to be as many.
func (r Route) Fill(values []string) (path string, ok bool) {
	var filled []string
	for part := range strings.SplitSeq(r.Path, "/") {
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
