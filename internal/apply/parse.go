package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/domain"
)

// Parse reads files of YAML or JSON: documents that are separated by ---, each an object or a list of objects. Problems say what is
// wrong, and where.
func Parse(files []File) ([]*Document, error) {
	r := &reader{seen: map[string]Place{}}
	size := 0
	for _, file := range files {
		if size += len(file.Text); size > MaxText || len(files) > MaxFiles {
			return nil, Problems{{Place{file.Name, 1}, fmt.Sprintf("this is too much at once: apply at most %d files with %d bytes together", MaxFiles, MaxText)}}
		}
		if !utf8.ValidString(file.Text) || strings.ContainsRune(file.Text, 0) {
			r.problems.add(Place{file.Name, 1}, "the file is not text in UTF-8")
			continue
		}
		r.readFile(file)
	}
	if len(r.documents) > maxObjects {
		r.problems.add(r.documents[maxObjects].Place, "there are %d objects; apply at most %d at once", len(r.documents), maxObjects)
	}
	return r.documents, r.problems.Err()
}

type reader struct {
	documents []*Document
	seen      map[string]Place // by kind and name
	problems  Problems
}

// readFile reads a file document by document, so that a mistake in one does not hide those of the others.
func (r *reader) readFile(file File) {
	var text strings.Builder
	begin := 1
	line := 0
	for content := range strings.Lines(file.Text) {
		line++
		marker := strings.TrimRight(content, " \t\r\n")
		if marker == "---" || marker == "..." || strings.HasPrefix(content, "--- ") || strings.HasPrefix(content, "---\t") {
			r.readDocument(Place{file.Name, begin}, text.String())
			text.Reset()
			begin = line
			if marker == "..." {
				content = "\n"
			}
		}
		text.WriteString(content)
	}
	r.readDocument(Place{file.Name, begin}, text.String())
}

var yamlError = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?`)

func (r *reader) readDocument(at Place, text string) {
	if len(text) > maxDocument {
		r.problems.add(at, "the document has %d bytes; use at most %d", len(text), maxDocument)
		return
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return
	}
	if err == nil && !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF) {
		err = errors.New("yaml: there is more than one document here: separate them by --- on a line of its own")
	}
	if err != nil {
		match := yamlError.FindStringSubmatch(err.Error())
		if match != nil && match[1] != "" {
			if n, err := strconv.Atoi(match[1]); err == nil {
				at.Line += n - 1
			}
		}
		r.problems.add(at, "this is not YAML: %s", yamlError.ReplaceAllString(err.Error(), ""))
		return
	}
	d := &decoding{reader: r, file: at.File, offset: at.Line - 1}
	if len(root.Content) == 0 || !d.plain(&root, 0) {
		return
	}
	switch node := root.Content[0]; {
	case node.Kind == yaml.SequenceNode:
		for _, element := range node.Content {
			r.readObject(d, element)
		}
	case isNull(node): // nothing but comments
	default:
		r.readObject(d, node)
	}
}

func (r *reader) readObject(d *decoding, node *yaml.Node) {
	at := d.at(node)
	if node.Kind != yaml.MappingNode {
		r.problems.add(at, "this is no object: write kind: and the object's members")
		return
	}
	var kind string
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == "kind" {
			kind, at = node.Content[i+1].Value, d.at(node.Content[i])
		}
	}
	make, ok := kinds[domain.ManagedKind(kind)]
	if !ok {
		problem := "the object has no kind: use " + strings.Join(kindNames(), ", ")
		if kind != "" {
			problem = fmt.Sprintf("there is no kind %q%s", clip(kind), suggest(kind, kindNames()))
		}
		r.problems.add(at, "%s", problem)
		return
	}
	doc := &Document{Kind: domain.ManagedKind(kind), Place: at, Object: make(), lines: map[string]int{}}
	before := len(r.problems)
	d.document(node, doc)
	if len(r.problems) > before {
		return
	}
	object := doc.Object.(object)
	for _, wrong := range object.complete() {
		r.problems.add(doc.At(wrong.member), "%s", wrong.text)
	}
	if len(r.problems) > before {
		return
	}
	doc.Name = object.name()
	key := kind + " " + doc.Name
	if other, twice := r.seen[key]; twice {
		r.problems.add(at, "%s %s is described before, at %s", kind, doc.Name, other)
		return
	}
	r.seen[key] = at
	r.documents = append(r.documents, doc)
}

func kindNames() []string {
	names := []string{}
	for _, kind := range domain.ManagedKinds {
		names = append(names, string(kind))
	}
	return names
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

// suggest names the known word that is most like a given one, or the words if none is.
func suggest(given string, known []string) string {
	best, distance := "", 1+max(1, len(given)/3)
	for _, word := range known {
		if len(given)-len(word) >= distance || len(word)-len(given) >= distance {
			continue // so that a long word costs nothing
		}
		if d := domain.Distance(given, word); d < distance {
			best, distance = word, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) > 0 && len(known) <= 40:
		return ": use " + strings.Join(known, ", ")
	}
	return ""
}

// clip shortens what an error repeats.
func clip(text string) string { return domain.ClipText(text, 100) }

// SecretsOf are the secrets that documents name, each once, with where.
func SecretsOf(documents []*Document) (secrets []Secret, places []Place) {
	known := map[Secret]bool{}
	add := func(d *Document, member string, secret Secret) {
		if !known[secret] {
			known[secret] = true
			secrets, places = append(secrets, secret), append(places, d.At(member))
		}
	}
	for _, d := range documents {
		switch o := d.Object.(type) {
		case *Client:
			if o.Secrets != nil {
				for _, secret := range *o.Secrets {
					add(d, "secrets", secret)
				}
			}
		case *Receiver:
			if o.BearerToken != nil {
				add(d, "bearer_token", *o.BearerToken)
			}
		}
	}
	return secrets, places
}
