package adminclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Remote calls operations at a server.
func Remote(server string, tokens Tokens) (*Client, error) {
	base, err := ParseServer(server)
	if err != nil {
		return nil, err
	}
	return &Client{base: base, transport: transport, tokens: tokens}, nil
}

// StaticToken is the only access token there is.
type StaticToken string

// Token implements Tokens.
func (t StaticToken) Token(context.Context, string) (string, error) { return string(t), nil }

// transport bounds how long a server may be silent. An answer's length is bounded where it is read.
var transport = &http.Transport{
	Proxy:                  http.ProxyFromEnvironment,
	DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	TLSHandshakeTimeout:    10 * time.Second,
	ResponseHeaderTimeout:  time.Minute,
	MaxResponseHeaderBytes: 64 << 10,
	ForceAttemptHTTP2:      true,
}

// ParseServer reads the address of a server: its issuer, without a slash at its end. Tokens go in clear to this machine alone.
func ParseServer(server string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(server, "/"))
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("write the address of a server as https://login.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("give the address of the server alone, as https://login.example.com")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("use https: the token would be sent to %s in clear", u.Host)
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
