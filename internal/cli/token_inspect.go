package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/server"
	"github.com/spf13/cobra"
)

// inspectionView is what is known about a token. Unless it is genuine, header and claims are not authentic.
type inspectionView struct {
	Active  bool            `json:"active"`
	Reason  string          `json:"reason,omitempty"` // why it is not active
	Genuine bool            `json:"genuine"`          // signed by a published key, as an access token
	Header  json.RawMessage `json:"header"`
	Claims  json.RawMessage `json:"claims"`
	Index   *admin.Token    `json:"index,omitempty"` // its entry in the index of issued tokens
}

func (v inspectionView) text(w io.Writer) {
	verdict := "ACTIVE: introspection accepts this token"
	if !v.Active {
		verdict = "NOT ACTIVE: " + v.Reason
	}
	fmt.Fprintln(w, verdict)
	fmt.Fprintf(w, "\nheader %s\nclaims %s\n", indented(v.Header), indented(v.Claims))
	if v.Index != nil {
		fmt.Fprintln(w, "\nindex")
		details(w, "  status", v.Index.Status, "  username", v.Index.Username, "  client_id", v.Index.ClientID,
			"  grant_id", v.Index.GrantID, "  issued_at", v.Index.IssuedAt, "  expires_at", v.Index.ExpiresAt,
			"  revoked_at", v.Index.RevokedAt, "  suspended_at", v.Index.SuspendedAt)
	}
}

func indented(raw json.RawMessage) string {
	text, err := json.MarshalIndent(raw, "", "  ")
	if err != nil {
		return string(raw)
	}
	return string(text)
}

func (a *app) tokenInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect [TOKEN]",
		Short: "Show what is in an access token and whether it is active",
		Long: `Reads an access token from stdin, or from the command line where others may see it. Shows header and claims,
whether a key of this server signed it, its entry in the index of issued tokens, and what introspection answers.`,
		Example: "  signet token inspect < token",
		Args:    cobra.MaximumNArgs(1),
		RunE: a.withServices(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			if len(args) == 0 {
				text, err := a.readLine("token")
				if err != nil {
					return view{}, err
				}
				args = []string{text}
			}
			return inspect(ctx, s, strings.TrimSpace(args[0]))
		}),
	}
}

func inspect(ctx context.Context, s *server.Services, text string) (view, error) {
	header, claims, err := decodeJWT(text)
	if err != nil {
		return view{}, err
	}
	i, err := s.Introspection.Inspect(ctx, text)
	if err != nil {
		return view{}, err
	}
	v := inspectionView{Active: i.Active, Reason: inactive(i), Genuine: i.Genuine, Header: header, Claims: claims}
	if i.Entry != nil {
		entry := admin.ShowToken(*i.Entry, time.Now())
		v.Index = &entry
	}
	return answer(v), nil
}

// inactive says why a token is not active, empty if it is.
func inactive(i introspection.Inspection) string {
	switch {
	case i.Active:
		return ""
	case !i.Genuine:
		return "no published key of this server signed it as an access token; do not trust its claims"
	case i.Claims.Issuer != i.Issuer:
		return fmt.Sprintf("its issuer is %s, and the issuer here is %s: set SIGNET_ISSUER as at the server", i.Claims.Issuer, i.Issuer)
	case i.Expired:
		return "it has expired"
	case i.Entry == nil:
		return "it is not in the index of issued tokens"
	case !i.Entry.RevokedAt.IsZero():
		return "it was revoked at " + cell(i.Entry.RevokedAt)
	case !i.Entry.SuspendedAt.IsZero():
		return "it has been suspended since " + cell(i.Entry.SuspendedAt)
	default:
		return "its client, user or API is disabled or gone"
	}
}

// decodeJWT decodes a JWT (RFC 7519 §7.2) without verifying it.
func decodeJWT(text string) (header, claims json.RawMessage, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, nil, errors.New("this is not a JWT: three parts divided by dots are expected")
	}
	for i, into := range []*json.RawMessage{&header, &claims} {
		decoded, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !json.Valid(decoded) {
			return nil, nil, errors.New("this is not a JWT: header and claims must be JSON in base64url")
		}
		*into = decoded
	}
	return header, claims, nil
}
