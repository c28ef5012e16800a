package adminapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
)

const maxPolicyBody = 2*decision.MaxText + maxBody // bytes: a policy in JSON

func (s *surface) mountPolicies() {
	register(s, http.MethodGet, "/apis/{name}/policy", "policy.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.Policy], error) {
		found, err := s.Admin.FindPolicy(ctx, caller, in.Name)
		return policyShown(found, err)
	})
	registerUpTo(s, maxPolicyBody, http.MethodPut, "/apis/{name}/policy", "policy.set", s.setPolicy)
	register(s, http.MethodDelete, "/apis/{name}/policy", "policy.delete", func(ctx context.Context, caller authn.Caller, in *deletePolicyInput) (*done, error) {
		version, err := matched(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return nil, s.Admin.DeletePolicy(ctx, caller, in.Name, version)
	})
	register(s, http.MethodPost, "/apis/{name}/policy/rollback", "policy.rollback", s.rollbackPolicy)
	register(s, http.MethodGet, "/apis/{name}/policy/versions", "policy.list_versions", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*pageOutput[admin.PolicyVersion], error) {
		versions, err := s.Admin.ListPolicyVersions(ctx, caller, in.Name)
		return &pageOutput[admin.PolicyVersion]{admin.Page[admin.PolicyVersion]{Items: versions}}, err
	})
	register(s, http.MethodGet, "/apis/{name}/policy/versions/{number}", "policy.find_version", s.findPolicyVersion)
	s.mountResources()
	register(s, http.MethodPost, "/decisions", "decision.evaluate", s.decide)
}

// policyShown is shown with the ETag of a policy that is not there, too: the first one is an edit of that.
func policyShown(p admin.Policy, err error) (*objectOutput[admin.Policy], error) {
	out, err := shown(p, p.Version, err)
	if err == nil {
		out.ETag = `"` + strconv.FormatInt(p.Version, 10) + `"`
	}
	return out, err
}

type deletePolicyInput struct {
	NamedInput
	IfMatch string `header:"If-Match" doc:"The ETag of the policy that is to be deleted; left out: whatever it is now"`
}

type setPolicyInput struct {
	EditInput
	Body struct {
		Text string `json:"text" maxLength:"262144" doc:"The policy in YAML. Empty: one without rules"`
	}
}

func (s *surface) setPolicy(ctx context.Context, caller authn.Caller, in *setPolicyInput) (*objectOutput[admin.Policy], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return policyShown(s.Admin.SetPolicy(ctx, caller, in.Name, version, in.Body.Text))
}

type rollbackPolicyInput struct {
	EditInput
	Body struct {
		Number int64 `json:"number" minimum:"1" doc:"Of a version that is kept"`
	}
}

func (s *surface) rollbackPolicy(ctx context.Context, caller authn.Caller, in *rollbackPolicyInput) (*objectOutput[admin.Policy], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return policyShown(s.Admin.RollbackPolicy(ctx, caller, in.Name, version, in.Body.Number))
}

type policyVersionInput struct {
	NamedInput
	Number int64 `path:"number" minimum:"1"`
}

type policyVersionOutput struct{ Body admin.PolicyVersion }

func (s *surface) findPolicyVersion(ctx context.Context, caller authn.Caller, in *policyVersionInput) (*policyVersionOutput, error) {
	found, err := s.Admin.FindPolicyVersion(ctx, caller, in.Name, in.Number)
	return &policyVersionOutput{found}, err
}

// NewDecision asks whether a subject may do something at an API.
type NewDecision struct {
	API      string            `json:"api,omitempty" minLength:"1" maxLength:"2000" doc:"The audience; left out: that of the token"`
	Token    string            `json:"token,omitempty" minLength:"1" maxLength:"32768" doc:"An access token of the subject, which alone says who that is"`
	Subject  *DecisionSubject  `json:"subject,omitempty" doc:"The subject, if there is no token"`
	Action   string            `json:"action" minLength:"1" maxLength:"2000"`
	Resource DecisionResource  `json:"resource"`
	Context  domain.JSONObject `json:"context,omitempty"`
	Explain  bool              `json:"explain,omitempty" doc:"Say what each rule came to"`
}

// DecisionSubject is who would do something.
type DecisionSubject struct {
	Type       string            `json:"type" minLength:"1" maxLength:"2000" doc:"user, with the sub of tokens as its id; client, with the client_id; or another type, of which nothing is known"`
	ID         string            `json:"id" minLength:"1" maxLength:"2000"`
	Properties domain.JSONObject `json:"properties,omitempty"`
}

// DecisionResource is what it would be done with.
type DecisionResource struct {
	Type       string            `json:"type" minLength:"1" maxLength:"2000"`
	ID         string            `json:"id,omitempty" maxLength:"2000" doc:"Empty: the request is about none in particular"`
	Properties domain.JSONObject `json:"properties,omitempty"`
}

type decideInput struct{ Body NewDecision }

type decideOutput struct{ Body admin.Decision }

func (s *surface) decide(ctx context.Context, caller authn.Caller, in *decideInput) (*decideOutput, error) {
	q := admin.Question{
		API: in.Body.API, Token: in.Body.Token, Action: decision.Action{Name: in.Body.Action}, Resource: decision.Resource{Type: in.Body.Resource.Type, ID: in.Body.Resource.ID, Properties: in.Body.Resource.Properties},
		Context: in.Body.Context, Explain: in.Body.Explain,
	}
	if in.Body.Subject != nil {
		q.Subject = decision.Subject{Type: in.Body.Subject.Type, ID: in.Body.Subject.ID, Properties: in.Body.Subject.Properties}
	}
	decided, err := s.Admin.Decide(ctx, caller, q)
	return &decideOutput{decided}, err
}
