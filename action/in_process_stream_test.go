package action

import (
	"context"
	"errors"
	"testing"

	"connectrpc.com/connect/v2"
)

// A failing transport opens no stream; a closing one opens streams that fail.
type failing struct {
	opens error
	ctx   context.Context // that it was called with last
	connect.ClientStream

	ends error
}

func (f *failing) NewClientStream(ctx context.Context, _ connect.Spec) (connect.ClientStream, error) {
	f.ctx = ctx
	if f.opens != nil {
		return nil, f.opens
	}
	return f, nil
}

func (f *failing) Receive(any) error { return f.ends }
func (f *failing) Close() error      { return f.ends }

// A stream in the process gives up its context when it is not opened, when a Receive ends
// it, and when it is closed; it hands on the error. It keeps the context while it lives.
func TestInProcessGivesUp(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	spec := connect.Spec{Procedure: "/test.v1.Service/Watch", StreamType: connect.StreamTypeServer}
	for name, test := range map[string]struct {
		transport *failing
		use       func(connect.ClientStream) error
		over      bool
	}{
		"not opened":         {&failing{opens: broken}, nil, true},
		"a message":          {&failing{}, func(s connect.ClientStream) error { return s.Receive(nil) }, false},
		"the end":            {&failing{ends: broken}, func(s connect.ClientStream) error { return s.Receive(nil) }, true},
		"closed":             {&failing{}, func(s connect.ClientStream) error { return s.Close() }, true},
		"closed, and failed": {&failing{ends: broken}, func(s connect.ClientStream) error { return s.Close() }, true},
	} {
		stream, err := inProcess{test.transport, &Registry{}}.NewClientStream(t.Context(), spec)
		if (stream == nil) != (err != nil) {
			t.Errorf("%s: the stream is %v, %v", name, stream, err)
		}
		if test.use != nil {
			if stream == nil {
				t.Fatalf("%s: %v", name, err)
			}
			err = test.use(stream)
		}
		if want := errors.Join(test.transport.opens, test.transport.ends); errors.Is(err, broken) != (want != nil) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
		if over := test.transport.ctx.Err() != nil; over != test.over {
			t.Errorf("%s: the context is over: %t", name, over)
		}
	}
}
