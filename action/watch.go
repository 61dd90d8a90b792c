package action

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A watch keeps looking at a stream while it lives: at who opened it, and at
// whether anything still moves on it. It costs a timer and no goroutine.
type watch struct {
	// now is the principal as it was last found, nil on an anonymous action.
	now atomic.Pointer[authn.Principal]
	// subject is what the decision that stands was about: a copy of the last request
	// that was authorized, where any grant reads it.
	subject atomic.Pointer[proto.Message]
	// moved is when a message last came or went, in nanoseconds.
	moved atomic.Int64
	// revoked asks for a review at once.
	revoked atomic.Bool
	// revocations is how many there were before the stream was let in.
	revocations uint64

	mu      sync.Mutex // held by a review, so that none outlives its stream
	timer   *time.Timer
	cut     *time.Timer
	decided time.Time
	closed  bool
}

// reviewTimeout bounds how long a review may wait for an authenticator or a check.
// Whatever takes longer ends the stream.
const reviewTimeout = 15 * time.Second

// begin starts to watch a stream that was let in with a first request, or with none.
func (s *stream) begin(first proto.Message) {
	s.now.Store(s.principal)
	s.remember(first)
	s.touch()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decided = s.gate.registry.now()
	if due, ok := s.due(s.decided); ok {
		s.timer = time.AfterFunc(due, s.review)
	}
	if s.principal == nil {
		return
	}
	s.gate.registry.streams.add(s)
	if s.revocations != s.gate.registry.streams.revocations.Load() {
		// One of them may have been this principal's, after it was found and before
		// the stream could be.
		s.revoked.Store(true)
		s.timer.Reset(0)
	}
}

// awaitFirst ends a stream whose first message does not come within the idle limit:
// until then nobody knows who opened it. The watch begins when it has come; stop says
// so.
func (s *stream) awaitFirst() (stop func()) {
	if s.control.IdleTimeout <= 0 {
		return func() {}
	}
	timer := time.AfterFunc(s.control.IdleTimeout, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed || !s.denial.CompareAndSwap(nil, errIdle) {
			return
		}
		s.cancel(errIdle)
		if s.control.InterruptReceive != nil {
			s.control.InterruptReceive()
		}
	})
	return func() { timer.Stop() }
}

// unwatch ends the watch. When it returns no review is running or will.
func (s *stream) unwatch() {
	if s.principal != nil {
		s.gate.registry.streams.remove(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, timer := range []*time.Timer{s.timer, s.cut} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// touch notes that a message has come or gone.
func (s *stream) touch() {
	if s.control.IdleTimeout > 0 {
		s.moved.Store(s.gate.registry.now().UnixNano())
	}
}

// remember keeps a copy of the request that the decision that stands is about. It
// is copied because the handler owns the request.
func (s *stream) remember(request proto.Message) {
	if request == nil || !s.gate.policy.NeedsRequest() || s.gate.authorizesOpen() {
		return
	}
	if s.subject.Load() != nil && !s.gate.authorizesEvery() {
		return
	}
	subject := proto.Clone(request)
	s.subject.Store(&subject)
}

// sendGrace is how long a handler may take to return after its stream was ended,
// before a Send that it waits in is cut.
const sendGrace = 2 * time.Second

// cutLater cuts a Send that waits for a client who does not read, if the handler
// has not returned after a grace. The transport is let alone once the stream has
// closed.
func (s *stream) cutLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutLaterLocked()
}

func (s *stream) cutLaterLocked() {
	if s.closed || s.cut != nil || s.control.InterruptSend == nil {
		return
	}
	s.cut = time.AfterFunc(sendGrace, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			s.control.InterruptSend()
		}
	})
}

// due returns how long it is until the stream must be looked at again. ok is false
// where it never must.
func (s *stream) due(now time.Time) (due time.Duration, ok bool) {
	sooner := func(at time.Time) {
		if wait := max(at.Sub(now), 0); !ok || wait < due {
			due, ok = wait, true
		}
	}
	if principal := s.now.Load(); principal != nil {
		sooner(s.decided.Add(s.gate.recheck))
		if expires := principal.ExpiresAt(); !expires.IsZero() {
			sooner(expires)
		}
	}
	if idle := s.control.IdleTimeout; idle > 0 {
		sooner(time.Unix(0, s.moved.Load()).Add(idle))
	}
	return due, ok
}

