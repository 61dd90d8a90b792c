package action

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// recheckTimeout is how long a recheck may wait for an authenticator or a check. A
// recheck that takes longer ends its stream, also where what it waits for does not end
// with its context.
const recheckTimeout = 15 * time.Second

// A standing is what a stream lives by: what was found of its caller, and the recheck
// that looks at that again. It costs a timer and no goroutine.
type standing struct {
	caller *authn.Principal // as last found; nil on an anonymous action
	found  time.Time        // when the gate, or a recheck, began to look for the caller
	// subject is what the grants read of the request that the decision is about. It changes
	// with the next such request, and never while rechecking is set.
	subject  policy.Kept
	by       int32  // the place of the grant that held for that request, when last looked at
	rechecks uint64 // how many rechecks let the stream live on

	// rechecking is set while a recheck is asked for or under way. No message passes
	// meanwhile.
	rechecking bool
	// asked is set where the caller must be looked at from now on: a recheck that is
	// under way may have looked before.
	asked bool
}

// Recheck looks at the callers of live streams again: those of a principal, or with
// "" all. It does so by itself as often as their declarations say, when a credential
// expires, and when a [authn.Revoker] calls.
//
// It does not wait for the outcome, but once it has returned no message passes to or
// from the handler of such a stream until its caller has been looked at again; a
// stream whose caller is not let in any more has ended by then. A message that a
// handler has received, or had begun to send, has passed.
func (r *Registry) Recheck(principalID string) {
	for _, stream := range r.streams.of(principalID) {
		stream.ask()
	}
}

// begin begins to look after a stream that the gate has let in, for a first request
// or for none. The error is what it ended with, where it must not live.
func (s *stream) begin(first proto.Message) error {
	s.keepSubject(first)
	s.mu.Lock()
	s.opened = s.ctx.Err() == nil // else what stopped it is for the caller to say
	s.caller, s.by = s.principal, s.grant
	s.letIn(&s.passage)
	s.found, s.moved = s.start, s.gate.registry.now()
	s.schedule(s.moved)
	opened := s.opened
	s.mu.Unlock()
	if !opened {
		return s.ctx.Err()
	}
	if s.principal != nil {
		s.gate.registry.streams.add(s)
		if s.revocations != s.gate.registry.streams.revocations.Load() {
			// One of them may have been this principal's, after it was found and before
			// the stream could be.
			s.ask()
		}
	}
	_, _, err := s.await()
	return err
}

// keepSubject keeps what the grants read of a request, for rechecks to decide about. It is
// a copy because the handler owns the request. No recheck is asked for or under way, which
// the caller sees to.
func (s *stream) keepSubject(request proto.Message) {
	if request != nil && !s.drained && s.gate.policy.NeedsRequest() && !s.gate.authorizesOpen() {
		s.gate.policy.Keep(&s.subject, request)
	}
}

// settle waits as await does, with a message that was let through when there had been so
// many rechecks. Where there was none since, and each message is authorized by itself,
// the decision about this one is from now on what the stream lives by.
func (s *stream) settle(request proto.Message, rechecks uint64) (caller *authn.Principal, now uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	caller, now, err = s.awaitLocked()
	if err == nil && now == rechecks && s.gate.authorizesEvery() && !s.drained {
		s.keepSubject(request)
		s.by = s.message.grant
		s.letIn(&s.message)
	}
	return caller, now, err
}

// await waits until no recheck is asked for or under way. It returns who is calling
// and how many rechecks there were, or what the stream ended with.
func (s *stream) await() (caller *authn.Principal, rechecks uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.awaitLocked()
}

func (s *stream) awaitLocked() (caller *authn.Principal, rechecks uint64, err error) {
	for s.ended == nil && s.rechecking {
		s.changed.Wait()
	}
	if s.ended != nil {
		return nil, 0, s.ended
	}
	return s.caller, s.rechecks, nil
}

