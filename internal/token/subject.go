package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// Subjects says by which "sub" a client knows a user (OpenID Connect Core §8).
type Subjects struct{ key []byte }

// NewSubjects takes the key of pairwise subjects, 32 bytes.
func NewSubjects(key []byte) Subjects { return Subjects{key} }

// Of is the "sub" of a user for a client: the user's subject, or a pairwise one for the client's sector. Without the key, a pairwise one
// neither identifies the user nor can be linked to that of another sector (§8.1). Both look alike, and no client_id begins as they do.
func (s Subjects) Of(client *domain.Client, subject string) string {
	if client.SubjectType != domain.SubjectTypePairwise {
		return subject
	}
	return s.Pairwise(client.SectorIdentifier, subject)
}

// Pairwise is the "sub" of a user for a sector.
func (s Subjects) Pairwise(sector, subject string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(sector + "\x00" + subject)) // neither has a NUL
	return "usr_" + strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:20]))
}

// SubjectOf is the "sub" by which a client knows a user, in all that is for the client itself. Access tokens for APIs have the user's own
// subject: an API needs one name, whichever client calls it.
func (m *Minter) SubjectOf(client *domain.Client, user *domain.User) string {
	return m.subjects.Of(client, user.Subject)
}
