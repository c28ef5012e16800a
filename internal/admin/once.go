package admin

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Requests keeps requests that are carried out once, with their answers.
type Requests interface {
	// Tx runs fn in one transaction. See store.DB.
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// ClaimRequest stores a request that is to be carried out, and returns what is stored under its ID from then on: r, unless there is one
	// that is answered, or claimed until a time after now. ErrBusy if that was given up just then.
	ClaimRequest(ctx context.Context, r domain.KeyedRequest, now time.Time) (domain.KeyedRequest, error)
	// KeepAnswer stores the answer of a request, in the transaction that ctx carries. ErrConflict if another claim holds it by now.
	KeepAnswer(ctx context.Context, r domain.KeyedRequest) error
	// ReleaseRequest gives up a request that was not answered.
	ReleaseRequest(ctx context.Context, r domain.KeyedRequest) error
}

// Sealer encrypts what is stored. Master is one.
type Sealer interface {
	Seal(name string, plain []byte) []byte
	Open(name string, sealed []byte) ([]byte, error)
}

const (
	// AnswerKept is for how long a request with a key gets the answer of the first one.
	AnswerKept = 24 * time.Hour
	// claimed is how long a request is taken to be under way that nobody has answered: longer than one takes.
	claimed = time.Minute
)

var (
	// ErrKeyUsed says that a key was sent with another request.
	ErrKeyUsed = errors.New("another request was sent with this Idempotency-Key: send each with a key of its own")
	// ErrUnderWay says that a request with the key is being carried out.
	ErrUnderWay = errors.New("a request with this Idempotency-Key is under way: ask for its answer again")
)

// Keyed is a request that its caller gave a key.
type Keyed struct {
	Operation string
	Key       string
	Request   []byte // what tells it from other requests of the operation
}

// Once carries out a request the first time that the caller sends it with a key, and returns the answer that do kept then at other times
// too, for AnswerKept. Where do keeps none, or fails, nothing is remembered. Only who may run the operation now gets its answer.
// ErrKeyUsed and ErrUnderWay.
func (s *Service) Once(ctx context.Context, caller authn.Caller, k Keyed, do func(ctx context.Context, c *CarryingOut) error) (answer []byte, err error) {
	ctx, err = s.authorize(ctx, caller, k.Operation)
	if err != nil {
		return nil, err
	}
	now := s.config.Now()
	r := domain.KeyedRequest{
		ID: s.requestMAC("key", string(caller.Actor()), caller.Client(), k.Key), Request: s.requestMAC("request", k.Operation, string(k.Request)),
		Claim: make([]byte, 16), ClaimedUntil: now.Add(claimed), ExpiresAt: now.Add(AnswerKept),
	}
	rand.Read(r.Claim) // never fails
	held, err := s.config.Requests.ClaimRequest(ctx, r, now)
	switch {
	case err != nil:
		return nil, fmt.Errorf("claim a request: %w", err)
	case bytes.Equal(held.Claim, r.Claim):
	case !hmac.Equal(held.Request, r.Request):
		return nil, ErrKeyUsed
	case len(held.Answer) == 0:
		return nil, ErrUnderWay
	default:
		return s.openAnswer(held)
	}
	c := &CarryingOut{s: s, caller: caller, request: r}
	err = do(ctx, c)
	if err != nil || c.answer == nil {
		// Where this fails, the claim holds for as long as it was made.
		_ = s.config.Requests.ReleaseRequest(context.WithoutCancel(ctx), r)
	}
	return c.answer, err
}

// CarryingOut is a request that is being carried out once.
type CarryingOut struct {
	s       *Service
	caller  authn.Caller
	request domain.KeyedRequest
	answer  []byte
}

// Tx runs fn, which makes something by operations and keeps the answer, in one transaction. It may run again from the start.
func (c *CarryingOut) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	if err := c.s.config.Cache.Refresh(ctx); err != nil {
		return err
	}
	err := c.s.config.Requests.Tx(ctx, func(ctx context.Context) error { return fn(within(ctx)) })
	return c.s.recordDenied(ctx, c.caller, err)
}

// Keep stores the answer, in the transaction that ctx carries: that of what the request makes. ErrUnderWay if the request took so long that
// it is carried out again meanwhile.
func (c *CarryingOut) Keep(ctx context.Context, answer []byte) error {
	c.answer, c.request.Answer = answer, c.s.config.Sealer.Seal(answerName(c.request), answer)
	err := c.s.config.Requests.KeepAnswer(ctx, c.request)
	if errors.Is(err, domain.ErrConflict) {
		err = ErrUnderWay
	}
	return err
}

func (s *Service) openAnswer(r domain.KeyedRequest) ([]byte, error) {
	answer, err := s.config.Sealer.Open(answerName(r), r.Answer)
	if err != nil {
		return nil, fmt.Errorf("the answer of a request: %w", err)
	}
	return answer, nil
}

// answerName names a sealed answer, so that it fits no other request.
func answerName(r domain.KeyedRequest) string {
	return "answer:" + hex.EncodeToString(r.ID) + hex.EncodeToString(r.Request)
}

// requestMAC is of parts, each with its length before it.
func (s *Service) requestMAC(parts ...string) []byte {
	mac := hmac.New(sha256.New, s.config.RequestKey)
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:", len(part))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}
