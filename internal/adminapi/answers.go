package adminapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/domain"
)

// exampleAnswers gives each answer of each operation an example. That is made of its type: a member has the value that a body of a
// request about the same kind of object has, or a parameter, or one of its schema.
func exampleAnswers(api *huma.OpenAPI) {
	for _, item := range api.Paths {
		for _, o := range operationsAt(item) {
			e := exemplar{schemas: api.Components.Schemas, known: knownOf(o.Tags[0])}
			for status, response := range o.Responses {
				code, _ := strconv.Atoi(status)
				for media, content := range response.Content {
					switch {
					case content.Schema == nil || content.Example != nil:
					case media == "application/problem+json":
						content.Example = problemExample(code)
					case media == "application/json":
						content.Example = e.of("", content.Schema, 0)
					}
				}
			}
		}
	}
}

// problemExample is a problem of a status.
func problemExample(status int) *Problem {
	switch status {
	case http.StatusUnauthorized:
		return problemOf(status, "The access token is not valid here.")
	case http.StatusForbidden:
		return problemOf(status, "The access token lacks the scope users:read.")
	case http.StatusNotFound:
		return problemOf(status, `user "alice": not found`)
	case http.StatusUnprocessableEntity:
		return problemOf(status, "validation failed", FieldProblem{"body.name", "expected length >= 1", domain.RuleLength})
	}
	return problemOf(status, http.StatusText(status))
}

// knownOf are the members that bodies of requests about a kind of object have.
func knownOf(kind string) map[string]any {
	known := map[string]any{}
	for _, operation := range slices.Sorted(maps.Keys(examples)) { // create before update
		members := map[string]any{}
		if about, _, _ := strings.Cut(operation, "."); about != kind || json.Unmarshal(examples[operation], &members) != nil {
			continue
		}
		for name, value := range members {
			if _, ok := known[name]; !ok && value != "" {
				known[name] = value
			}
		}
	}
	return known
}

// exemplar makes examples of schemas.
type exemplar struct {
	schemas huma.Registry
	known   map[string]any
}

// deepest bounds examples of what holds others of its type.
const deepest = 8

func (e exemplar) of(member string, schema *huma.Schema, depth int) any {
	if value, ok := e.value(member, schema); ok {
		return value
	}
	if schema.Ref != "" {
		schema = e.schemas.SchemaFromRef(schema.Ref)
	}
	switch {
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case len(schema.Examples) > 0:
		return schema.Examples[0]
	}
	switch schema.Type {
	case huma.TypeArray:
		if depth > deepest {
			return []any{}
		}
		return []any{e.of(member, schema.Items, depth+1)}
	case huma.TypeBoolean:
		return true
	case huma.TypeInteger, huma.TypeNumber:
		return 1
	case huma.TypeString:
		return text(member, schema.Format)
	}
	object := map[string]any{}
	for name, property := range schema.Properties {
		object[name] = e.of(name, property, depth+1)
	}
	if values, ok := schema.AdditionalProperties.(*huma.Schema); ok {
		object["name"] = e.of("", values, depth+1)
	}
	return object
}

// value is one that the member has elsewhere, if that is one of its schema too.
func (e exemplar) value(member string, schema *huma.Schema) (value any, found bool) {
	candidates := []any{e.known[member], memberExamples[member], parameters[member].example}
	for _, candidate := range candidates {
		if candidate != nil && len(faults(e.schemas, schema, huma.ModeReadFromServer, candidate)) == 0 {
			return candidate, true
		}
	}
	return nil, false
}

// faults are what makes a value none of a schema.
func faults(schemas huma.Registry, schema *huma.Schema, mode huma.ValidateMode, value any) []error {
	var plain any // as JSON has it
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, &plain)
	}
	if err != nil {
		return []error{err}
	}
	result := new(huma.ValidateResult)
	huma.Validate(schemas, schema, huma.NewPathBuffer(nil, 0), mode, plain, result)
	return result.Errors
}

// text is an example of text in a format.
func text(member, format string) string {
	switch format {
	case "date-time":
		return "2026-01-31T12:00:00Z"
	case "uri":
		return "https://id.example/"
	}
	return strings.ReplaceAll(member, "_", " ")
}

// memberExamples are values of members that no request has.
var memberExamples = map[string]any{
	"next": "aXQgaXMgb3BhcXVl", "previous": "aXQgaXMgb3BhcXVl", "audience": "https://orders.example", "aud": "https://orders.example",
	"client_id": "reporting", "client_name": "Reporting", "client_secret": "zV0b1oUq3sXk5m9A2cE7gH4jL6nP8rT1", "sub": "usr_3dJ8pQ", "username": "alice",
	"scopes": []string{"orders:read"}, "permissions": []string{"orders:read"}, "roles": []string{"clerk"}, "actor": "user:alice", "target": "client:reporting",
	"action": "client.update", "hash": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c", "ip": "192.0.2.1", "user_agent": "Mozilla/5.0",
	"amr": []string{"pwd"}, "acr": "1", "clients": []string{"web"}, "url": "https://id.example/password#8Qd0", "version": 3, "seq": 42, "count": 12,
	"managed_by": "default", "expires_at": "2027-01-31T00:00:00Z", "hint": "zV0b", "issuer": "https://ci.example", "subject": "alice", "subject_kind": "user",
	"token": "Zk3vQ9tY1aB7", "of": "user", "name": "alice", "note": "Editors", "place": "clients.yaml:12", "checkpoint": "42 2026-01-31T12:00:00Z b5bb9d80 9f86d081",
}
