package adminapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// described calls do for each schema of the document, and where it is.
func described(api *huma.OpenAPI, do func(place string, schema *huma.Schema)) {
	var walk func(place string, schema *huma.Schema)
	walk = func(place string, schema *huma.Schema) {
		if schema == nil {
			return
		}
		do(place, schema)
		for name, member := range schema.Properties {
			walk(place+"."+name, member)
		}
		walk(place+"[]", schema.Items)
	}
	for name, schema := range api.Components.Schemas.Map() {
		walk(name, schema)
	}
}

func TestTheDescriptionSaysWhatEverythingIs(t *testing.T) {
	_, api := newAPI(Config{})
	var missing []string
	lacks := func(text, place string, args ...any) {
		if strings.TrimSpace(text) == "" {
			missing = append(missing, fmt.Sprintf(place, args...))
		}
	}
	for path, item := range api.Paths {
		for _, o := range operationsAt(item) {
			lacks(o.Summary, "summary of %s", o.OperationID)
			lacks(o.Description, "description of %s", o.OperationID)
			for _, p := range o.Parameters {
				lacks(p.Description, "parameter %s of %s %s", p.Name, o.Method, path)
			}
			for status, response := range o.Responses {
				lacks(response.Description, "answer %s of %s", status, o.OperationID)
				for name, header := range response.Headers {
					lacks(header.Description, "header %s of %s", name, o.OperationID)
				}
			}
		}
	}
	described(api, func(place string, schema *huma.Schema) {
		for name, member := range schema.Properties {
			lacks(member.Description, "%s.%s", place, name)
		}
	})
	slices.Sort(missing)
	for _, place := range slices.Compact(missing) {
		t.Errorf("no description: %s", place)
	}
}

func TestNothingIsDescribedThatThereIsNot(t *testing.T) {
	_, api := newAPI(Config{})
	there := map[string]bool{}
	for _, item := range api.Paths {
		for _, o := range operationsAt(item) {
			there[o.OperationID] = true
			for _, p := range o.Parameters {
				there["parameter "+p.Name] = true
			}
		}
	}
	for name, schema := range api.Components.Schemas.Map() {
		for member := range schema.Properties {
			there[name+"."+member], there[member] = true, true
		}
	}
	var said []string
	for name := range details {
		said = append(said, name)
	}
	for name := range examples {
		said = append(said, name)
	}
	for name := range members {
		said = append(said, name)
	}
	for name := range parameters {
		said = append(said, "parameter "+name)
	}
	for _, name := range said {
		if !there[name] {
			t.Errorf("%s is described, and not there", name)
		}
	}
}

func TestEveryExampleIsOneOfItsSchema(t *testing.T) {
	_, api := newAPI(Config{})
	check := func(place string, schema *huma.Schema, example any) {
		t.Helper()
		text, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		path, result := huma.NewPathBuffer(nil, 0), new(huma.ValidateResult)
		huma.Validate(api.Components.Schemas, schema, path, huma.ModeWriteToServer, value, result)
		for _, err := range result.Errors {
			t.Errorf("%s: the example %s: %v", place, text, err)
		}
	}
	for path, item := range api.Paths {
		for _, o := range operationsAt(item) {
			for _, p := range o.Parameters {
				if p.Example == nil {
					t.Errorf("no example: parameter %s of %s %s", p.Name, o.Method, path)
					continue
				}
				check("parameter "+p.Name+" of "+path, p.Schema, p.Example)
			}
			if o.RequestBody == nil {
				continue
			}
			content := o.RequestBody.Content["application/json"]
			if content == nil || content.Example == nil {
				t.Errorf("no example: body of %s", o.OperationID)
				continue
			}
			check(o.OperationID, content.Schema, content.Example)
		}
	}
}
