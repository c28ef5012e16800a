package adminui

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

func (s *surface) mountPreview() {
	s.handle("GET /preview", "token.preview", previewToken)
}

// previewPage is the data of the page of a token that a client would get.
type previewPage struct {
	Fields  []*field
	Problem string
	Refused string
	Parts   []previewPart // empty: nothing was asked for
	Table   table
}

// previewPart is a token, or what userinfo answers.
type previewPart struct {
	Title   string
	Claims  string // JSON
	Facts   []fact
	Warning string
	Hint    string
}

// previewToken shows the token that a client would get.
func previewToken(v *visit) error {
	values := v.r.URL.Query()
	p := previewPage{}
	for _, name := range []string{"client", "user", "api", "scope"} {
		p.Fields = append(p.Fields, v.field("text", "preview", name, values.Get(name)))
	}
	status := http.StatusOK
	if client := values.Get("client"); client != "" {
		made, err := v.Admin.PreviewToken(v.ctx(), v.caller, admin.TokenRequest{
			Client: client, User: values.Get("user"), API: values.Get("api"), Scopes: token.SplitScopes(values.Get("scope")),
		})
		switch {
		case errors.Is(err, domain.ErrNotFound), errors.Is(err, domain.ErrInvalid):
			p.Problem, status = sentence(err.Error()), http.StatusUnprocessableEntity
		case err != nil:
			return err
		default:
			if err := v.showPreview(&p, made); err != nil {
				return err
			}
		}
	}
	v.render(status, "admin/preview", v.text("preview.title"), p)
	return nil
}

func (v *visit) showPreview(p *previewPage, made admin.TokenPreview) error {
	p.Refused = made.Refused
	if err := v.addPart(p, "access_token", &made.PreviewedToken); err != nil {
		return err
	}
	if made.IDToken != nil {
		if err := v.addPart(p, "id_token", made.IDToken); err != nil {
			return err
		}
	}
	if made.Userinfo != nil {
		if err := v.addPart(p, "userinfo", &admin.PreviewedToken{Claims: made.Userinfo}); err != nil {
			return err
		}
	}
	p.Table.Columns = []string{v.text("preview.permission"), v.text("preview.in"), v.text("preview.reason"), v.text("preview.through")}
	for _, e := range made.Entitlements {
		in := badge{v.text("preview.no"), "warn"}
		if e.Granted {
			in = badge{v.text("preview.yes"), "good"}
		}
		var through []string
		for _, held := range e.Through {
			words := held.Role
			if held.Group != "" {
				words = v.text("preview.by_group", held.Role, held.Group)
			}
			if !held.ExpiresAt.IsZero() {
				words = v.text("preview.until", words, held.ExpiresAt.UTC().Format("2 January 2006 15:04"))
			}
			through = append(through, words)
		}
		p.Table.Rows = append(p.Table.Rows, row{Cells: []cell{
			{Code: e.Permission}, {Badge: in}, {Text: v.text("preview.reason." + e.Reason)}, {Text: strings.Join(through, ", ")},
		}})
	}
	return nil
}

// addPart shows a token, or what has no size: that is no token.
func (v *visit) addPart(p *previewPage, name string, made *admin.PreviewedToken) error {
	text, err := json.MarshalIndent(made.Claims, "", "  ")
	if err != nil {
		return err
	}
	part := previewPart{Title: v.text("preview." + name), Claims: string(text), Hint: v.text("preview." + name + ".hint")}
	if made.Size > 0 {
		part.Facts = []fact{
			v.fact("preview.size", cell{Text: v.text("preview.bytes", grouped(int64(made.Size)))}),
			v.fact("preview.limit", cell{Text: v.text("preview.bytes", grouped(int64(made.Limit)))}),
		}
	}
	if made.Encrypted {
		part.Facts = append(part.Facts, v.fact("preview.encrypted", cell{Text: v.text("preview.encrypted_whole")}))
	}
	if len(made.EncryptedClaims) > 0 {
		hidden, err := json.Marshal(made.EncryptedClaims)
		if err != nil {
			return err
		}
		part.Facts = append(part.Facts, v.fact("preview.encrypted_claims", cell{Code: string(hidden)}))
	}
	if len(made.LeftOut) > 0 {
		part.Facts = append(part.Facts, v.fact("preview.left_out", cell{List: made.LeftOut}))
	}
	if made.Large {
		part.Warning = v.text("preview.large")
	}
	p.Parts = append(p.Parts, part)
	return nil
}
