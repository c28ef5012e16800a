package pdp

import (
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/httpjson"
)

// readBody reads a request, whatever it asks.
func readBody(text []byte) (map[string]any, error) {
	parsed, err := httpjson.Parse(text)
	if err != nil {
		return nil, malformed("The body is not JSON.")
	}
	body, ok := parsed.(map[string]any)
	if !ok {
		return nil, malformed("The body must be a JSON object.")
	}
	return body, usable(body)
}

// readRequest reads subject, action, resource and context; other members do not count (AuthZEN §5).
func readRequest(members map[string]any) (decision.Request, error) {
	r, err := readSearched(members, "")
	if err == nil {
		err = readAction(members, &r)
	}
	if err != nil {
		return r, err
	}
	r.Context, err = object(members, "context")
	return r, err
}

func readAction(members map[string]any, r *decision.Request) error {
	action, err := required(members, "action")
	if err != nil {
		return err
	}
	if r.Action.Name, err = text(action, "action", "name"); err != nil {
		return err
	}
	r.Action.Properties, err = object(action, "properties")
	return err
}

func required(members map[string]any, name string) (map[string]any, error) {
	found, err := object(members, name)
	if err == nil && found == nil {
		err = malformed("The member '" + name + "' is missing.")
	}
	return found, err
}

// text reads a text that must be there.
func text(object map[string]any, of, name string) (string, error) {
	value, _ := object[name].(string)
	if value == "" {
		return "", malformed("The member '" + of + "." + name + "' must be text, and not empty.")
	}
	return value, nil
}

func optionalText(object map[string]any, name string) (string, error) {
	value, ok := object[name].(string)
	if !ok && object[name] != nil {
		return "", malformed("The member '" + name + "' must be text.")
	}
	return value, nil
}

func object(members map[string]any, name string) (map[string]any, error) {
	value, ok := members[name].(map[string]any)
	if !ok && members[name] != nil {
		return nil, malformed("The member '" + name + "' must be an object.")
	}
	return value, nil
}

func list(members map[string]any, name string) ([]any, error) {
	value, ok := members[name].([]any)
	if !ok && members[name] != nil {
		return nil, malformed("The member '" + name + "' must be a list.")
	}
	return value, nil
}

// explains says whether the answer has to say what each rule came to.
func explains(body map[string]any) (bool, error) {
	options, err := object(body, "options")
	if err != nil {
		return false, err
	}
	value, ok := options["explain"].(bool)
	if !ok && options["explain"] != nil {
		return false, malformed("The member 'options.explain' must be true or false.")
	}
	return value, nil
}

// usable makes null what JSON says it is, in all that is read of a body. An evaluation of several is left to plain: what is wrong with it
// denies that one alone.
func usable(body map[string]any) error {
	for name, value := range body {
		if _, several := value.([]any); several && name == "evaluations" {
			continue
		}
		var ok bool
		if body[name], ok = plain(value); !ok {
			return errUnusable
		}
	}
	return nil
}

var errUnusable = malformed("A member is given twice, or a text has a NUL.")

// plain makes null what JSON says it is, in place: members that are not there and those that are null are the same. false: a value is of no
// use, and what it is in must not be read.
func plain(value any) (any, bool) {
	switch v := value.(type) {
	case httpjson.Unusable:
		return nil, v.String() == "null"
	case []any:
		for i := range v {
			var ok bool
			if v[i], ok = plain(v[i]); !ok {
				return nil, false
			}
		}
	case map[string]any:
		for name := range v {
			var ok bool
			if v[name], ok = plain(v[name]); !ok {
				return nil, false
			}
		}
	}
	return value, true
}
