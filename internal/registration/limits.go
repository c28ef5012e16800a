package registration

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// fetchLimits bound fetches of metadata documents. Who makes up addresses runs into the first limit, and keeps out neither others nor
// those who use what is registered.
func fetchLimits(known bool, host, from string) []domain.Limit {
	if known {
		return []domain.Limit{
			{Bucket: "metadata again of " + host, Interval: 2 * time.Second, Burst: 30},
			{Bucket: "metadata again", Interval: 100 * time.Millisecond, Burst: 600},
		}
	}
	return []domain.Limit{
		{Bucket: "metadata for " + from, Interval: 6 * time.Second, Burst: 10},
		{Bucket: "metadata of " + host, Interval: 2 * time.Second, Burst: 30},
		{Bucket: "metadata", Interval: 100 * time.Millisecond, Burst: 600},
	}
}

// registrationLimits bound how many clients register themselves at the registration endpoint, within about an hour.
func registrationLimits(from string) []domain.Limit {
	return []domain.Limit{
		{Bucket: "registration from " + from, Interval: 3 * time.Minute, Burst: 20},
		{Bucket: "registration", Interval: 6 * time.Second, Burst: 600},
	}
}

func (s *Service) spend(ctx context.Context, limits []domain.Limit) error {
	_, err := s.Limits.Spend(ctx, s.Now(), limits...)
	return err
}

const fetchesAtOnce = 100 // by this replica: of new documents, and as many of those whose clients are registered
