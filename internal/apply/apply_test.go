package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/domain"
)

// What follows from other members, or belongs to the installation.
var notDescribed = map[string][]string{
	"Client": {"ID", "Claims", "Secrets", "Origin", "RegistrationTokenHash", "LastUsedAt", "DisabledReason", "ManagedBy", "Version", "CreatedAt", "UpdatedAt"},
	"API":    {"ID", "Claims", "ManagedBy", "Version", "CreatedAt", "UpdatedAt"},
}

func TestEverySettingIsDescribedAndSet(t *testing.T) {
	describe := map[string]func(v reflect.Value) (described any, again reflect.Value){
		"Client": func(v reflect.Value) (any, reflect.Value) {
			d := ClientOf(v.Interface().(domain.Client))
			var c domain.Client
			d.Set(&c)
			return d, reflect.ValueOf(c)
		},
		"API": func(v reflect.Value) (any, reflect.Value) {
			d := APIOf(v.Interface().(domain.API), "", nil)
			var a domain.API
			d.Set(&a)
			return d, reflect.ValueOf(a)
		},
	}
	for _, object := range []any{domain.Client{}, domain.API{}} {
		typ := reflect.TypeOf(object)
		plain, _ := describe[typ.Name()](reflect.ValueOf(object))
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			if slices.Contains(notDescribed[typ.Name()], name) {
				continue
			}
			v := reflect.New(typ).Elem()
			fill(v.Field(i))
			described, again := describe[typ.Name()](v)
			if reflect.DeepEqual(plain, described) {
				t.Errorf("%s.%s is in no file", typ.Name(), name)
			}
			if !slices.Contains([]string{"ClientID", "Audience", "DisabledAt", "Trusts"}, name) && // set by operations of their own
				!reflect.DeepEqual(v.Field(i).Interface(), again.Field(i).Interface()) {
				t.Errorf("%s.%s: files set %v, want %v", typ.Name(), name, again.Field(i), v.Field(i))
			}
		}
	}
}

// fill gives a value that is no default.
func fill(v reflect.Value) {
	switch to := v.Addr().Interface().(type) {
	case *time.Time:
		*to = time.Now()
		return
	case *time.Duration:
		*to = time.Minute
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
	}
}

func parse(text string) ([]*Document, error) { return Parse([]File{{"f.yaml", text}}) }

