package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// huma keeps these two as settings of the process: member names are taken in their own case alone, and no array is null.
func init() {
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
}

// formats reads and writes JSON. What is validated is read by decode.
func formats() map[string]huma.Format {
	format := huma.DefaultJSONFormat
	format.Unmarshal = func(data []byte, v any) error {
		if parsed, ok := v.(*any); ok {
			value, err := decode(data)
			*parsed = value
			return err
		}
		return json.Unmarshal(data, v)
	}
	return map[string]huma.Format{"application/json": format, "json": format}
}

// unusable is a value that is of no type, so that no schema takes it.
type unusable struct{ shown any }

// MarshalJSON implements json.Marshaler, for the error that quotes the value.
func (u unusable) MarshalJSON() ([]byte, error) { return json.Marshal(u.shown) }

// decode parses JSON for validation. Three things are unusable: null, which says neither that a member is left out nor what its
// value is; the value of a member that is given twice, of which readers take different ones (RFC 8259 §4); and text with a NUL, which
// not every database can hold.
func decode(data []byte) (any, error) {
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
	if text, ok := token.(string); ok && !isText(text) {
		return unusable{"text with a NUL"}, nil
	}
	switch token {
	case nil:
		return unusable{nil}, nil
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
			value = unusable{"given more than once"}
		}
		object[name] = value
	}
	_, err := d.Token()
	return object, err
}
