// Package apply is files as code without the installation: reading files, comparing what they describe with what there is, and
// writing files. It is pure; internal/admin reads what there is and makes the changes.
package apply

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// DefaultSet is the name of the set of files that is not named.
const DefaultSet = "default"

// Bounds of what is applied at once.
const (
	MaxText      = 4 << 20 // bytes of all files
	maxDocument  = 1 << 20 // bytes of one
	MaxFiles     = 1000
	maxObjects   = 10_000
	maxDepth     = 12
	maxProblems  = 20
	maxSetName   = 100 // bytes
	maxKeyLength = 2000
)

// File is one of a set, under the name that errors call it by.
type File struct{ Name, Text string }

// Place is a line of a file.
type Place struct {
	File string
	Line int
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Document describes one object.
type Document struct {
	Kind   domain.ManagedKind
	Name   string // of the object, for people and within its kind
	Place  Place
	Object any // a pointer to one of the objects

	lines map[string]int // of the members
}

// At is the place of a member, that of the document if it has none of the name.
func (d *Document) At(member string) Place {
	if line, ok := d.lines[member]; ok {
		return Place{d.Place.File, line}
	}
	return d.Place
}

// Problem is what is wrong at a place.
type Problem struct {
	Place Place
	Text  string
}

func (p Problem) Error() string { return p.Place.String() + ": " + p.Text }

// Problems are all that is wrong with files, at most 20 of them. They are a domain.ErrInvalid.
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

// Err is nil if there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p[:min(len(p), maxProblems)]
}

func (p *Problems) add(at Place, format string, args ...any) {
	*p = append(*p, Problem{at, fmt.Sprintf(format, args...)})
}

// Failed adds the place of a document's object to what a change of it failed with; what is not the files' fault is left as it is.
func (d *Document) Failed(err error) error {
	for _, sentinel := range []error{domain.ErrInvalid, domain.ErrNotFound, domain.ErrExists, domain.ErrReferenced} {
		if errors.Is(err, sentinel) && !errors.As(err, new(Problems)) {
			return Problems{{d.Place, strings.ReplaceAll(err.Error(), "\n", "; ")}}
		}
	}
	return err
}

// CheckSet checks the name of a set of files. ErrInvalid if the rule is broken.
func CheckSet(name string) error {
	ok := name != "" && len(name) <= maxSetName && name[0] != '-'
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/-", r))
	}
	if !ok {
		return domain.Invalid("set", domain.RuleFormat, "set: use 1 to %d letters, digits and . _ / -, not beginning with a dash", maxSetName)
	}
	return nil
}