// due returns how long it is until the stream must be looked at again. ok is false
// where it never must. The caller holds mu.
func (s *stream) due(now time.Time) (due time.Duration, ok bool) {
	sooner := func(at time.Time) {
		wait := max(at.Sub(now), 0)
		if ok {
			wait = min(wait, due)
		}
		due, ok = wait, true
	}
	if s.caller != nil {
		sooner(s.found.Add(s.gate.recheck))
		if expires := s.caller.ExpiresAt(); !expires.IsZero() {
			sooner(expires)
		}
	}
	if idle := s.control.IdleTimeout; idle > 0 {
		sooner(s.moved.Add(idle))
	}
	return due, ok
}

// schedule sets the timer for what is due next. The caller holds mu.
func (s *stream) schedule(now time.Time) {
	switch due, ok := s.due(now); {
	case !ok:
	case s.timer == nil:
		s.timer = time.AfterFunc(due, s.look)
	default:
		s.timer.Reset(due)
	}
}

// look looks at what is due. The timer calls it.
func (s *stream) look() {
	now := s.gate.registry.now()
	s.mu.Lock()
	idle := s.control.IdleTimeout
	switch {
	case s.ended != nil:
	case idle > 0 && !now.Before(s.moved.Add(idle)):
		s.mu.Unlock()
		_ = s.end(s.outside(), idleFor(idle))
		return
	case s.caller != nil && (s.caller.Expired(now) || !now.Before(s.found.Add(s.gate.recheck))):
		s.askLocked()
	default:
		s.schedule(now)
	}
	s.mu.Unlock()
}

// ask asks for a recheck: no message passes until the caller has been looked at from
// now on. The stream has a caller.
func (s *stream) ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.askLocked()
}

func (s *stream) askLocked() {
	s.asked = true
	if !s.rechecking {
		s.rechecking = true
		go func() {
			for known := s.askedAbout(); known != nil; known = s.askedAbout() {
				s.lookAgain(known)
			}
		}()
	}
}

// askedAbout returns the caller to look at. It returns nil where the stream has ended, and
// where the caller was looked at since that was last asked for, so that messages pass again.
func (s *stream) askedAbout() *authn.Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return nil
	}
	if !s.asked {
		s.rechecking = false
		s.changed.Broadcast()
		s.schedule(s.gate.registry.now())
		return nil
	}
	s.asked = false
	return s.caller
}

// lookAgain looks at the caller, once, and ends the stream where what let it in no
// longer holds.
func (s *stream) lookAgain(known *authn.Principal) {
	silent := &denial{public: errUnavailable, reason: "the caller could not be looked at again within " + recheckTimeout.String()}
	defer time.AfterFunc(recheckTimeout, func() {
		pass := s.outside()
		pass.stage, pass.kind = event.StageAuthenticate, event.Recheck
		_ = s.end(pass, silent)
	}).Stop()
	pass := &passage{gate: s.gate, identity: &s.own, kind: event.Recheck}
	if err := pass.run(s.ctx, s.admitAgain(known), nil, nil); err != nil {
		if pass.principal == nil {
			pass.principal = known // whose stream it was
		}
		_ = s.end(pass, err)
		return
	}
	pass.observed(s.ctx, event.Recheck, event.Allow, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller, s.found, s.by = pass.principal, pass.start, pass.grant
	s.lookedAgain(pass)
	s.rechecks++
}

// admitAgain is the gate of a recheck, for the principal that the caller was known as
// and what the grants read of the request that the decision was about.
func (s *stream) admitAgain(known *authn.Principal) step {
	return func(g *gate, ctx context.Context, pass *passage, _ connect.ServerStream, _ proto.Message) error {
		if err := g.findPrincipal(ctx, pass); err != nil {
			pass.principal = nil
			return err
		}
		if pass.principal.ID() != known.ID() {
			return &denial{public: errUnauthenticated, reason: "the credential now names another principal"}
		}
		return g.decide(ctx, pass, s.subject.Request())
	}
}
