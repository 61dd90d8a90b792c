package actiontest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// The headers by which a trial's calls say who they come from and what is to happen to them.
const (
	credentialHeader = "Actiontest-Credential"
	fullHeader       = "Actiontest-Full"
	uncountedHeader  = "Actiontest-Uncounted"
	callHeader       = "X-Request-Id"
)

// A wallet has the credentials of a trial. It is safe for concurrent use.
type wallet struct {
	mu     sync.RWMutex
	issued map[string]authentication // by token
}

// An authentication is what an authenticator answers to one token.
type authentication struct {
	principal *authn.Principal
	err       error
	panics    bool
	takes     time.Duration
}

// issue returns a new token that is answered so.
func (w *wallet) issue(answer authentication) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	token := fmt.Sprintf("t%d", len(w.issued))
	w.issued[token] = answer
	return token
}

// answer returns what is answered to a token.
func (w *wallet) answer(token string) (answer authentication, known bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	answer, known = w.issued[token]
	return answer, known
}

// A trialScheme is the authenticator of one scheme of a trial. It takes the credentials
// that name the scheme.
type trialScheme struct {
	*trial

	name string
}

// Authenticate implements [authn.Authenticator].
func (s trialScheme) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	for _, value := range s.presented(call.RequestHeader()) {
		scheme, token, _ := strings.Cut(value, " ")
		if scheme != s.name {
			continue
		}
		answer, known := s.wallet.answer(token)
		time.Sleep(answer.takes)
		switch {
		case !known:
			return nil, authn.InvalidCredential("a token that the trial did not issue")
		case answer.panics:
			panic("the authenticator fails")
		default:
			return answer.principal, answer.err
		}
	}
	return nil, authn.ErrNoCredential
}

// ReportsAuthenticationTime implements [authn.FreshnessReporter].
func (trialScheme) ReportsAuthenticationTime() bool { return true }

// A credential is what a call of a trial presents for one scheme.
type credential struct {
	scheme string
	// holder is who the scheme finds. Nil finds none, by the fault.
	holder *holder
	fault  fault
}

// A fault is how an authenticator fails. The zero fault is none.
type fault uint8

const (
	noFault     fault = iota
	unknown           // the token is not known
	down              // the authenticator is unavailable
	panics            // the authenticator panics
	nothing           // it returns no principal and no error
	noID              // it returns a principal without an id
	bothAtOnce        // it returns a principal and an error
	otherClaims       // it returns a principal whose claims are of another type
	hangs             // it does not return in time; only where the clock is the trial's
	late              // it takes a while, and does not know the token; there as well
	slow              // it takes a while; there as well
)

// present issues what the credential is sent as.
func (w *wallet) present(c credential) string {
	answer := authentication{}
	switch c.fault {
	case noFault:
		answer.principal = c.holder.principal()
	case unknown:
		return c.scheme + " unknown"
	case down:
		answer.err = fmt.Errorf("the store is down: %w", authn.ErrUnavailable)
	case panics:
		answer.panics = true
	case late:
		answer.takes, answer.err = aWhile, authn.InvalidCredential("revoked")
	case slow:
		answer.principal, answer.takes = c.holder.principal(), aWhile
	case hangs:
		answer.principal, answer.takes = c.holder.principal(), hanging
	case nothing:
	case noID:
		nameless := *c.holder
		nameless.id = ""
		answer.principal = nameless.principal()
	case otherClaims:
		answer.principal = c.holder.but(func(h *holder) { h.details.Claims = &emptypb.Empty{} }).principal()
	case bothAtOnce:
		answer.principal, answer.err = c.holder.principal(), authn.InvalidCredential("revoked")
	}
	return c.scheme + " " + w.issue(answer)
}

// code is what a call with the fault is answered.
func (f fault) code() connect.Code {
	switch f {
	case noFault, slow:
		return Allowed
	case down, hangs:
		return connect.CodeUnavailable
	case panics, nothing, noID, otherClaims:
		return connect.CodeInternal
	default:
		return connect.CodeUnauthenticated
	}
}

// A holder is who a credential belongs to, as an authenticator knows it.
type holder struct {
	id      string
	details authn.Details
}

func (h *holder) principal() *authn.Principal { return authn.NewPrincipal(h.id, h.details) }

// but returns the holder with a difference.
func (h *holder) but(change func(*holder)) *holder {
	changed := *h
	change(&changed)
	return &changed
}
