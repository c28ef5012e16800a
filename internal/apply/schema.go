package apply

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Schema is the JSON Schema (draft 2020-12) of a document, for editors.
func Schema() []byte {
	var documents []any
	for _, kind := range domain.ManagedKinds {
		object := objectSchema(reflect.TypeOf(kinds[kind]()).Elem())
		properties := object["properties"].(map[string]any)
		properties["kind"] = map[string]any{"const": string(kind)}
		required := []string{"kind"}
		for _, f := range fieldsOf(reflect.TypeOf(kinds[kind]()).Elem()) {
			if f.key && (kind != domain.ManagedAssignment || f.name == "role") || f.given {
				required = append(required, f.name)
			}
		}
		object["required"] = required
		if kind == domain.ManagedAssignment {
			object["oneOf"] = []any{
				map[string]any{"required": []string{"user"}}, map[string]any{"required": []string{"group"}}, map[string]any{"required": []string{"client"}},
			}
		}
		documents = append(documents, object)
	}
	document := map[string]any{"oneOf": documents}
	text, err := json.MarshalIndent(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "Signet: files as code",
		"$defs":   map[string]any{"document": document},
		"anyOf": []any{
			map[string]any{"$ref": "#/$defs/document"},
			map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/document"}},
		},
	}, "", "  ")
	if err != nil {
		panic(err) // it is made of maps and texts
	}
	return append(text, '\n')
}

func objectSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, f := range fieldsOf(t) {
		schema := valueSchema(t.Field(f.index).Type, f)
		if f.doc != "" {
			schema["description"] = f.doc
		}
		properties[f.name] = schema
		if f.given {
			required = append(required, f.name)
		}
	}
	object := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

func valueSchema(t reflect.Type, f field) map[string]any {
	switch t {
	case reflect.TypeFor[JSON]():
		return map[string]any{"type": "object"}
	case reflect.TypeFor[Secret]():
		return map[string]any{"oneOf": []any{
			map[string]any{"type": "object", "properties": map[string]any{"env": map[string]any{"type": "string"}}, "required": []string{"env"}, "additionalProperties": false},
			map[string]any{"type": "object", "properties": map[string]any{"file": map[string]any{"type": "string"}}, "required": []string{"file"}, "additionalProperties": false},
		}}
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return valueSchema(t.Elem(), f)
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": valueSchema(t.Elem(), f)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}
	case reflect.Struct:
		object := objectSchema(t)
		if fieldsOf(t)[0].given {
			return map[string]any{"anyOf": []any{map[string]any{"type": "string"}, object}}
		}
		return object
	}
	schema := map[string]any{"type": "string"}
	if f.enum != nil {
		schema["enum"] = f.enum
	}
	return schema
}
