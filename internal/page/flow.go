package page

import (
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	flowName      = "flow"
	flowLifetime  = 15 * time.Minute
	maxFlowLength = 6 << 10 // sealed, in bytes: it travels in a URL
)

// Flow is an authorization request that waits for the user. It is sealed, so that the browser can neither read nor
// change it.
type Flow struct {
	Query       string    // of /oauth2/authorize
	RequestedAt time.Time // a sign-in before this does not answer prompt=login
	ClientID    string
	Audience    string
	Scopes      []string
	AnsweredIn  int64 // the session in which the user answered the consent page, zero: not yet
	Denied      bool  // and denied
}

// sealedFlow adds the end of the seal.
type sealedFlow struct {
	Flow
	Until time.Time
}

// SealFlow encrypts and authenticates a flow for the next 15 minutes. ErrInvalid if it is too large.
func (p *Pages) SealFlow(flow Flow) (string, error) {
	sealed, err := p.flows.Encode(flowName, sealedFlow{flow, p.now().Add(flowLifetime)})
	if err != nil {
		return "", fmt.Errorf("seal a flow: %w", errors.Join(domain.ErrInvalid, err))
	}
	return sealed, nil
}

// OpenFlow opens what SealFlow made. ErrInvalid if the seal is invalid or expired.
func (p *Pages) OpenFlow(sealed string) (Flow, error) {
	var opened sealedFlow
	if err := p.flows.Decode(flowName, sealed, &opened); err != nil {
		return Flow{}, fmt.Errorf("open a flow: %w", domain.ErrInvalid)
	}
	if !p.now().Before(opened.Until) {
		return Flow{}, fmt.Errorf("open a flow that expired: %w", domain.ErrInvalid)
	}
	return opened.Flow, nil
}
