package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// credentials are a client's, for HTTP basic authentication. Without an ID they are an access token, and bodies are JSON.
type credentials struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

func (c credentials) header() string {
	if c.ID == "" {
		return "Bearer " + c.Secret
	}
	pair := url.QueryEscape(c.ID) + ":" + url.QueryEscape(c.Secret) // RFC 6749 §2.3.1
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// load is one kind of request, sent as fast as it is answered.
type load struct {
	name   string
	of     *target // nil if it is of no server that this program started
	url    string
	client credentials
	bodies []string // of the requests, chosen at random; none: it is a GET
}

// result is what one run of a load showed.
type result struct {
	load        string
	target      string
	connections int
	memory      int64 // resident bytes of the server's process at the end

	// As load.lua prints them; times in microseconds.
	Requests int64 `json:"requests"`
	Duration int64 `json:"duration"`
	P50      int64 `json:"p50"`
	P99      int64 `json:"p99"`
	Max      int64 `json:"max"`
	Refused  int64 `json:"refused"` // answers with a status of 400 or more
	Broken   int64 `json:"broken"`  // no answer, or none in time
}

func (r result) perSecond() float64 { return float64(r.Requests) / (float64(r.Duration) / 1e6) }

// String is a line of the progress.
func (r result) String() string {
	return fmt.Sprintf("%s: %.0f %s/s with %d connections, %d failed",
		r.target, r.perSecond(), r.load, r.connections, r.Refused+r.Broken)
}

// run drives wrk, which leaves most of the processor to the server.
func (l load) run(ctx context.Context, dir string, connections int, duration time.Duration) (result, error) {
	var bodies string
	if len(l.bodies) > 0 {
		bodies = filepath.Join(dir, "bodies")
		if err := os.WriteFile(bodies, []byte(strings.Join(l.bodies, "\n")), 0o600); err != nil {
			return result{}, err
		}
	}
	wrk := exec.CommandContext(ctx, "wrk", "--threads", "1", "--connections", strconv.Itoa(connections),
		"--duration", strconv.Itoa(int(duration.Seconds()))+"s", "--timeout", "10s", "--script", "load.lua", l.url)
	media := "application/x-www-form-urlencoded"
	if l.client.ID == "" {
		media = "application/json"
	}
	wrk.Env = append(os.Environ(), "TARGET_BODIES="+bodies, "TARGET_AUTHORIZATION="+l.client.header(), "TARGET_MEDIA="+media)
	out, err := wrk.Output()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	r := result{load: l.name, connections: connections}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		return result{}, fmt.Errorf("read what wrk prints: %w\n%s", err, out)
	}
	return r, nil
}
