package index

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// Located is what the index has of a token that somebody presented.
type Located struct {
	Found    bool
	Claims   token.Claims       // as the token says them: to be believed only if it was found
	Token    domain.IssuedToken // its row, if found
	Revision int64              // of the database when the index was asked, zero: it was not
}

// Locate finds a token in the index by the jti and exp that it claims. That it is the very token which was issued is proved by its
// digest in the index, which is cheaper than its signature and as strong.
func (x *Index) Locate(ctx context.Context, value string) (Located, error) {
	digest := token.Digest(value)
	claims, known := x.claims.Get(digest)
	if !known {
		var ok bool
		if claims, ok = token.Parse(value); !ok {
			return Located{}, nil
		}
	}
	ref, ok := claims.Ref()
	if !ok {
		return Located{}, nil
	}
	row, err := x.reads.Do(ctx, ref)
	if err != nil {
		return Located{}, fmt.Errorf("find the token in the index: %w", err)
	}
	found := row.found && subtle.ConstantTimeCompare(digest[:], row.token.Digest[:]) == 1
	if found && !known && len(value) <= maxToken {
		x.claims.Add(digest, claims)
	}
	return Located{Found: found, Claims: claims, Token: row.token, Revision: row.revision}, nil
}

// row is what the index has of one token.
type row struct {
	token    domain.IssuedToken
	found    bool
	revision int64
}

func (x *Index) readBatch(ctx context.Context, batch []domain.TokenRef) ([]row, error) {
	found, revision, err := x.store.FindIssuedTokens(ctx, batch)
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(batch))
	for i, ref := range batch {
		issued, ok := found[ref.ID]
		rows[i] = row{token: issued, found: ok, revision: revision}
	}
	return rows, nil
}
