package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	fetchTimeout = 10 * time.Second // of one document, from the first byte sent to the last one read
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
	maxURL       = 2 << 10 // bytes
	maxETag      = 256     // bytes
)

// fetcher gets documents of the issuer. The service's operator has chosen the issuer, so its address is not judged; where its documents
// lead is, by their URLs.
type fetcher struct {
	client    *http.Client
	userAgent string
	plainHTTP bool // http is allowed beyond loopback
}

// newFetcher uses a client's transport, nil: one of its own, and follows no redirects.
func newFetcher(client *http.Client, userAgent string, plainHTTP bool) *fetcher {
	own := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: fetchTimeout / 2}).DialContext, TLSHandshakeTimeout: fetchTimeout / 2,
		ForceAttemptHTTP2: true, IdleConnTimeout: 2 * time.Minute, MaxResponseHeaderBytes: 32 << 10,
	}}
	if client != nil {
		own = &http.Client{Transport: client.Transport, Jar: client.Jar}
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &fetcher{client: own, userAgent: userAgent, plainHTTP: plainHTTP}
}

// document is what a GET was answered with.
type document struct {
	body      string
	unchanged bool // the one with the entity tag that was sent still counts; body is empty
	etag      string
	current   time.Time     // it was as it is then: a cache may have kept it since (RFC 9111 §5.1)
	maxAge    time.Duration // since current; zero: not said
}

// statusError says that a server answered, but not with the document.
type statusError struct {
	url    string
	status int
}

func (e *statusError) Error() string { return fmt.Sprintf("%s answered %d", e.url, e.status) }

// get fetches a document of at most limit bytes, unless it is the one that has the entity tag.
func (f *fetcher) get(ctx context.Context, address, accept, etag string, limit int64) (document, error) {
	return f.getAs(ctx, nil, address, accept, etag, limit)
}

// getAs is get as a client, nil: as nobody.
func (f *fetcher) getAs(ctx context.Context, as *receiverCredentials, address, accept, etag string, limit int64) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return document{}, fmt.Errorf("%q is no URL", address)
	}
	request.Header.Set("Accept", accept)
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	if as != nil {
		as.authorize(request)
	}
	began := time.Now()
	a, err := f.do(request, limit)
	switch {
	case err != nil:
		return document{}, err
	case a.status == http.StatusNotModified && etag != "":
	case a.status != http.StatusOK:
		return document{}, &statusError{address, a.status}
	}
	d := document{
		body: a.body, unchanged: a.status == http.StatusNotModified, etag: a.header.Get("ETag"),
		current: began.Add(-age(a.header)), maxAge: maxAge(a.header),
	}
	if d.unchanged {
		d.body, d.etag = "", etag
	}
	if len(d.etag) > maxETag {
		d.etag = ""
	}
	return d, nil
}

// answer is what a server answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request and reads the answer, which has at most limit bytes, unpacked.
func (f *fetcher) do(request *http.Request, limit int64) (answer, error) {
	request.Header.Set("User-Agent", f.userAgent)
	response, err := f.client.Do(request)
	if err != nil {
		return answer{}, cause(request, err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return answer{}, cause(request, err)
	case int64(len(body)) > limit:
		return answer{}, fmt.Errorf("%s answered more than %d bytes", request.URL, limit)
	}
	return answer{response.StatusCode, response.Header, string(body)}, nil
}

// cause says why a request failed.
func cause(request *http.Request, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("get %s: %w", request.URL, err)
}

func age(h http.Header) time.Duration {
	seconds, err := strconv.ParseInt(h.Get("Age"), 10, 32)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil && seconds >= 0 {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// checkURL says whether a document of the issuer may be fetched from there.
func (f *fetcher) checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > maxURL || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return nil, fmt.Errorf("%.200q is no URL of a document", text)
	case u.Scheme == "https", u.Scheme == "http" && (f.plainHTTP || isLoopback(u.Hostname())):
		return u, nil
	default:
		return nil, fmt.Errorf("%.200q must begin with https://", text)
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// backoff is how long to wait after so many failures in a row, spread over the upper half.
func backoff(failures int) time.Duration {
	d := min(firstBackoff<<min(failures-1, 10), maxBackoff)
	return d/2 + rand.N(d/2)
}

// early is when to fetch something again that may be kept for a time: some time before that is over, so that nothing is used for longer
// than it may be, and that many services do not come at once.
func early(keep time.Duration) time.Duration {
	return keep*3/4 + rand.N(keep/8+1)
}

// sleep waits for a time, or until it is woken. false once ctx ends.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(max(0, d))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil
}