func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"name: x", `f.yaml:1: the object has no kind: use attribute, api`},
		{"kind: rolle\nname: x", `f.yaml:1: there is no kind "rolle"; did you mean "role"?`},
		{"# comment\n\nkind: role\nname: x\ndescriptio: y", `f.yaml:5: role has no member "descriptio"; did you mean "description"?`},
		{"kind: role\nname: x\n---\nkind: role\nname: y\nname: z", `f.yaml:6: name is given twice`},
		{"kind: role\nname: x\n---\n# a\nkind: role\nname: x", `f.yaml:5: role x is described before, at f.yaml:1`},
		{"kind: role", `f.yaml:1: it needs name`},
		{"kind: role\nname: 12", `f.yaml:2: name is a text: put 12 in quotes`},
		{"kind: role\nname: true", `put true in quotes`},
		{"kind: role\nname:", `f.yaml:2: name has no value`},
		{"kind: role\nname: [x]", `f.yaml:2: name is a text`},
		{"kind: role\nname: x\npermissions: orders:read", `f.yaml:3: permissions is a list`},
		{"kind: role\nname: x\npermissions: [orders:read]", `f.yaml:3: permissions: write "orders:read" as AUDIENCE#permission`},
		{"kind: role\nname: x\npermissions: [a#b, a#b]", `"a#b" is listed twice`},
		{"kind: role\nname: administrator", `f.yaml:2: the role administrator is built in`},
		{"kind: api\naudience: urn:signet:admin", `is built in`},
		{"kind: attribute\nname: nickname", `is built in`},
		{"kind: api\naudience: x\nno_userinfo: yes", `f.yaml:3: no_userinfo is true or false`},
		{"kind: api\naudience: x\naccess_token_ttl: 900", `write it as 90s, 15m`},
		{"kind: api\naudience: x\naccess_token_ttl: -5m", `is no duration`},
		{"kind: api\naudience: x\nsigning_alg: ES265", `signing_alg cannot be "ES265": use ES256, RS256, EdDSA`},
		{"kind: api\naudience: x\npermissions:\n  - nam: y", `f.yaml:4: an element of permissions has no member "nam"; did you mean "name"?`},
		{"kind: api\naudience: x\npermissions:\n  - description: y", `f.yaml:4: an element of permissions needs name`},
		{"kind: client\nclient_id: x\nsecrets: [s3cr3t-of-ours]", `f.yaml:3: secrets must not stand in a file`},
		{"kind: client\nclient_id: x\nsecrets: [{env: A, file: b}]", `write either {env: NAME} or {file: PATH}`},
		{"kind: client\nclient_id: x\nclient_secret: s3cr3t-of-ours", `client has no member "client_secret"`},
		{"kind: client\nclient_id: x\ntoken_endpoint_auth_method: none\nsecrets: [{env: A}]", `f.yaml:4: a client that authenticates by none has no secrets`},
		{"kind: client\nclient_id: x\ntoken_endpoint_auth_method: private_key_jwt", `f.yaml:3: private_key_jwt needs jwks`},
		{"kind: client\nclient_id: x\njwks: {keys: [], keys: []}", `keys is given twice`},
		{"kind: client\nclient_id: x\napis: [{audience: a}, a]", `"a" is listed twice`},
		{"kind: client\nclient_id: x\napis: [{audience: a, permissions: []}]", "permissions is empty: name some, or leave it out"},
		{"kind: receiver\nclient_id: x", `f.yaml:1: receiver needs method`},
		{"kind: receiver\nclient_id: x\nmethod: push\nbearer_token: s3cr3t-of-ours", `bearer_token must not stand in a file`},
		{"kind: assignment\nrole: x", `names one of user, group and client`},
		{"kind: assignment\nrole: x\nuser: a\ngroup: b", `names one of user, group and client`},
		{"kind: assignment\nrole: x\nuser: a\nuntil: tomorrow", `f.yaml:4: until: "tomorrow" is no time`},
		{"kind: assignment\nrole: x\nuser: a\nuntil: 0001-01-01", `is no time`},
		{"- kind: role\n  name: x\n- 5", `f.yaml:3: this is no object`},
		{"a: b: c", `f.yaml:1: this is not YAML`},
		{"kind: role\nname: x\n---\na: [", `f.yaml:4: this is not YAML`},
		{"kind: role\nname: x\n...\nkind: role\nname: x", `described before`},
		{"kind: role\nname: \"a\\0b\"", `has a NUL`},
		{"kind: role\nname: !!str 5", `tags are not taken`},
		{"kind: role\nname: !secret x", `tags are not taken`},
		{"kind: role\nname: &a x", `anchors and aliases are not taken`},
		{"kind: role\nname: x\npermissions: &a [*a]", `anchors and aliases are not taken`},
		{"kind: role\n<<: {name: x}", `role has no member "<<"`},
		{"kind: role\nname: x\x00", `not text in UTF-8`},
		{"kind: role\nname: \xff", `not text in UTF-8`},
	} {
		_, err := parse(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, domain.ErrInvalid) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestFilesThatAreTooMuchAreRefused(t *testing.T) {
	many := strings.Builder{}
	for i := range maxObjects + 1 {
		fmt.Fprintf(&many, "---\nkind: role\nname: r%d\n", i)
	}
	for name, text := range map[string]string{
		"deep":       "kind: role\nname: " + strings.Repeat("[", 50_000),
		"deep pairs": "kind: client\nclient_id: x\njwks: " + strings.Repeat("{a: ", 30) + "1" + strings.Repeat("}", 30),
		"large":      strings.Repeat("x", MaxText+1),
		"document":   "kind: role\nname: x\ndescription: " + strings.Repeat("x", maxDocument),
		"many":       many.String(),
		"long":       "kind: role\nname: x\ndescription: " + strings.Repeat("x", 70_000),
		"laughs":     "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
	} {
		if _, err := parse(text); !errors.Is(err, domain.ErrInvalid) || len(err.Error()) > 10_000 {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	if _, err := Parse(make([]File, MaxFiles+1)); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("%d files: %v", MaxFiles+1, err)
	}
	if _, err := parse(strings.Repeat("kind: rolle\n---\n", 1000)); strings.Count(err.Error(), "\n") >= maxProblems {
		t.Errorf("there are %d problems", strings.Count(err.Error(), "\n"))
	}
}

func TestManyMistakesTakeNoLongerThanFew(t *testing.T) {
	var text strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&text, "---\nkind: role\nname: a-role-with-a-name-%d\n---\nkind: assignment\nrole: a-rule-with-a-nome-%d\nuser: u\n", i, i)
	}
	documents, err := Parse([]File{{"f.yaml", text.String()}})
	if err != nil {
		t.Fatal(err)
	}
	compared := testing.AllocsPerRun(1, func() { _, err = Compare(documents, &State{Users: []string{"u"}}, Options{Set: "x"}) })
	if problems := (Problems)(nil); !errors.As(err, &problems) || len(problems) != maxProblems {
		t.Errorf("error %v", err)
	}
	if each := compared / 8000; each > 100 {
		t.Errorf("%.0f allocations for each object", each)
	}
}

