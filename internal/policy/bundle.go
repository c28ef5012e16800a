package policy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/keys"
)

// bundleLife is after how long services take a signed policy no more: it is a copy, kept by somebody.
const bundleLife = 24 * time.Hour

// Bundle is an API's policy for services that decide by themselves.
type Bundle struct {
	ETag string // another one for each policy

	service  *Service
	audience string
	policy   *compiled
}

// Bundle makes the bundle of an API. ErrNotFound if there is no such API. The cache has to be refreshed since the request came in.
func (s *Service) Bundle(ctx context.Context, audience string) (Bundle, error) {
	found, err := s.compiled(ctx, audience)
	if err != nil {
		return Bundle{}, fmt.Errorf("policy of %q: %w", audience, err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q", audience, found.number, found.text))
	return Bundle{`"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, s, audience, found}, nil
}

// Sign returns the bundle as a JWT of the issuer for the audience, signed as the API's access tokens are.
func (b Bundle) Sign(ctx context.Context) ([]byte, error) {
	api, err := b.service.Registry.LookupAPI(ctx, b.audience)
	if err != nil {
		return nil, err
	}
	var payload bytes.Buffer
	now := b.service.Now()
	encoder := json.NewEncoder(&payload)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
		Number   int64  `json:"number"` // 0: the API has no policy
		Policy   string `json:"policy"` // in YAML
	}{b.service.Issuer, b.audience, now.Unix(), now.Add(bundleLife).Unix(), b.policy.number, b.policy.text})
	if err != nil {
		return nil, fmt.Errorf("write the policy of %q: %w", b.audience, err)
	}
	signed, _, err := b.service.Keys.Sign(ctx, api.SigningAlg, keys.TypePolicy, bytes.TrimSpace(payload.Bytes()))
	return signed, err
}
