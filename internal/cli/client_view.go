package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

var clients = kind[admin.Client]{
	noun: "client", key: "CLIENT_ID", example: "reporting",
	layout: layout[admin.Client]{
		[]string{"CLIENT_ID", "NAME", "AUTHENTICATION", "GRANTS", "APIS", "ORIGIN", "DISABLED"},
		func(v admin.Client) []any {
			return []any{v.ClientID, v.Name, v.AuthMethod, v.GrantTypes, clientAPIs(v), v.Origin, v.DisabledAt}
		},
	},
	details: func(w io.Writer, v admin.Client) {
		details(w, "client_id", v.ClientID, "client_name", v.Name, "token_endpoint_auth_method", v.AuthMethod,
			"grant_types", v.GrantTypes, "redirect_uris", v.RedirectURIs, "post_logout_redirect_uris", v.PostLogoutRedirectURIs,
			"backchannel_logout_uri", v.BackchannelLogoutURI, "backchannel_logout_private", v.BackchannelLogoutPrivate,
			"frontchannel_logout_uri", v.FrontchannelLogoutURI, "frontchannel_logout_session_required", v.FrontchannelLogoutSID,
			"id_token_signed_response_alg", v.IDTokenAlg, "userinfo_signed_response_alg", v.UserinfoAlg, "subject_type", v.SubjectType, "sector_identifier", v.SectorIdentifier, "group_names", v.GroupNames, "jwks", string(v.JWKS), "jwks_uri", v.JWKSURI, "jwks_uri_private", v.JWKSURIPrivate,
			"endpoint_audience", v.EndpointAudience,
			"keep_refresh_tokens", v.KeepRefreshTokens, "refresh_overlap", refreshOverlap(v),
			"session_refresh_tokens", v.SessionRefreshTokens, "revoke_on_session_end", v.RevokeOnSessionEnd,
			"first_party", v.FirstParty, "require_pkce", v.RequirePKCE, "apis", clientAPIs(v), "default_api", defaultAPI(v), "serves", v.Serves, "serves_userinfo", v.ServesUserinfo,
			"origin", v.Origin, "last_used_at", v.LastUsedAt, "disabled_at", v.DisabledAt, "disabled_reason", v.DisabledReason, "managed_by", v.ManagedBy, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, t := range v.Trusts {
			fmt.Fprintf(w, "trust\t%d\t%s\t%s\n", t.ID, t.Issuer, t.Subject)
		}
		showClaims(w, v.ClaimMappings)
		for _, s := range v.Secrets {
			fmt.Fprintf(w, "secret\t%d\t…%s\t%s\n", s.ID, s.Hint, secretExpiry(s))
		}
	},
}

func (a *app) clientList() *cobra.Command {
	query := url.Values{}
	cmd := clients.listCommandOf(a, query)
	cmd.Flags().Func("origin", "show those of an `ORIGIN`: administrator, registration or metadata", func(origin string) error {
		if !slices.Contains(domain.ClientOrigins, domain.ClientOrigin(origin)) {
			return errors.New("use administrator, registration or metadata")
		}
		query.Set("origin", origin)
		return nil
	})
	return cmd
}

func clientAPIs(v admin.Client) []string {
	var list []string
	for _, api := range v.APIs {
		if len(api.Permissions) == 0 {
			list = append(list, api.Audience)
		}
		for _, p := range api.Permissions {
			list = append(list, reference{api.Audience, p}.String())
		}
	}
	return list
}

func refreshOverlap(v admin.Client) string {
	if v.RefreshOverlap == nil {
		return ""
	}
	return (time.Duration(*v.RefreshOverlap) * time.Second).String()
}

func defaultAPI(v admin.Client) string {
	for _, api := range v.APIs {
		if api.Default {
			return api.Audience
		}
	}
	return ""
}

var secrets = layout[admin.ClientSecret]{
	[]string{"ID", "ENDS IN", "CREATED", "EXPIRES"},
	func(v admin.ClientSecret) []any { return []any{v.ID, v.Hint, v.CreatedAt, v.ExpiresAt} },
}

func secretExpiry(v admin.ClientSecret) string {
	if v.ExpiresAt.IsZero() {
		return "does not expire"
	}
	return "expires " + cell(v.ExpiresAt)
}
