package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

const listedTokens = 100

// tokenView names what a token has a claim for as that does (RFC 9068 §2.2).
type tokenView struct {
	ID          string    `json:"jti"`
	Kind        string    `json:"kind"` // access or id
	Subject     string    `json:"sub"`
	Username    string    `json:"username,omitempty"` // left out: the subject is the client
	ClientID    string    `json:"client_id"`
	Audience    string    `json:"aud"`
	KID         string    `json:"kid"`
	GrantID     int64     `json:"grant_id,omitzero"` // left out: issued without a grant
	Status      string    `json:"status"`            // live, expired, suspended or revoked
	IssuedAt    time.Time `json:"issued_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
	SuspendedAt time.Time `json:"suspended_at,omitzero"`
}

func viewToken(e domain.TokenEntry) tokenView {
	v := tokenView{
		ID: e.ID.String(), Kind: "access", Subject: e.Subject, Username: e.Username, ClientID: e.Client,
		Audience: e.Audience, KID: e.KeyName, GrantID: e.GrantID, Status: "live",
		IssuedAt: e.IssuedAt(), ExpiresAt: e.ExpiresAt, RevokedAt: e.RevokedAt, SuspendedAt: e.SuspendedAt,
	}
	if e.Kind == domain.TokenIdentity {
		v.Kind = "id"
	}
	switch {
	case !e.RevokedAt.IsZero():
		v.Status = "revoked"
	case !time.Now().Before(e.ExpiresAt):
		v.Status = "expired"
	case !e.SuspendedAt.IsZero():
		v.Status = "suspended"
	}
	return v
}

func (v tokenView) columns() []string {
	return []string{"JTI", "KIND", "SUBJECT", "CLIENT_ID", "AUDIENCE", "ISSUED", "EXPIRES", "STATUS"}
}

func (v tokenView) cells() []any {
	subject := v.Subject
	if v.Username != "" {
		subject = v.Username
	}
	return []any{v.ID, v.Kind, subject, v.ClientID, v.Audience, v.IssuedAt, v.ExpiresAt, v.Status}
}

func (a *app) tokenCommand() *cobra.Command {
	return noun("token", "List, inspect, revoke and suspend tokens",
		a.tokenList(), a.tokenInspect(), a.tokenRevoke(), a.tokenPurge(), a.tokenSuspend(), a.tokenResume())
}

func (a *app) tokenList() *cobra.Command {
	var f tokenFlags
	var live bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List issued tokens, the newest first",
		Long:  "Lists the index of issued tokens. Tokens that expired a while ago are not in it any more.",
		Example: `  signet token list --subject alice --live
  signet token list --client reporting --limit 1000 -o json`,
		Args: cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			filter, err := f.filter(ctx, s)
			if err != nil {
				return nil, err
			}
			filter.Live = live
			tokens, err := collect(domain.TokenID{}, limit, func(before domain.TokenID, limit int) ([]domain.TokenEntry, error) {
				filter.Before, filter.Limit = before, limit
				return s.Tokens.List(ctx, filter)
			}, func(e domain.TokenEntry) domain.TokenID { return e.ID })
			return rows(tokens, viewToken), err
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.user, "subject", "", "those of the user `NAME`")
	flags.StringVar(&f.client, "client", "", "those of the client `CLIENT_ID`")
	flags.StringVar(&f.api, "api", "", "those for the API `AUDIENCE`")
	flags.BoolVar(&live, "live", false, "those that are neither expired nor revoked")
	flags.IntVar(&limit, "limit", listedTokens, "show at most `N`; 0 stands for all")
	return cmd
}

// tokenFlags choose tokens by the names of their owners.
type tokenFlags struct{ user, client, api string }

func (f *tokenFlags) filter(ctx context.Context, s *server.Services) (domain.TokenFilter, error) {
	var filter domain.TokenFilter
	if f.user != "" {
		user, err := s.Directory.FindUser(ctx, f.user)
		if err != nil {
			return filter, err
		}
		filter.UserID = user.ID
	}
	if f.client != "" {
		client, err := s.Registry.FindClient(ctx, f.client)
		if err != nil {
			return filter, err
		}
		filter.ClientID = client.ID
	}
	if f.api != "" {
		api, err := s.Registry.FindAPI(ctx, f.api)
		if err != nil {
			return filter, err
		}
		filter.APIID = api.ID
	}
	return filter, nil
}
