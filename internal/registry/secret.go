package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/secrethash"
)

const (
	secretPrefix   = "signet_cs_" // lets a secret be found where it does not belong
	hashPrefix     = "hmac-sha256:"
	randomBytes    = 32 // of a secret
	maxSecrets     = 5
	minSecretBytes = 16 // of one from another system
	maxSecretBytes = 256
)

// CompareSecrets says which of some secrets a client does not have, by their index, and which others it has, by id. One that is known by
// its hash in another system counts as another.
func (r *Registry) CompareSecrets(client domain.Client, secrets []string) (lacking []int, others []int64) {
	hashes := make([]string, len(secrets))
	for i, secret := range secrets {
		hashes[i] = r.hashSecret(secret)
		if !slices.ContainsFunc(client.Secrets, func(s domain.ClientSecret) bool { return s.Hash == hashes[i] && s.ExpiresAt.IsZero() }) {
			lacking = append(lacking, i)
		}
	}
	for _, s := range client.Secrets {
		if !slices.Contains(hashes, s.Hash) || !s.ExpiresAt.IsZero() {
			others = append(others, s.ID)
		}
	}
	return lacking, others
}

// AddSecret gives a client another secret, shown this once; the old ones stay valid. With a zero expiresAt it does not expire.
// ErrInvalid if the client authenticates in another way, has 5 live secrets, or the expiry has passed; ErrNotFound if there is no such client_id.
func (r *Registry) AddSecret(ctx context.Context, clientID string, expiresAt time.Time) (string, domain.ClientSecret, error) {
	secret, stored := r.newSecret()
	stored, err := r.addSecret(ctx, clientID, stored, expiresAt)
	if err != nil {
		return "", domain.ClientSecret{}, err
	}
	return secret, stored, nil
}

// ImportSecret is AddSecret of one that the client has in another system. ErrInvalid also if it is too easy to guess.
func (r *Registry) ImportSecret(ctx context.Context, clientID, secret string, expiresAt time.Time) (domain.ClientSecret, error) {
	if err := checkImportedSecret(secret); err != nil {
		return domain.ClientSecret{}, err
	}
	return r.addSecret(ctx, clientID, r.importedSecret(secret), expiresAt)
}

func (r *Registry) addSecret(ctx context.Context, clientID string, stored domain.ClientSecret, expiresAt time.Time) (domain.ClientSecret, error) {
	stored.ExpiresAt = expiresAt
	if expired(stored, stored.CreatedAt) {
		return domain.ClientSecret{}, domain.Invalid("expires_at", domain.RuleRange, "expiry %s: choose a time that is still to come", expiresAt.UTC().Format(time.RFC3339))
	}
	err := r.changeClient(ctx, clientID, event.SecretAdded{ClientID: clientID, Hint: stored.Hint}, func(ctx context.Context, client domain.Client) (err error) {
		if err := maySecret(client); err != nil {
			return err
		}
		live := slices.DeleteFunc(client.Secrets, func(s domain.ClientSecret) bool { return expired(s, stored.CreatedAt) })
		if len(live) >= maxSecrets {
			return domain.Invalid("", domain.RuleTooMany, "secret: the client has %d live ones; remove one first", len(live))
		}
		stored.ID, err = r.secrets.InsertClientSecret(ctx, clientID, stored)
		return err
	})
	if err != nil {
		return domain.ClientSecret{}, err
	}
	return stored, nil
}

// maySecret refuses a secret to a client that authenticates in another way.
func maySecret(client domain.Client) error {
	switch client.AuthMethod() {
	case domain.None:
		return domain.Invalid("", domain.RuleState, "secret: a public client has none")
	case domain.PrivateKeyJWT:
		return domain.Invalid("", domain.RuleState, "secret: the client authenticates with its keys (private_key_jwt); take them away first")
	}
	return nil
}

// RemoveSecret takes one of a client's secrets away. ErrNotFound if there is no such client_id, or it has no secret of that id.
func (r *Registry) RemoveSecret(ctx context.Context, clientID string, id int64) error {
	return r.changeClient(ctx, clientID, event.SecretRemoved{ClientID: clientID, ID: id}, func(ctx context.Context, _ domain.Client) error {
		if err := r.secrets.DeleteClientSecret(ctx, clientID, id); err != nil {
			return fmt.Errorf("secret %d: %w", id, err)
		}
		return nil
	})
}

