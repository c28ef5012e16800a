package metrics

import (
	"testing"

	"github.com/signet-auth/signet/test/reference"
)

func TestTheReferenceOfMetricsIsCurrent(t *testing.T) {
	reference.Check(t, "metrics.md", "metrics", Reference())
}
