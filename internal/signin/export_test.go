package signin

import "context"

// HashAsTyped hashes a password as it was done before passwords were prepared.
func HashAsTyped(ctx context.Context, password string) (string, error) {
	return newHasher(1).hash(ctx, password)
}

// RecordRefusal is what Try does when it refuses a sign-in.
func (s *Service) RecordRefusal(ctx context.Context, username, ip string) error {
	return s.recordRefusal(ctx, username, ip)
}
