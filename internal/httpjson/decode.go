package httpjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
)

// Decode reads one JSON object into the struct that to points to. Unlike encoding/json it takes the names of members in their own case
// alone, and refuses members that the struct does not have, what is Unusable, and text that is empty where the field does not have the
// tag empty:"allowed". Errors are sentences that name the member, in characters that an error_description may have (RFC 6749 §5.2).
func Decode(data []byte, to any) error {
	value, err := Parse(data)
	if err != nil {
		return bodyError("The body is not JSON.")
	}
	if _, ok := value.(map[string]any); !ok {
		return bodyError("The body must be a JSON object.")
	}
	if err := check(value, reflect.TypeOf(to).Elem(), "", false); err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return refuse(mismatch.Field, "is of another type")
		}
		return bodyError("The body is not the JSON object that belongs here.")
	}
	return nil
}

// check compares a parsed value with the type that it is for. Types that do not fit are left to encoding/json.
func check(value any, t reflect.Type, path string, mayBeEmpty bool) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := value.(type) {
	case Unusable:
		return refuse(path, "must not be "+v.String())
	case string:
		if v == "" && !mayBeEmpty {
			return refuse(path, "must not be empty")
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for _, element := range v {
			if err := check(element, t.Elem(), path, mayBeEmpty); err != nil {
				return err
			}
		}
	case map[string]any:
		return checkMembers(v, t, path)
	}
	return nil
}

func checkMembers(object map[string]any, t reflect.Type, path string) error {
	for name, value := range object {
		switch t.Kind() {
		case reflect.Map: // its names are the caller's
			if name == "" {
				return refuse(path, "must not have a member without a name")
			}
			if err := check(value, t.Elem(), path, false); err != nil {
				return err
			}
		case reflect.Struct:
			field, err := member(t, name, path)
			if err != nil {
				return err
			}
			if err := check(value, field.Type, join(path, name), field.Tag.Get("empty") == "allowed"); err != nil {
				return err
			}
		}
	}
	return nil
}

// member returns the field of a member.
func member(t reflect.Type, name, path string) (reflect.StructField, error) {
	for _, field := range reflect.VisibleFields(t) {
		switch known, _, _ := strings.Cut(field.Tag.Get("json"), ","); {
		case known == name:
			return field, nil
		case strings.EqualFold(known, name):
			return field, refuse(join(path, known), "must be written in this case")
		}
	}
	if len(name) > 64 || !speakable.MatchString(name) {
		name = "?"
	}
	return reflect.StructField{}, refuse(join(path, name), "is not known here")
}

// speakable are the names that errors repeat, unless they are long.
var speakable = regexp.MustCompile(`^[A-Za-z0-9_.$-]+$`)

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func refuse(path, why string) error {
	return bodyError("The member '" + path + "' " + why + ".")
}

// bodyError is a sentence for the caller.
type bodyError string

// Error implements error.
func (e bodyError) Error() string { return string(e) }
