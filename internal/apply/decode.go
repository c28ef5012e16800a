package apply

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// decoding reads the nodes of one document. yaml.v3 itself would follow aliases and take the last of two members of a name.
type decoding struct {
	*reader
	file   string
	offset int // lines of the file before the document
}

func (d *decoding) at(node *yaml.Node) Place { return Place{d.file, d.offset + node.Line} }

func (d *decoding) problem(node *yaml.Node, format string, args ...any) {
	d.problems.add(d.at(node), format, args...)
}

// plain refuses what makes a small document large or strange: aliases, tags, and depth.
func (d *decoding) plain(node *yaml.Node, depth int) bool {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		d.problem(node, "anchors and aliases are not taken: write it out")
		return false
	case node.Style&yaml.TaggedStyle != 0:
		d.problem(node, "tags are not taken: leave out %s", clip(node.Tag))
		return false
	case depth > maxDepth:
		d.problem(node, "this is nested too deeply")
		return false
	case !utf8.ValidString(node.Value) || strings.ContainsRune(node.Value, 0):
		d.problem(node, "this is not text in UTF-8, or it has a NUL")
		return false
	}
	for _, child := range node.Content {
		if !d.plain(child, depth+1) {
			return false
		}
	}
	return true
}

// document reads the members of an object, and where they are.
func (d *decoding) document(node *yaml.Node, doc *Document) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		doc.lines[node.Content[i].Value] = d.at(node.Content[i]).Line
	}
	d.members(node, reflect.ValueOf(doc.Object).Elem(), string(doc.Kind), "kind")
}

// members reads a mapping into a struct; ignored is a member that was read before.
func (d *decoding) members(node *yaml.Node, into reflect.Value, what, ignored string) {
	if node.Kind != yaml.MappingNode {
		d.problem(node, "%s is an object with members", what)
		return
	}
	fields := fieldsOf(into.Type())
	given := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.problem(key, "the name of a member is a word")
			continue
		}
		if given[key.Value] {
			d.problem(key, "%s is given twice", clip(key.Value))
			continue
		}
		given[key.Value] = true
		if key.Value == ignored {
			continue
		}
		field, ok := fieldNamed(fields, key.Value)
		if !ok {
			d.problem(key, "%s has no member %q%s", what, clip(key.Value), suggest(key.Value, namesOf(fields)))
			continue
		}
		d.value(value, into.Field(field.index), field)
	}
	for _, field := range fields {
		if field.given && !given[field.name] {
			d.problem(node, "%s needs %s", what, field.name)
		}
	}
}

// value reads a node into a field.
func (d *decoding) value(node *yaml.Node, into reflect.Value, f field) {
	if isNull(node) {
		d.problem(node, "%s has no value: leave it out, or give it one", f.name)
		return
	}
	switch into.Interface().(type) {
	case JSON:
		d.json(node, into, f)
		return
	case Secret:
		d.secret(node, into, f)
		return
	case time.Duration:
		t, err := time.ParseDuration(node.Value)
		if node.Kind != yaml.ScalarNode || err != nil || t < 0 {
			d.problem(node, "%s: %q is no duration: write it as 90s, 15m or 1h30m", f.name, clip(node.Value))
		}
		into.SetInt(int64(t))
		return
	case time.Time:
		d.time(node, into, f)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		to := reflect.New(into.Type().Elem())
		d.value(node, to.Elem(), f)
		into.Set(to)
	case reflect.Bool:
		if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" {
			d.problem(node, "%s is true or false", f.name)
		}
		into.SetBool(strings.EqualFold(node.Value, "true"))
	case reflect.String:
		text := d.text(node, f)
		into.SetString(text)
	case reflect.Slice:
		d.list(node, into, f)
	case reflect.Map:
		d.texts(node, into, f)
	case reflect.Struct:
		if fields := fieldsOf(into.Type()); node.Kind == yaml.ScalarNode && fields[0].given { // the short form
			into = into.Field(fields[0].index)
			text := d.text(node, fields[0])
			into.SetString(text)
			return
		}
		d.members(node, into, "an element of "+f.name, "")
	default:
		panic("apply: no field is a " + into.Kind().String())
	}
}

