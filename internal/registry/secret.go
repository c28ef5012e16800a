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
)

const (
	secretPrefix   = "signet_cs_" // lets a secret be found where it does not belong
	hashPrefix     = "hmac-sha256:"
	maxSecrets     = 5
	minSecretBytes = 16 // of one from another system
	maxSecretBytes = 256
)

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
		return domain.ClientSecret{}, fmt.Errorf("%w expiry %s: choose a time that is still to come",
			domain.ErrInvalid, expiresAt.UTC().Format(time.RFC3339))
	}
	err := r.changeClient(ctx, clientID, event.SecretAdded{ClientID: clientID, Hint: stored.Hint}, func(ctx context.Context, client domain.Client) (err error) {
		if err := maySecret(client); err != nil {
			return err
		}
		live := slices.DeleteFunc(client.Secrets, func(s domain.ClientSecret) bool { return expired(s, stored.CreatedAt) })
		if len(live) >= maxSecrets {
			return fmt.Errorf("%w secret: the client has %d live ones; remove one first", domain.ErrInvalid, len(live))
		}
		stored.ID, err = r.clients.InsertClientSecret(ctx, clientID, stored)
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
		return fmt.Errorf("%w secret: a public client has none", domain.ErrInvalid)
	case domain.PrivateKeyJWT:
		return fmt.Errorf("%w secret: the client authenticates with its keys (private_key_jwt); take them away first", domain.ErrInvalid)
	}
	return nil
}

// RemoveSecret takes one of a client's secrets away. ErrNotFound if there is no such client_id, or it has no secret of that id.
func (r *Registry) RemoveSecret(ctx context.Context, clientID string, id int64) error {
	return r.changeClient(ctx, clientID, event.SecretRemoved{ClientID: clientID, ID: id}, func(ctx context.Context, _ domain.Client) error {
		if err := r.clients.DeleteClientSecret(ctx, clientID, id); err != nil {
			return fmt.Errorf("secret %d: %w", id, err)
		}
		return nil
	})
}

// CheckSecret reports whether the secret is one of the client's that has not expired. Its time reveals neither a similar secret
// nor whether the client exists: nil is an unknown client. A disabled client has no secrets.
func (r *Registry) CheckSecret(client *domain.Client, secret string) bool {
	if secret == "" || len(secret) > maxSecretBytes {
		return false
	}
	if client == nil {
		client = unknownClient
	}
	hash := []byte(r.hashSecret(secret))
	now := r.now()
	match := 0
	for _, s := range client.Secrets {
		equal := subtle.ConstantTimeCompare([]byte(s.Hash), hash)
		if !expired(s, now) {
			match |= equal
		}
	}
	return match == 1 && client.DisabledAt.IsZero() && client.AuthMethod() == domain.SecretBasic
}

// unknownClient is compared with where a client does not exist, so that this takes as long. No secret has its hash.
var unknownClient = &domain.Client{Secrets: []domain.ClientSecret{
	{Hash: hashPrefix + base64.RawStdEncoding.EncodeToString(make([]byte, sha256.Size))},
}}

func (r *Registry) newSecret() (string, domain.ClientSecret) {
	random := make([]byte, 32)
	rand.Read(random)
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(random)
	return secret, domain.ClientSecret{Hash: r.hashSecret(secret), Hint: secret[len(secret)-4:], CreatedAt: r.now()}
}

func checkImportedSecret(secret string) error {
	unprintable := func(r rune) bool { return r < ' ' || r > '~' } // RFC 6749 Appendix A.2
	if len(secret) < minSecretBytes || len(secret) > maxSecretBytes || strings.ContainsFunc(secret, unprintable) ||
		strings.Count(secret, secret[:1]) == len(secret) {
		return fmt.Errorf("%w secret: use %d to %d printable ASCII characters that nobody can guess", domain.ErrInvalid, minSecretBytes, maxSecretBytes)
	}
	return nil
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