// CheckSecret reports whether the secret is one of the client's that has not expired. Its time reveals neither a similar secret
// nor whether the client exists: nil is an unknown client. A disabled client has no secrets. A secret that is known by its hash in another
// system is checked by that once, and by one of Signet's own from then on: only until then does it take longer. ErrBusy if too many of
// these are being checked.
func (r *Registry) CheckSecret(ctx context.Context, client *domain.Client, secret string) (bool, error) {
	if secret == "" || len(secret) > maxSecretBytes {
		return false, nil
	}
	if client == nil {
		client = unknownClient
	}
	if match := r.matches(client, secret); !usesSecrets(client) || match {
		return match, nil
	}
	return r.checkForeign(ctx, client, secret)
}

// IsIssuedSecret is CheckSecret of a secret that this server made, which nobody guesses; at the cost of one HMAC. false of any other.
func (r *Registry) IsIssuedSecret(client *domain.Client, secret string) bool {
	random, prefixed := strings.CutPrefix(secret, secretPrefix)
	return prefixed && len(random) == base64.RawURLEncoding.EncodedLen(randomBytes) && r.matches(client, secret)
}

// matches compares a secret with those that the client has by a hash of Signet's own.
func (r *Registry) matches(client *domain.Client, secret string) bool {
	hash := []byte(r.hashSecret(secret))
	now := r.now()
	match := 0
	for _, s := range client.Secrets {
		equal := subtle.ConstantTimeCompare([]byte(s.Hash), hash)
		if !expired(s, now) {
			match |= equal
		}
	}
	return match == 1 && usesSecrets(client)
}

func usesSecrets(client *domain.Client) bool {
	return client.DisabledAt.IsZero() && client.AuthMethod() == domain.SecretBasic
}

// unknownClient is compared with where a client does not exist, so that this takes as long. No secret has its hash.
var unknownClient = &domain.Client{Secrets: []domain.ClientSecret{
	{Hash: hashPrefix + base64.RawStdEncoding.EncodeToString(make([]byte, sha256.Size))},
}}

func (r *Registry) newSecret() (string, domain.ClientSecret) {
	random := make([]byte, randomBytes)
	rand.Read(random)
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(random)
	return secret, domain.ClientSecret{Hash: r.hashSecret(secret), Hint: secret[len(secret)-4:], CreatedAt: r.now()}
}

func checkImportedSecret(secret string) error {
	unprintable := func(r rune) bool { return r < ' ' || r > '~' } // RFC 6749 Appendix A.2
	if len(secret) < minSecretBytes || len(secret) > maxSecretBytes || strings.ContainsFunc(secret, unprintable) ||
		strings.Count(secret, secret[:1]) == len(secret) {
		return domain.Invalid("client_secret", domain.RuleGuess, "secret: use %d to %d printable ASCII characters that nobody can guess", minSecretBytes, maxSecretBytes)
	}
	return nil
}

// ImportSecretHash is ImportSecret of one that is known by its hash alone. ErrInvalid also for a hash that cannot be read, or costs too much
// to check.
func (r *Registry) ImportSecretHash(ctx context.Context, clientID, hash string, expiresAt time.Time) (domain.ClientSecret, error) {
	stored, err := r.foreignSecret(hash)
	if err != nil {
		return domain.ClientSecret{}, err
	}
	return r.addSecret(ctx, clientID, stored, expiresAt)
}

// foreignSecret is one that is known by its hash in another system; nothing hints at it.
func (r *Registry) foreignSecret(hash string) (domain.ClientSecret, error) {
	if _, err := secrethash.Parse(hash); err != nil {
		return domain.ClientSecret{}, domain.Invalid("client_secret_hash", domain.RuleFormat, "secret hash: %w", err)
	}
	return domain.ClientSecret{Hash: hash, CreatedAt: r.now()}, nil
}

// importedSecret is stored with a shorter hint than one made here, of which four characters give nothing away.
func (r *Registry) importedSecret(secret string) domain.ClientSecret {
	return domain.ClientSecret{Hash: r.hashSecret(secret), Hint: secret[len(secret)-2:], CreatedAt: r.now()}
}

// hashSecret needs no salt and no slowness: a secret has 256 random bits. One from another system may have fewer: without the key, its
// hash does not help to guess it.
func (r *Registry) hashSecret(secret string) string {
	mac := hmac.New(sha256.New, r.secretKey)
	mac.Write([]byte(secret))
	return hashPrefix + base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

// HashToken is how a token that was made of 256 random bits is stored.
func (r *Registry) HashToken(token string) string { return r.hashSecret(token) }

func expired(s domain.ClientSecret, now time.Time) bool {
	return !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt)
}
