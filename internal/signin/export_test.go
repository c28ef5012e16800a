package signin

import "context"

// HashAsTyped hashes a password as it was done before passwords were prepared.
func HashAsTyped(ctx context.Context, password string) (string, error) {
	return newHasher(1).hash(ctx, password)
}
