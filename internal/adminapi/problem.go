package adminapi

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/requestid"
)

// Problem is an error as RFC 9457 has it.
type Problem struct {
	Type   string         `json:"type,omitempty" doc:"A URI that names the kind of problem; left out: the status says all (about:blank)" example:"about:blank"`
	Title  string         `json:"title" doc:"What the status means" example:"Unprocessable Entity"`
	Status int            `json:"status" doc:"The status of the answer" example:"422"`
	Detail string         `json:"detail" doc:"What is wrong, in words" example:"validation failed"`
	Errors []FieldProblem `json:"errors,omitempty" doc:"Which values are wrong, as far as that is known"`

	RequestID string `json:"request_id,omitempty" doc:"Of the request, as in the header X-Request-Id: the server's log and the events of the audit log have it too" example:"5f0c8e1d2b7a4c6e9f3d1a8b7c6d5e4f"`
}

// identify gives a problem the id of its request.
func identify(ctx huma.Context, _ string, body any) (any, error) {
	if p, ok := body.(*Problem); ok {
		p.RequestID = requestid.Of(ctx.Context())
	}
	return body, nil
}

// FieldProblem says which value of a request is wrong. It never has the value, which may be a secret.
type FieldProblem struct {
	Location string      `json:"location,omitempty" doc:"Where the value is: body.redirect_uris[2], query.limit, path.name, header.Idempotency-Key" example:"body.name"`
	Message  string      `json:"message" doc:"What is wrong with it, in words" example:"expected length >= 1"`
	Rule     domain.Rule `json:"rule,omitempty" doc:"Which kind of rule it breaks, a word that programs may compare: required, format, length, range, one_of, unknown, unique, too_many, reserved, conflict, built_in, state, guessable or type" example:"length"`
}

// ruleType says that a value is not of the JSON type that is described.
const ruleType domain.Rule = "type"

// Error implements huma.StatusError.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func problemOf(status int, detail string, errs ...FieldProblem) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Errors: errs}
}

// invalid is a problem with one value.
func invalid(location string, rule domain.Rule, detail string) *Problem {
	return problemOf(http.StatusUnprocessableEntity, detail, FieldProblem{location, detail, rule})
}

// newProblem is huma's constructor of errors: of those that it finds itself, the values are left out.
func newProblem(status int, detail string, errs ...error) huma.StatusError {
	p := problemOf(status, detail)
	for _, err := range errs {
		switch e := err.(type) { //nolint:errorlint // as huma passes it
		case nil:
		case *Problem: // of a resolver
			if len(errs) == 1 {
				return e
			}
			if len(e.Errors) == 0 {
				p.Errors = append(p.Errors, FieldProblem{Message: e.Detail})
			}
			p.Errors = append(p.Errors, e.Errors...)
		case huma.ErrorDetailer:
			d := e.ErrorDetail()
			p.Errors = append(p.Errors, FieldProblem{d.Location, d.Message, ruleOf(d.Message)})
		default:
			p.Errors = append(p.Errors, FieldProblem{Message: err.Error()})
		}
	}
	return p
}

// rules are those that huma's own messages are about, by how these begin.
var rules = []struct {
	message string
	rule    domain.Rule
}{
	{validation.MsgUnexpectedProperty, domain.RuleUnknown},
	{"unknown query parameter", domain.RuleUnknown},
	{validation.MsgExpectedRequiredProperty, domain.RuleRequired},
	{validation.MsgExpectedDependentRequiredProperty, domain.RuleRequired},
	{"required ", domain.RuleRequired}, // a parameter
	{validation.MsgExpectedOneOf, domain.RuleOneOf},
	{validation.MsgExpectedMinimumNumber, domain.RuleRange},
	{validation.MsgExpectedMaximumNumber, domain.RuleRange},
	{validation.MsgExpectedMinLength, domain.RuleLength},
	{validation.MsgExpectedMaxLength, domain.RuleLength},
	{validation.MsgExpectedMinItems, domain.RuleRequired},
	{validation.MsgExpectedMaxItems, domain.RuleTooMany},
	{validation.MsgExpectedMaxProperties, domain.RuleTooMany},
	{validation.MsgExpectedArrayItemsUnique, domain.RuleUnique},
	{validation.MsgExpectedBoolean, ruleType},
	{validation.MsgExpectedNumber, ruleType},
	{validation.MsgExpectedInteger, ruleType},
	{validation.MsgExpectedArray, ruleType},
	{validation.MsgExpectedObject, ruleType},
	{validation.MsgExpectedString + " to be", domain.RuleFormat},
	{validation.MsgExpectedString, ruleType},
	{"invalid ", domain.RuleFormat}, // a parameter
}

func ruleOf(message string) domain.Rule {
	for _, r := range rules {
		begin, _, _ := strings.Cut(r.message, "%")
		if strings.HasPrefix(message, begin) {
			return r.rule
		}
	}
	return domain.RuleFormat
}

// fieldProblems are those that an error of a service tells of values of a request.
func (s *surface) fieldProblems(operation huma.Operation, err error) []FieldProblem {
	var problems []FieldProblem
	for _, e := range domain.InvalidErrors(err) {
		problems = append(problems, FieldProblem{s.location(operation, e.Field), e.Error(), e.Rule})
	}
	return problems
}

// identifiers are the members that name objects which are made, by operation.
var identifiers = map[string]string{
	"user.create": "username", "attribute.create": "name", "group.create": "name", "role.create": "name", "client.create": "client_id",
	"api.create": "audience", "receiver.create": "client_id",
}

// taken says which value there is already.
func taken(operation huma.Operation, err error) []FieldProblem {
	if name := identifiers[operation.OperationID]; name != "" {
		return []FieldProblem{{"body." + name, err.Error(), domain.RuleUnique}}
	}
	return nil
}

// location says where an operation has a field.
func (s *surface) location(operation huma.Operation, field string) string {
	described := s.described(operation)
	if described == nil || field == "" {
		return ""
	}
	name := field
	if end := strings.IndexAny(field, ".["); end > 0 {
		name = field[:end]
	}
	for _, p := range described.Parameters {
		if p.Name == name {
			return p.In + "." + field
		}
	}
	if described.RequestBody == nil {
		return ""
	}
	return "body." + field
}

// described is an operation as the API's description has it, nil if it is not there.
func (s *surface) described(operation huma.Operation) *huma.Operation {
	for _, described := range operationsAt(s.api.OpenAPI().Paths[operation.Path]) {
		if described.Method == operation.Method {
			return described
		}
	}
	return nil
}

// operationsAt are those of a path.
func operationsAt(item *huma.PathItem) []*huma.Operation {
	var operations []*huma.Operation
	if item == nil {
		return nil
	}
	for _, o := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if o != nil {
			operations = append(operations, o)
		}
	}
	return operations
}
