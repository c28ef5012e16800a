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

// TakeSlots takes all slots for hashing once they are free, and says how many wait for one; release gives the slots back.
func (p *Passwords) TakeSlots(ctx context.Context) (waiting func() int, release func(), err error) {
	slots, taken := p.hasher.slots, hashesAtOnce()
	for range taken {
		if err := slots.acquire(ctx); err != nil {
			return nil, nil, err
		}
	}
	waiting = func() int {
		_, waiting := slots.load()
		return waiting
	}
	return waiting, func() {
		for range taken {
			slots.release()
		}
	}, nil
}
