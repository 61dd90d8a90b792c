package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithInterceptors puts interceptors around every call, outside its gate: for traces,
// metrics, call ids, quotas. The first is the outermost; a second use of the option
// adds to the first. By default there are none. A nil interceptor is refused, and so
// is one that returns a nil function.
//
// An interceptor can observe a call, delay it, fail it, or answer it by itself. It
// sees callers that are not authenticated. It cannot make a handler run that the gate
// did not admit:
//
//   - The gate decodes, validates, authenticates and authorizes after the last
//     interceptor. A message that an interceptor changes in Receive is the one that is
//     validated and decided on, and that the handler gets.
//   - A call passes its gate at most once. A second call of next fails, and so does
//     one after the interceptor has returned.
//   - next takes the context of this call, or one derived from it, and its Spec. With
//     those of another call it fails.
//   - An error stays an error. An interceptor that drops it and sends no message in
//     its place does not turn it into a success, and a call that needs one response
//     and gets none fails as internal.
//
// Each of these failures is logged as a fault. Still, an interceptor is a part of the
// program that must be trusted:
//
//   - It may set request headers, and with a credential in them it speaks for the
//     caller: the gate authenticates the headers as it finds them.
//   - It sees every message and may change responses, after the gate and the handler
//     are done with them.
//   - It must not change a request after Receive has returned it, nor keep the context
//     of one call to serve another with it. The gate cannot notice either.
//   - It must not use the stream after it has returned. When it returns before next
//     has, the call's context ends, and the answer waits for the handler.
//
// In-process calls of [action.Registry.InProcess] do not come through a server, and so
// not through its interceptors.
func WithInterceptors(interceptors ...connect.ServerInterceptor) Option {
	return option.Func[settings](func(s *settings) error {
		for _, interceptor := range interceptors {
			if interceptor == nil {
				return errors.New("server: an interceptor is nil")
			}
		}
		s.interceptors = append(s.interceptors, interceptors...)
		return nil
	})
}

// intercept returns the interceptors of the settings between the two that hold them to
// their word.
func (s *settings) intercept() []connect.ServerInterceptor {
	if len(s.interceptors) == 0 {
		return nil
	}
	chain := []connect.ServerInterceptor{s.beforeInterceptors}
	for i, interceptor := range s.interceptors {
		chain = append(chain, func(next connect.ServerFunc) connect.ServerFunc {
			function := interceptor(next)
			if function == nil && s.nilFunction == 0 { // those further out may pass it on
				s.nilFunction = i + 1
			}
			return function
		})
	}
	return append(chain, s.afterInterceptors)
}

// An interceptedCall is one call between the interceptors and its gate.
type interceptedCall struct {
	info    *connect.CallInfo
	spec    connect.Spec
	answers *countedStream

	mu      sync.Mutex
	entered bool           // next was called
	over    bool           // the interceptors have returned
	running sync.WaitGroup // the gate and the handler, while they run
	// What next returned, and how many messages had been sent by then.
	err  error
	sent int64
}

type interceptedCallKey struct{}

// beforeInterceptors is the outermost interceptor: it sees what the others make of a
// call.
func (s *settings) beforeInterceptors(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		if incoming := incomingFrom(ctx); incoming != nil {
			incoming.intercepted = true
		}
		info, _ := connect.CallInfoForServerContext(ctx)
		call := &interceptedCall{info: info, spec: spec, answers: &countedStream{ServerStream: stream}}
		ctx, cancel := context.WithCancel(context.WithValue(ctx, interceptedCallKey{}, call))
		defer call.finish(cancel) // also where an interceptor panics
		err := next(ctx, spec, call.answers)
		call.finish(cancel)
		if err != nil {
			return err
		}
		sent := call.answers.sent.Load()
		switch {
		case call.err != nil && sent == call.sent:
			s.interceptorFault(ctx, spec, "it dropped the error of next")
			return call.err
		case sent == 0 && spec.StreamType&connect.StreamTypeServer == 0:
			s.interceptorFault(ctx, spec, "it returned neither an answer nor an error")
			return errInternal
		default:
			return nil
		}
	}
}

// finish waits until nothing of the call runs any more; after that nothing may begin.
func (c *interceptedCall) finish(cancel context.CancelFunc) {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	cancel()
	c.running.Wait()
}

// afterInterceptors is the innermost interceptor: it lets a call go on to its gate
// once, as the call that it is.
func (s *settings) afterInterceptors(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		call, _ := ctx.Value(interceptedCallKey{}).(*interceptedCall)
		if problem := call.enter(ctx, spec); problem != "" {
			s.interceptorFault(ctx, spec, problem)
			return errInternal
		}
		defer call.running.Done()
		err := next(ctx, call.spec, stream)
		call.err, call.sent = err, call.answers.sent.Load()
		return err
	}
}

// enter says why a call may not go on to its gate, or "".
func (c *interceptedCall) enter(ctx context.Context, spec connect.Spec) string {
	if c == nil {
		return "it called next with a context that is not the call's"
	}
	if info, _ := connect.CallInfoForServerContext(ctx); info != c.info || spec.Procedure != c.spec.Procedure {
		return "it called next with the context or the Spec of another call"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
		return "it called next after it had returned"
	case c.entered:
		return "it called next a second time"
	}
	c.entered = true
	c.running.Add(1)
	return ""
}

func (s *settings) interceptorFault(ctx context.Context, spec connect.Spec, problem string) {
	s.log().LogAttrs(ctx, slog.LevelError, "an interceptor is at fault",
		slog.String("procedure", spec.Procedure), slog.String("problem", problem))
}

// A countedStream counts the messages that are sent on it.
type countedStream struct {
	connect.ServerStream

	sent atomic.Int64
}

// Send sends a message.
func (s *countedStream) Send(message any) error {
	s.sent.Add(1)
	return s.ServerStream.Send(message)
}

// nilInterceptor returns the error for an interceptor that returned a nil function
// when it was put around an action.
func (s *settings) nilInterceptor() error {
	if s.nilFunction == 0 {
		return nil
	}
	return fmt.Errorf("server: interceptor %d returns a nil function", s.nilFunction)
}