func TestWhatIsWrittenIsReadTheSame(t *testing.T) {
	for _, name := range []string{"x", "yes", "no", "12", "1e3", "2027-01-01", "null", "~", "a: b", "# a", "'", `"`, "*a", "&a", "- a", "{a}", "<script>", "אבג", "😀", "a\\b", "0x10", "!a", "---"} {
		multi := "a\n  b: c\n\n" + name
		described := []any{
			&Role{Name: name, Description: name, Permissions: []string{"a#" + name}},
			&Client{
				ClientID: name, Name: name, JWKS: canonical(`{"keys":[{"kty":"OKP","n":1,"x":"12","y":true}]}`), RedirectURIs: []string{name, "b"},
				ClaimMappings: []ClaimMapping{{name, multi}}, RefreshOverlap: new(time.Duration),
				Trusts: []Trust{{Issuer: name, Subject: name, Claims: map[string]string{name: name, "b": "true"}}},
			},
			&Assignment{Role: name, Group: name, Until: time.Date(2099, 1, 2, 3, 4, 5, 6000, time.UTC)},
			&API{Audience: name, AccessTokenTTL: 90 * time.Second, Policy: &multi, Resources: &[]Resource{{"order", name, canonical(`{"a":[1,"12",true,null],"b":{}}`)}}, Permissions: []Permission{{name, name}, {"b", ""}}},
			&Group{Name: name, Members: &[]string{}},
		}
		for _, d := range described {
			if wrongs := d.(object).complete(); len(wrongs) > 0 {
				t.Fatalf("%q: %v", name, wrongs)
			}
		}
		text := written(t, described...)
		documents, err := parse(text)
		if err != nil {
			t.Errorf("%q: %v\n%s", name, err, text)
			continue
		}
		var read []any
		for _, d := range documents {
			read = append(read, d.Object)
			i := slices.IndexFunc(described, func(o any) bool { return kindOf(o) == d.Kind })
			if !reflect.DeepEqual(described[i], d.Object) {
				t.Errorf("%q: read %+v, want %+v\n%s", name, d.Object, described[i], text)
			}
		}
		if again := written(t, read...); again != text {
			t.Errorf("%q: written again %s, want %s", name, again, text)
		}
		var parts strings.Builder
		for i, o := range described {
			if err := Write(&parts, i == 0, o); err != nil {
				t.Fatal(err)
			}
		}
		if parts.String() != text {
			t.Errorf("%q: written in parts %s, want %s", name, &parts, text)
		}
	}
}

