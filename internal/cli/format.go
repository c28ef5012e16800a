package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// format is how an answer is printed.
type format string

// The formats. The zero format is formatText.
const (
	formatText format = ""
	formatJSON format = "json"
	formatYAML format = "yaml" // the JSON, as YAML
	formatName format = "name" // of each object, one in a line
)

var formats = []format{"text", formatJSON, formatYAML, formatName}

// decoded is a value as its JSON has it.
func decoded(value any) (shown any, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&shown)
	return shown, err
}

// printYAML writes a value with the members of its JSON, in their order.
func printYAML(w io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil { // JSON is YAML
		return err
	}
	block(&node)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(&node), enc.Close())
}

// block lets a node that was read from JSON be written as people write YAML. A quoted value stays one.
func block(node *yaml.Node) {
	if node.Kind != yaml.ScalarNode && len(node.Content) > 0 {
		node.Style = 0
	}
	for i, part := range node.Content {
		if block(part); node.Kind == yaml.MappingNode && i%2 == 0 {
			part.Style = 0 // it is quoted where it has to be
		}
	}
}

// naming are the members that name an object, the most telling first.
var naming = []string{"jti", "kid", "sid", "username", "client_id", "audience", "name", "id", "seq", "role"}

// printNames writes the names of a list's objects, or of one.
func (a *app) printNames(value any) error {
	shown, err := decoded(value)
	if err != nil {
		return err
	}
	objects, isList := shown.([]any)
	if !isList {
		objects = []any{shown}
	}
	w := a.out()
	for _, object := range objects {
		name, ok := nameOf(object)
		if !ok { // no error: what the command changes is changed
			fmt.Fprintln(a.stderr, "signet: this answer has no name: use -o json")
			return nil
		}
		if _, err := fmt.Fprintln(w, name); err != nil {
			return err
		}
	}
	return nil
}

func nameOf(object any) (name any, ok bool) {
	has, _ := object.(map[string]any)
	for _, member := range naming {
		if name, ok = has[member]; ok {
			return name, true
		}
	}
	return nil, false
}
