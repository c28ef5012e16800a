package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

const maxMetadata = 128 << 10 // bytes

// discover finds where the issuer's keys are (RFC 8414 §3, OpenID Connect Discovery §4).
func (f *fetcher) discover(ctx context.Context, issuer string) (jwksURI string, err error) {
	u, err := f.checkURL(issuer)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	places := []string{
		u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + path,
		strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration",
	}
	var failures []error
	for _, place := range places {
		d, err := f.get(ctx, place, "application/json", "", maxMetadata)
		if err == nil {
			if jwksURI, err = parseMetadata(d.body, issuer); err == nil {
				_, err = f.checkURL(jwksURI)
			}
			return jwksURI, err
		}
		failures = append(failures, err)
		if _, answered := errors.AsType[*statusError](err); !answered {
			break
		}
	}
	return "", fmt.Errorf("find the issuer's metadata: %w", errors.Join(failures...))
}

// parseMetadata reads where the keys are in the metadata of an issuer, which must be the expected one, byte for byte (RFC 8414 §3.3).
func parseMetadata(text, issuer string) (jwksURI string, err error) {
	o, err := parseObject(text)
	if err != nil {
		return "", errors.New("the issuer's metadata is no JSON object")
	}
	switch named := o.text("issuer"); {
	case o.err != nil || named == "":
		return "", errors.New("the issuer's metadata names no issuer")
	case named != issuer:
		return "", fmt.Errorf("the metadata is of the issuer %.200q, not %q", named, issuer)
	}
	jwksURI = o.text("jwks_uri")
	if o.err != nil || jwksURI == "" {
		return "", errors.New("the issuer's metadata has no jwks_uri")
	}
	return jwksURI, nil
}
