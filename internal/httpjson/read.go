package httpjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
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
// not every database can hold.
func Parse(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8") // RFC 8259 §8.1
	}
	if !json.Valid(data) {
		var v any
		return nil, json.Unmarshal(data, &v) // says what is wrong where
	}
	return decodeValue(json.NewDecoder(bytes.NewReader(data)))
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if text, ok := token.(string); ok && strings.ContainsRune(text, 0) {
		return Unusable{"text with a NUL"}, nil
	}
	switch token {
	case nil:
		return Unusable{nil}, nil
	case json.Delim('{'):
		return decodeObject(d)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

func decodeObject(d *json.Decoder) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprint(token)
		value, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			value = Unusable{"given more than once"}
		}
		object[name] = value
	}
	_, err := d.Token()
	return object, err
}
