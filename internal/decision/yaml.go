package decision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/domain"
)

// Problem is what is wrong at a place of a policy, both from 1.
type Problem struct {
	Line, Column int
	Text         string
}

func (p Problem) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Text)
}

// Problems are all that is wrong with a policy, at most 20 of them. They are a domain.ErrInvalid.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes them a domain.ErrInvalid.
func (p Problems) Unwrap() error { return domain.ErrInvalid }

// reader reads nodes of YAML, and notes what is wrong with them.
type reader struct{ problems Problems }

func (r *reader) problem(node *yaml.Node, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{node.Line, node.Column, fmt.Sprintf(format, args...)})
	}
}

// members reads a mapping; a member is given once.
func (r *reader) members(node *yaml.Node, what string, read func(name string, key, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		r.problem(node, "%s is an object with members", what)
		return
	}
	given := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.problem(key, "the name of a member is a word")
		case given[key.Value]:
			r.problem(key, "%s is given twice", clip(key.Value))
		default:
			given[key.Value] = true
			read(key.Value, key, value)
		}
	}
}

// text reads a text of one line.
func (r *reader) text(node *yaml.Node, name string) string {
	switch {
	case node.Kind != yaml.ScalarNode || node.Value == "" || node.ShortTag() == "!!null":
		r.problem(node, "%s is a text", name)
	case len(node.Value) > maxName || strings.ContainsFunc(node.Value, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.problem(node, "%s: use at most %d bytes in one line", name, maxName)
	default:
		return node.Value
	}
	return ""
}

func (r *reader) list(node *yaml.Node, name string) []string {
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 || len(node.Content) > maxNames {
		r.problem(node, "%s is a list of 1 to %d names", name, maxNames)
		return nil
	}
	var names []string
	for _, element := range node.Content {
		given := r.text(element, name)
		if given != "" && slices.Contains(names, given) {
			r.problem(element, "%s names %s twice", name, clip(given))
			continue
		}
		names = append(names, given)
	}
	return names
}

func clip(text string) string { return domain.ClipText(text, 100) }

var yamlError = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?`)

const maxDepth = 12 // of YAML

// readYAML reads one document of YAML, without what makes a small one large or strange. nil: it is empty.
func readYAML(text string, limit int) (*yaml.Node, error) {
	switch {
	case len(text) > limit:
		return nil, Problems{{1, 1, fmt.Sprintf("there are %d bytes; use at most %d", len(text), limit)}}
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return nil, Problems{{1, 1, "this is not UTF-8, or has a NUL"}}
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil && !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF) {
		err = errors.New("yaml: there is more than one document")
	}
	if err != nil {
		line := 1
		if match := yamlError.FindStringSubmatch(err.Error()); match != nil && match[1] != "" {
			line, _ = strconv.Atoi(match[1])
		}
		return nil, Problems{{line, 1, "this is not YAML: " + yamlError.ReplaceAllString(err.Error(), "")}}
	}
	if wrong := strange(&root, 0); wrong != nil {
		return nil, Problems{*wrong}
	}
	if len(root.Content) == 0 || root.Content[0].Kind == yaml.ScalarNode && root.Content[0].ShortTag() == "!!null" {
		return nil, nil
	}
	return root.Content[0], nil
}

// strange finds aliases, tags and depth.
func strange(node *yaml.Node, depth int) *Problem {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		return &Problem{node.Line, node.Column, "anchors and aliases are not taken: write it out"}
	case node.Style&yaml.TaggedStyle != 0:
		return &Problem{node.Line, node.Column, "tags are not taken: leave it out"}
	case depth > maxDepth:
		return &Problem{node.Line, node.Column, "this is nested too deeply"}
	case !utf8.ValidString(node.Value) || strings.ContainsRune(node.Value, 0):
		return &Problem{node.Line, node.Column, "this is not text in UTF-8, or it has a NUL"}
	}
	for _, child := range node.Content {
		if wrong := strange(child, depth+1); wrong != nil {
			return wrong
		}
	}
	return nil
}
