package adminapi

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/httpjson"
)

// maxApplied is how large the body of file.apply may be: the files, as JSON has them, with their secrets.
const maxApplied = 2*apply.MaxText + 1<<20 // bytes

func (s *surface) mountFiles() {
	apply := s.operation(http.MethodPost, "/apply", "file.apply")
	apply.MaxBodyBytes = maxApplied
	registerOnce(s, apply, http.StatusOK, s.applyFiles)
	register(s, http.MethodGet, "/export", "file.export", s.exportFiles)
}

type applyInput struct {
	Body struct {
		Files    []fileInput       `json:"files" minItems:"1" maxItems:"1000"`
		Secrets  map[string]string `json:"secrets,omitempty" doc:"The secrets that the files name, by env:NAME or file:PATH"`
		Set      string            `json:"set,omitempty" maxLength:"100" doc:"The set that the files make up. Empty: the default one"`
		Prune    bool              `json:"prune,omitempty" doc:"Delete objects of the set that no file describes"`
		TakeOver bool              `json:"take_over,omitempty" doc:"Objects of other sets become this one's, or go with what is deleted; roles and clients lose permissions and APIs that go"`
		DryRun   bool              `json:"dry_run,omitempty" doc:"Change nothing, and say what would be changed"`
	}
}

type fileInput struct {
	Name string `json:"name" minLength:"1" maxLength:"1000" doc:"By which problems and changes say where something stands"`
	Text string `json:"text" doc:"YAML or JSON, documents separated by ---. Empty: no objects"`
}

type appliedOutput struct{ Body admin.Applied }

func (s *surface) applyFiles(ctx context.Context, caller authn.Caller, in *applyInput, m making[appliedOutput]) (*appliedOutput, error) {
	files := make([]apply.File, len(in.Body.Files))
	for i, f := range in.Body.Files {
		files[i] = apply.File(f)
	}
	applied, err := s.Admin.Apply(ctx, caller, admin.ApplyRequest{
		Files: files, Secrets: in.Body.Secrets, Set: in.Body.Set, Prune: in.Body.Prune, TakeOver: in.Body.TakeOver, DryRun: in.Body.DryRun,
		Keep: func(ctx context.Context, applied admin.Applied) error { return m.keep(ctx, &appliedOutput{applied}) },
	})
	return &appliedOutput{applied}, err
}

type exportInput struct {
	Set string `query:"set" maxLength:"100" doc:"What belongs to the set of this name; left out: all"`
}

func (s *surface) exportFiles(ctx context.Context, caller authn.Caller, in *exportInput) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(answer huma.Context) {
		_, w := humago.Unwrap(answer)
		err := httpjson.WriteFile(w, "application/yaml", "signet.yaml", func(w io.Writer) error { // RFC 9512
			return s.Admin.Export(ctx, caller, in.Set, w)
		})
		if err != nil {
			s.refuse(answer, s.problem(ctx, s.operation(http.MethodGet, "/export", "file.export"), err))
		}
	}}, nil
}