// hasten asks for a review at once. It does not wait for one that is running, so
// that nobody who revokes waits for an authenticator.
func (s *stream) hasten() {
	s.revoked.Store(true)
	s.timer.Reset(0) // set before the stream could be found, and never again
}

// review looks at a stream again when that is due, and ends it where what let it in
// no longer holds.
func (s *stream) review() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.denial.Load() != nil {
		return
	}
	now := s.gate.registry.now()
	pass := &passage{gate: s.gate, start: now, principal: s.now.Load(), again: true}
	if err := s.stillGood(now, pass); err != nil {
		_ = s.end(pass, err)
		if s.control.InterruptReceive != nil {
			s.control.InterruptReceive()
		}
		s.cutLaterLocked()
		return
	}
	if due, ok := s.due(s.gate.registry.now()); ok {
		s.timer.Reset(due)
	}
	if s.revoked.Load() {
		s.timer.Reset(0) // asked for meanwhile, and put off by the line above
	}
}

// stillGood says what a stream must be ended for.
func (s *stream) stillGood(now time.Time, pass *passage) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = panicked(pass.stage, recovered)
			if pass.principal == nil {
				pass.principal = s.now.Load() // whose stream it was
			}
		}
	}()
	if idle := s.control.IdleTimeout; idle > 0 && !now.Before(time.Unix(0, s.moved.Load()).Add(idle)) {
		pass.stage = StageDecode
		return &denial{public: errIdle, reason: "no message came or went for " + idle.String()}
	}
	known := s.now.Load()
	if known == nil {
		return nil
	}
	if !s.revoked.Swap(false) && !known.Expired(now) && now.Before(s.decided.Add(s.gate.recheck)) {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, reviewTimeout)
	defer cancel()
	if err := s.gate.authenticate(ctx, pass); err != nil {
		pass.principal = known // whose stream it was
		return err
	}
	if pass.principal.ID() != known.ID() {
		return &denial{public: errUnauthenticated, reason: "the credential now names another principal"}
	}
	var subject proto.Message
	if kept := s.subject.Load(); kept != nil {
		subject = *kept
	}
	if err := s.gate.authorize(ctx, pass, subject); err != nil {
		return err
	}
	s.now.Store(pass.principal)
	s.decided = now
	return nil
}

// liveStreams are the streams of a registry by who opened them. The zero value has
// none.
type liveStreams struct {
	mu   sync.Mutex
	byID map[string]map[*stream]struct{}
	// revocations counts how often anybody's streams were asked for.
	revocations atomic.Uint64
}

func (l *liveStreams) add(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := s.principal.ID()
	if l.byID == nil {
		l.byID = map[string]map[*stream]struct{}{}
	}
	if l.byID[id] == nil {
		l.byID[id] = map[*stream]struct{}{}
	}
	l.byID[id][s] = struct{}{}
}

func (l *liveStreams) remove(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := s.principal.ID()
	delete(l.byID[id], s)
	if len(l.byID[id]) == 0 {
		delete(l.byID, id)
	}
}

func (l *liveStreams) of(id string) []*stream {
	l.revocations.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == "" {
		return l.all()
	}
	streams := make([]*stream, 0, len(l.byID[id]))
	for s := range l.byID[id] {
		streams = append(streams, s)
	}
	return streams
}

func (l *liveStreams) all() []*stream {
	var streams []*stream
	for _, ofOne := range l.byID {
		for s := range ofOne {
			streams = append(streams, s)
		}
	}
	return streams
}

// Recheck looks at the live streams of a principal, or with "" of all, at once, as is done by itself
// whenever their declarations say, their credential expires, or a [authn.Revoker] calls.
// It does not wait for what comes of it.
func (r *Registry) Recheck(principalID string) {
	for _, stream := range r.streams.of(principalID) {
		stream.hasten()
	}
}
