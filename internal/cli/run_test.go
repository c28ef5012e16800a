package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
)

func TestAnErrorSaysWhatToDoAboutTheDatabase(t *testing.T) {
	for cause, want := range map[error]string{
		domain.ErrLocked:      "the database is busy, others write to it all the time: try again",
		domain.ErrUnavailable: "see that it runs",
	} {
		if got := explain(fmt.Errorf("role clerk: %w", cause)).Error(); !strings.Contains(got, want) || !strings.Contains(got, "role clerk") {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
