package adminapi

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/signet-auth/signet/test/reference"
)

// statuses are those of problems, and what whoever gets one does.
var statuses = map[int]string{
	http.StatusBadRequest:            "The request cannot be read, or its cursor is not of this list: `detail` says which.",
	http.StatusUnauthorized:          "Send an access token for `urn:signet:admin` that is valid: `WWW-Authenticate` says where one is to be had.",
	http.StatusForbidden:             "The token lacks the permission that `detail` names, or the change would give away more than the caller has.",
	http.StatusNotFound:              "There is no object of this name, or no such operation.",
	http.StatusConflict:              "There is one already, it is in use, or another request with the key is under way: then `Retry-After` says when to ask again.",
	http.StatusPreconditionFailed:    "It was changed since it was read: read it again, and edit that (`If-Match`).",
	http.StatusRequestEntityTooLarge: "The body is too large.",
	http.StatusUnsupportedMediaType:  "Send `application/json`.",
	http.StatusUnprocessableEntity:   "A value is not valid: `errors` says which, and which rule it breaks.",
	http.StatusTooManyRequests:       "The caller asks too often: wait for `Retry-After` seconds.",
	http.StatusInternalServerError:   "The log of the server has the reason.",
	http.StatusServiceUnavailable:    "The database is away or slow: try again after `Retry-After` seconds.",
}

func TestTheReferenceOfProblemsIsCurrent(t *testing.T) {
	var b strings.Builder
	b.WriteString("| status | what to do |\n| --- | --- |\n")
	for status := http.StatusBadRequest; status < 600; status++ {
		if todo, ok := statuses[status]; ok {
			fmt.Fprintf(&b, "| %d %s | %s |\n", status, http.StatusText(status), todo)
		}
	}
	text, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`huma\.Error(\d+)`).FindAllStringSubmatch(string(text), -1) {
		if status, err := strconv.Atoi(m[1]); err != nil || statuses[status] == "" {
			t.Errorf("say in `statuses` what is to be done about %s", m[1])
		}
	}

	if text, err = os.ReadFile("../domain/invalid.go"); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n| rule | what is wrong with the value |\n| --- | --- |\n")
	found := regexp.MustCompile(`Rule = "(\w+)" +// (.*)`).FindAllStringSubmatch(string(text), -1)
	if len(found) == 0 {
		t.Fatal("no rules are found in internal/domain/invalid.go")
	}
	for _, m := range found {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m[1], m[2])
	}
	fmt.Fprintf(&b, "| `%s` | it is of another type than the one that is described |\n", ruleType)
	reference.Check(t, "errors.md", "problems", b.String())
}
