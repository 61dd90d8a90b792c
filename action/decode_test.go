package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// What a transport says of a request that it could not read, and what the caller is
// answered: the code that fits, in a text that does not grow with the request.
func TestUndecoded(t *testing.T) {
	t.Parallel()
	code := func(code connect.Code, cause error) *connect.Error {
		return connect.NewError(code, "said").WithCause(cause)
	}
	for name, test := range map[string]struct {
		err    error
		public *connect.Error // what is answered; nil is the error itself
		gone   bool
	}{
		"the caller leaves":       {err: context.Canceled, public: errCanceled, gone: true},
		"the caller leaves, said": {err: fmt.Errorf("read: %w", context.Canceled), public: errCanceled, gone: true},
		"too late":                {err: context.DeadlineExceeded, public: errDeadlineExceeded, gone: true},
		"a Go error":              {err: errors.New("bad chunk"), public: errMalformed},
		"a Go error, wrapped":     {err: code(connect.CodeUnknown, errors.New("bad chunk")), public: errMalformed},
		"the end":                 {err: code(connect.CodeUnknown, io.EOF)},
		"cut":                     {err: code(connect.CodeInternal, io.ErrUnexpectedEOF), public: errIncomplete},
		"internal":                {err: code(connect.CodeInternal, io.EOF)},
		"cut, with a code":        {err: code(connect.CodeInvalidArgument, io.ErrUnexpectedEOF)},
		"a code":                  {err: code(connect.CodeResourceExhausted, nil)},
		"a code beneath":          {err: code(connect.CodeInternal, errShuttingDown), public: errShuttingDown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := undecoded(test.err)
			want := error(test.public)
			if test.public == nil {
				want = test.err
			}
			if error(got.public) != want || got.gone != test.gone { //nolint:errorlint // the very same
				t.Errorf("it is answered %v (gone: %t), want %v", got.public, got.gone, want)
			}
		})
	}
}

// A text that quotes the request is cut, and keeps its code and its details.
func TestUndecodedLong(t *testing.T) {
	t.Parallel()
	detail, err := connectproto.NewErrorDetail(&errdetails.ErrorInfo{Reason: "LONG"})
	if err != nil {
		t.Fatal(err)
	}
	long := connect.NewError(connect.CodeInvalidArgument, strings.Repeat("x", 10*mostText)).WithDetail(detail)
	got := undecoded(long).public
	if len(got.Message()) > mostText || !strings.HasPrefix(got.Message(), "xxx") || got.Code() != connect.CodeInvalidArgument || len(got.Details()) != 1 {
		t.Errorf("it is answered %d bytes, code %v and %d details", len(got.Message()), got.Code(), len(got.Details()))
	}
	short := connect.NewError(connect.CodeInvalidArgument, strings.Repeat("x", mostText/2))
	if got := undecoded(short).public; got != short {
		t.Errorf("a short text is answered by %q", got.Message())
	}
}
