package apply

import (
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/domain"
)

// Write writes a part of a file, which begins with the part, that describes objects, each a pointer to one of this package: of each what
// differs from the default.
func Write(w io.Writer, begins bool, objects ...any) error {
	if len(objects) == 0 {
		return nil
	}
	if !begins {
		if _, err := io.WriteString(w, "---\n"); err != nil {
			return err
		}
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	for _, o := range objects {
		if err := encoder.Encode(documentOf(o.(object))); err != nil {
			return err
		}
	}
	return encoder.Close()
}

// kindOf is the kind of an object.
func kindOf(o any) domain.ManagedKind {
	switch o.(type) {
	case *Attribute:
		return domain.ManagedAttribute
	case *API:
		return domain.ManagedAPI
	case *Role:
		return domain.ManagedRole
	case *Group:
		return domain.ManagedGroup
	case *Client:
		return domain.ManagedClient
	case *Assignment:
		return domain.ManagedAssignment
	default:
		return domain.ManagedReceiver
	}
}

// documentOf is an object as a file has it.
func documentOf(o object) *yaml.Node {
	document := &yaml.Node{Kind: yaml.MappingNode}
	add(document, "kind", scalar(string(kindOf(o))))
	bare := o.bare()
	bare.complete()
	value, usual := reflect.ValueOf(o).Elem(), reflect.ValueOf(bare).Elem()
	for _, f := range fieldsOf(value.Type()) {
		node := nodeOf(value.Field(f.index))
		switch {
		case f.write || node == nil:
		case f.key && node.Value == "":
		case f.key || f.name == "jwks" || f.name == "jwks_uri": // what bare copies
			if node.Value != "" || node.Kind != yaml.ScalarNode {
				add(document, f.name, node)
			}
		case flat(node) != flat(nodeOf(usual.Field(f.index))):
			add(document, f.name, node)
		}
	}
	return document
}

func add(to *yaml.Node, name string, value *yaml.Node) {
	to.Content = append(to.Content, scalar(name), value)
}

func scalar(text string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(text)
	return node
}

// nodeOf is a value as a file has it; nil if it says nothing.
func nodeOf(v reflect.Value) *yaml.Node {
	switch value := v.Interface().(type) {
	case JSON:
		if value == "" {
			return nil
		}
		var parsed domain.JSONObject
		node := new(yaml.Node)
		if json.Unmarshal([]byte(value), &parsed) != nil || node.Encode(parsed) != nil { // members are sorted
			return scalar(string(value))
		}
		return node
	case Secret:
		return scalar(value.Key())
	case *time.Duration:
		if value == nil {
			return nil
		}
		return scalar(domain.DurationText(*value)) // zero says something here
	case time.Duration:
		if value == 0 {
			return nil
		}
		return scalar(domain.DurationText(value))
	case time.Time:
		if value.IsZero() {
			return nil
		}
		node := scalar(value.UTC().Format(time.RFC3339Nano))
		node.Tag = "!!timestamp"
		return node
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return nodeOf(v.Elem())
	case reflect.Bool:
		node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"}
		if v.Bool() {
			node.Value = "true"
		}
		return node
	case reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			list.Content = append(list.Content, nodeOf(v.Index(i)))
		}
		return list
	case reflect.Map:
		object := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			add(object, key.String(), scalar(v.MapIndex(key).String()))
		}
		return object
	case reflect.Struct:
		return membersOf(v)
	}
	return scalar(v.String())
}

// membersOf is a struct within an object: its members that are not zero, in short its first alone.
func membersOf(v reflect.Value) *yaml.Node {
	object := &yaml.Node{Kind: yaml.MappingNode}
	fields := fieldsOf(v.Type())
	for _, f := range fields {
		if !v.Field(f.index).IsZero() {
			add(object, f.name, nodeOf(v.Field(f.index)))
		}
	}
	if len(object.Content) == 2 && object.Content[0].Value == fields[0].name {
		return object.Content[1]
	}
	return object
}

// flat is a node in one line, for comparing and for people.
func flat(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	parts := make([]string, 0, len(node.Content))
	switch node.Kind {
	case yaml.SequenceNode:
		for _, element := range node.Content {
			parts = append(parts, flat(element))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			parts = append(parts, node.Content[i].Value+": "+flat(node.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return node.Value
}
