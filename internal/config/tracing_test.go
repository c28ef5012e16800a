package config

import (
	"strings"
	"testing"
)

func TestTracesGoToAURLWithoutASecretAndOfAShareOfRequests(t *testing.T) {
	for key, values := range map[string]map[string]bool{
		"tracing.endpoint": {
			"http://127.0.0.1:4318": true, "https://collector.example/otlp/v1/traces": true,
			"127.0.0.1:4318": false, "grpc://collector.example": false, "http://": false, "http://:4318": false, "https://me:hush@collector.example": false,
			"https://collector.example/?key=hush": false, "https://collector.example/#hush": false, "http://[::1": false,
		},
		"tracing.sample": {"0": true, "1": true, "0.25": true, "-0.1": false, "1.1": false, "NaN": false, "Inf": false, "few": false},
	} {
		for value, ok := range values {
			_, err := Load(Sources{Flags: map[string]string{key: value}})
			if (err == nil) != ok || err != nil && (!strings.HasPrefix(err.Error(), key+": ") || strings.Contains(err.Error(), "hush")) {
				t.Errorf("%s %s: %v", key, value, err)
			}
		}
	}
}