func written(t *testing.T, objects ...any) string {
	t.Helper()
	var text strings.Builder
	if err := Write(&text, true, objects...); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestAReferenceToWhatIsNotThereIsRefused(t *testing.T) {
	const api = "kind: api\naudience: https://orders.example\npermissions: [orders:read]\n---\n"
	state := &State{
		Users: []string{"alice"}, Roles: []domain.Role{{Name: "clerk", ManagedBy: "shop"}, {Name: "cook", ManagedBy: "kitchen"}},
		Clients:    []domain.Client{{ClientID: "self", Origin: domain.OriginRegistration}, {ClientID: "public", Public: true, RequirePKCE: true}},
		Attributes: []domain.Attribute{{Name: "badge", Type: domain.AttributeNumber}},
	}
	for _, c := range []struct {
		text  string
		prune bool
		want  string
	}{
		{api + "kind: role\nname: x\npermissions: ['https://order.example#orders:read']", false, `f.yaml:7: permissions: there is no api "https://order.example"; did you mean "https://orders.example"?`},
		{api + "kind: role\nname: x\npermissions: ['https://orders.example#orders:reed']", false, `f.yaml:7: permissions: API https://orders.example has no permission "orders:reed"; did you mean "orders:read"?`},
		{"kind: group\nname: x\nmembers: [alice, bob]", false, `f.yaml:3: members: there is no user "bob"`},
		{"kind: client\nclient_id: x\nserves: [https://x]", false, `f.yaml:3: serves: there is no api`},
		{api + "kind: client\nclient_id: x\napis: [{audience: https://orders.example, permissions: [x]}]", false, `f.yaml:7: apis: API https://orders.example has no permission "x"`},
		{"kind: assignment\nrole: clerks\nuser: alice", false, `f.yaml:2: role: there is no role "clerks"; did you mean "clerk"?`},
		{"kind: assignment\nrole: clerk\ngroup: x", false, `f.yaml:3: group: there is no group "x"`},
		{"kind: assignment\nrole: clerk\nuser: alice", true, `role clerk is in no file of the set any more, and would be deleted`},
		{"kind: receiver\nclient_id: x\nmethod: poll", false, `f.yaml:2: client_id: there is no client "x"`},
		{"kind: role\nname: cook", false, `role cook is managed by the set kitchen`},
		{"kind: client\nclient_id: self\ngrant_types: []", false, `client self registered itself`},
		{"kind: client\nclient_id: public", false, `a client stays public or confidential`},
		{"kind: attribute\nname: badge\ntype: boolean", false, `f.yaml:3: attribute badge: its type stays what it is, number`},
	} {
		documents, err := parse(c.text)
		if err != nil {
			t.Fatalf("%q: %v", c.text, err)
		}
		_, err = Compare(documents, state, Options{Set: "shop", Prune: c.prune, Now: time.Now(), Secrets: func(*Document) string { return "" }})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestTheSampleFitsTheSchemaAndMistakesDoNot(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("../../config/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(sample)))
	var document map[string]any
	for n := 0; ; n++ {
		document = nil
		if err := decoder.Decode(&document); err != nil {
			if n < 10 {
				t.Errorf("the sample has %d documents: %v", n, err)
			}
			break
		}
		if until, ok := document["until"].(time.Time); ok {
			document["until"] = until.Format(time.DateOnly) // as editors have it
		}
		if !fits(schema, schema, document) {
			t.Errorf("%v does not fit", document)
		}
		document["unknown"] = true
		if fits(schema, schema, document) {
			t.Errorf("%v fits", document)
		}
	}
	for _, wrong := range []string{
		`{}`, `{"kind":"role"}`, `{"kind":"rolle","name":"x"}`, `{"kind":"api","audience":"x","signing_alg":"x"}`, `{"kind":"api","audience":"x","access_token_ttl":"5"}`,
		`{"kind":"client","client_id":"x","secrets":["s"]}`, `{"kind":"client","client_id":"x","secrets":[{"env":"A","file":"B"}]}`,
		`{"kind":"assignment","role":"x"}`, `{"kind":"assignment","role":"x","user":"a","group":"b"}`, `{"kind":"role","name":5}`, `{"kind":"receiver","client_id":"x"}`,
	} {
		var value any
		if err := json.Unmarshal([]byte(wrong), &value); err != nil {
			t.Fatal(err)
		}
		if fits(schema, schema, value) {
			t.Errorf("%s fits", wrong)
		}
	}
}

// fits is as much of JSON Schema as the schema uses.
func fits(root, schema map[string]any, value any) bool {
	if ref, ok := schema["$ref"].(string); ok {
		return fits(root, root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), value)
	}
	for word, least := range map[string]int{"anyOf": 0, "oneOf": 1} {
		options, ok := schema[word].([]any)
		fitting := 0
		for _, option := range options {
			if fits(root, option.(map[string]any), value) {
				fitting++
			}
		}
		if ok && (fitting == 0 || least == 1 && fitting != 1) {
			return false
		}
	}
	if constant, ok := schema["const"]; ok && constant != value {
		return false
	}
	if words, ok := schema["enum"].([]any); ok && !slices.Contains(words, value) {
		return false
	}
	object, isObject := value.(map[string]any)
	for _, name := range array(schema["required"]) {
		if _, has := object[name.(string)]; !has {
			return false
		}
	}
	switch schema["type"] {
	case "string":
		text, ok := value.(string)
		pattern, has := schema["pattern"].(string)
		return ok && (!has || regexp.MustCompile(pattern).MatchString(text))
	case "boolean":
		_, ok := value.(bool)
		return ok
	case "array":
		list, ok := value.([]any)
		return ok && !slices.ContainsFunc(list, func(e any) bool { return !fits(root, schema["items"].(map[string]any), e) })
	case "object":
		properties, _ := schema["properties"].(map[string]any)
		for name, member := range object {
			if property, ok := properties[name]; ok {
				if !fits(root, property.(map[string]any), member) {
					return false
				}
			} else if additional, ok := schema["additionalProperties"].(map[string]any); ok && !fits(root, additional, member) || schema["additionalProperties"] == false {
				return false
			}
		}
		return isObject
	}
	return true
}

func array(value any) []any {
	list, _ := value.([]any)
	return list
}