// text is that of a scalar that is neither a number, nor a date, nor true or false.
func (d *decoding) text(node *yaml.Node, f field) string {
	switch {
	case node.Kind != yaml.ScalarNode || isNull(node):
		d.problem(node, "%s is a text", f.name)
		return ""
	case node.ShortTag() != "!!str":
		d.problem(node, "%s is a text: put %s in quotes", f.name, clip(node.Value))
		return ""
	case f.enum != nil && !slices.Contains(f.enum, node.Value):
		d.problem(node, "%s cannot be %q%s", f.name, clip(node.Value), suggest(node.Value, f.enum))
		return ""
	case len(node.Value) > 64<<10:
		d.problem(node, "%s has %d bytes, which is too long", f.name, len(node.Value))
		return ""
	}
	return node.Value
}

func (d *decoding) time(node *yaml.Node, into reflect.Value, f field) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, node.Value); err == nil && node.Kind == yaml.ScalarNode && t.Year() > 1970 {
			into.Set(reflect.ValueOf(t.UTC().Truncate(time.Microsecond)))
			return
		}
	}
	d.problem(node, "%s: %q is no time: write it as 2027-01-01 or 2027-01-01T12:00:00Z", f.name, clip(node.Value))
}

func (d *decoding) list(node *yaml.Node, into reflect.Value, f field) {
	if node.Kind != yaml.SequenceNode {
		d.problem(node, "%s is a list", f.name)
		return
	}
	list := reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content))
	for i, element := range node.Content {
		d.value(element, list.Index(i), f)
	}
	into.Set(list)
}

func (d *decoding) texts(node *yaml.Node, into reflect.Value, f field) {
	if node.Kind != yaml.MappingNode {
		d.problem(node, "%s is an object whose members are texts", f.name)
		return
	}
	texts := map[string]string{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if _, twice := texts[key.Value]; twice {
			d.problem(key, "%s is given twice", clip(key.Value))
		}
		texts[key.Value] = d.text(node.Content[i+1], f)
	}
	into.Set(reflect.ValueOf(texts))
}

// secret reads where a secret is. The text of a secret never gets this far into an error.
func (d *decoding) secret(node *yaml.Node, into reflect.Value, f field) {
	if node.Kind != yaml.MappingNode {
		d.problem(node, "%s must not stand in a file: write {env: NAME} or {file: PATH}, and put it there", f.name)
		return
	}
	before := len(d.problems)
	d.members(node, into, "a secret", "")
	secret := into.Addr().Interface().(*Secret)
	if len(d.problems) == before && (secret.Env == "") == (secret.File == "") {
		d.problem(node, "%s: write either {env: NAME} or {file: PATH}", f.name)
	}
	if secret.File != "" && !filepath.IsAbs(secret.File) {
		secret.File = filepath.Join(filepath.Dir(d.file), secret.File)
	}
}

func (d *decoding) json(node *yaml.Node, into reflect.Value, f field) {
	value, err := jsonOf(node)
	if err == nil && node.Kind != yaml.MappingNode {
		err = fmt.Errorf("it is an object")
	}
	text, failed := json.Marshal(value)
	if err != nil || failed != nil {
		d.problem(node, "%s: %v", f.name, err)
		return
	}
	into.SetString(string(text))
}

// jsonOf is a node as encoding/json has it.
func jsonOf(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i].Value
			if _, twice := object[key]; twice {
				return nil, fmt.Errorf("%s is given twice", clip(key))
			}
			value, err := jsonOf(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[key] = value
		}
		return object, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, element := range node.Content {
			value, err := jsonOf(element)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	}
	var value any
	switch node.ShortTag() {
	case "!!str":
		return node.Value, nil
	case "!!int", "!!float", "!!bool", "!!null":
		if err := node.Decode(&value); err != nil {
			return nil, fmt.Errorf("%s is no JSON", clip(node.Value))
		}
		return value, nil
	}
	return nil, fmt.Errorf("%s is no JSON: put it in quotes", clip(node.Value))
}
