package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// jsonSchema is a schema of the API's description, as far as it says what answers look like.
type jsonSchema struct {
	Ref        string `json:"$ref"`
	Type       any    // a name or several
	Enum       []any
	Required   []string
	Properties map[string]jsonSchema
	Additional any `json:"additionalProperties"`
	Items      *jsonSchema
}

// faults are what makes a value none of the schema.
func (s jsonSchema) faults(all map[string]jsonSchema, place string, value any) (faults []string) {
	if s.Ref != "" {
		named, ok := all[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
		if !ok {
			return []string{place + ": there is no " + s.Ref}
		}
		return named.faults(all, place, value)
	}
	if kinds := s.kinds(); len(kinds) > 0 && !slices.ContainsFunc(kinds, func(kind string) bool { return isOfKind(kind, value) }) {
		return []string{fmt.Sprintf("%s is %v, not of type %v", place, value, kinds)}
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		faults = append(faults, fmt.Sprintf("%s is %v, none of %v", place, value, s.Enum))
	}
	switch value := value.(type) {
	case []any:
		for i, element := range value {
			if s.Items != nil {
				faults = append(faults, s.Items.faults(all, fmt.Sprintf("%s[%d]", place, i), element)...)
			}
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := value[name]; !ok {
				faults = append(faults, place+" lacks "+name)
			}
		}
		for name, member := range value {
			described, ok := s.Properties[name]
			switch {
			case ok:
				faults = append(faults, described.faults(all, place+"."+name, member)...)
			case s.Additional == false:
				faults = append(faults, place+" has "+name)
			}
		}
	}
	return faults
}

func (s jsonSchema) kinds() (kinds []string) {
	switch named := s.Type.(type) {
	case string:
		kinds = []string{named}
	case []any:
		for _, name := range named {
			kinds = append(kinds, fmt.Sprint(name))
		}
	}
	return kinds
}

func isOfKind(kind string, value any) bool {
	switch value := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && value == math.Trunc(value)
	case []any:
		return kind == "array"
	}
	return kind == "object"
}
