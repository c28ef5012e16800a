package httpjson

import (
	"net/http"
	"strings"
)

// NoneMatch says whether the caller has the version with this tag already (RFC 9110 §13.1.2).
func NoneMatch(r *http.Request, tag string) bool {
	if len(r.Header["If-None-Match"]) == 0 {
		return false
	}
	for known := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		known = strings.TrimSpace(known)
		if known == "*" || strings.TrimPrefix(known, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
