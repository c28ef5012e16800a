package httpjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/signet-auth/signet/internal/domain"
)

// Unusable is a value that is of no type, so that no schema takes it.
type Unusable struct{ shown any }

// MarshalJSON implements json.Marshaler, for the error that quotes the value.
func (u Unusable) MarshalJSON() ([]byte, error) { return json.Marshal(u.shown) }

// String says what the value is.
func (u Unusable) String() string {
	if u.shown == nil {
		return "null"
	}
	return fmt.Sprint(u.shown)
}

// Parse parses JSON for validation. Three things are Unusable: null, which says neither that a member is left out nor what its
// value is; the value of a member that is given twice, of which readers take different ones (RFC 8259 §4); and text with a NUL, which
// not every database can hold. Numbers are as domain.ParseNumber reads them.
func Parse(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8") // RFC 8259 §8.1
	}
	if !json.Valid(data) {
		var v any
		return nil, json.Unmarshal(data, &v) // says what is wrong where
	}
	p := &parser{rest: data}
	return p.value()
}

// parser reads JSON that is valid. encoding/json's own reading of tokens takes several times as long.
type parser struct{ rest []byte }

// next skips blanks, and is the first byte of what follows.
func (p *parser) next() byte {
	for i, c := range p.rest {
		if c > ' ' {
			p.rest = p.rest[i:]
			return c
		}
	}
	return 0 // not in valid JSON
}

// more says whether an array or object goes on, and skips the comma, or its end.
func (p *parser) more() bool {
	c := p.next()
	if c == ',' || c == ']' || c == '}' {
		p.rest = p.rest[1:]
	}
	return c != ']' && c != '}'
}

func (p *parser) value() (any, error) {
	switch p.next() {
	case '{':
		return p.object()
	case '[':
		p.rest = p.rest[1:]
		list := []any{}
		for p.more() {
			value, err := p.value()
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case '"':
		text, err := p.text()
		if err == nil && strings.ContainsRune(text, 0) {
			return Unusable{"text with a NUL"}, nil
		}
		return text, err
	case 'n':
		p.rest = p.rest[len("null"):]
		return Unusable{nil}, nil
	case 't':
		p.rest = p.rest[len("true"):]
		return true, nil
	case 'f':
		p.rest = p.rest[len("false"):]
		return false, nil
	}
	end := bytes.IndexFunc(p.rest, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) })
	if end < 0 {
		end = len(p.rest)
	}
	number, err := domain.ParseNumber(string(p.rest[:end]))
	p.rest = p.rest[end:]
	return number, err
}

func (p *parser) object() (any, error) {
	p.rest = p.rest[1:]
	object := map[string]any{}
	for p.more() {
		p.next()
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		p.next()
		p.rest = p.rest[1:] // the colon
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			value = Unusable{"given more than once"}
		}
		object[name] = value
	}
	return object, nil
}

func (p *parser) text() (text string, err error) {
	escaped := false
	for i := 1; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			quoted := p.rest[:i+1]
			p.rest = p.rest[i+1:]
			if escaped {
				err = json.Unmarshal(quoted, &text)
				return text, err
			}
			return string(quoted[1:i]), nil
		}
	}
	return "", errors.New("a text does not end") // not in valid JSON
}
