package statistics

import (
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
