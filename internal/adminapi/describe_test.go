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
				if p.Name == "search" && o.OperationID != "token.list" && o.OperationID != "token.count" {
					lacks(searches[o.OperationID], "what the search of %s looks at", o.OperationID)
				}
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
	for name := range streams {
		said = append(said, name)
	}
	for name := range searches {
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
	exampleAnswers(api)
	check := func(place string, schema *huma.Schema, mode huma.ValidateMode, example any) {
		t.Helper()
		if example == nil {
			t.Errorf("no example: %s", place)
			return
		}
		for _, err := range faults(api.Components.Schemas, schema, mode, example) {
			t.Errorf("%s: the example %v: %v", place, example, err)
		}
	}
	for path, item := range api.Paths {
		for _, o := range operationsAt(item) {
			for _, p := range o.Parameters {
				check("parameter "+p.Name+" of "+o.Method+" "+path, p.Schema, huma.ModeWriteToServer, p.Example)
			}
			if o.RequestBody != nil {
				content := o.RequestBody.Content["application/json"]
				check("body of "+o.OperationID, content.Schema, huma.ModeWriteToServer, content.Example)
			}
			for status, response := range o.Responses {
				for media, content := range response.Content {
					if content.Schema != nil {
						check("answer "+status+" of "+o.OperationID+" as "+media, content.Schema, huma.ModeReadFromServer, content.Example)
					}
				}
			}
		}
	}
}

func TestExamplesOfAnswersSayWhatThereReallyMayBe(t *testing.T) {
	_, api := newAPI(Config{})
	exampleAnswers(api)
	for place, want := range map[string]string{
		"/users/{name}":        `"username":"bob"`,
		"/tokens/{jti}":        `"jti":"AZqxkLo3cTyQmF1mJ4vT5A"`,
		"/clients/{name}":      `"redirect_uris":["https://bills.example/callback"]`,
		"/sessions/{sid}":      `"sid":"IBOgTgkAn6RaMMRQ"`,
		"/assignments":         `"subject_kind":"user"`,
		"/audit/events":        `"at":"2026-01-31T12:00:00Z"`,
		"/users/{name}/grants": `"apis":[{"aud":"https://orders.example","scopes":["orders:read"]}]`,
	} {
		text, err := json.Marshal(api.Paths[root+place].Get.Responses["200"].Content["application/json"].Example)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s: %s, %v", place, want, text, err)
		}
	}
}
