package oauth

import "testing"

func TestAnswersAreAppendedToTheRegisteredBytes(t *testing.T) {
	for uri, want := range map[string]string{
		"https://app.example/cb":         "https://app.example/cb?code=a+b&state=%26",
		"https://app.example":            "https://app.example?code=a+b&state=%26",
		"https://app.example/cb?":        "https://app.example/cb?code=a+b&state=%26",
		"https://app.example/cb?a=1;b=2": "https://app.example/cb?a=1;b=2&code=a+b&state=%26",
		"https://app.example/cb?flag":    "https://app.example/cb?flag&code=a+b&state=%26",
		"https://app.example/cb?z=1&a=2": "https://app.example/cb?z=1&a=2&code=a+b&state=%26",
		"https://app.example/cb?x=a%20b": "https://app.example/cb?x=a%20b&code=a+b&state=%26",
		"https://app.example/cb?a&":      "https://app.example/cb?a&code=a+b&state=%26",
		"com.example.app:/cb":            "com.example.app:/cb?code=a+b&state=%26",
	} {
		if got := appendQuery(uri, []string{"code", "a b", "state", "&"}); got != want {
			t.Errorf("%s became %s, want %s", uri, got, want)
		}
	}
}
