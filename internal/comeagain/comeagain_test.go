package comeagain_test

import (
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sallyport-rpc/sallyport/internal/comeagain"
)

func TestWith(t *testing.T) {
	t.Parallel()
	refused := connect.NewError(connect.CodeResourceExhausted, "too many")
	told := comeagain.With(refused, 1500*time.Millisecond)
	if told.Code() != refused.Code() || told.Message() != refused.Message() || len(told.Details()) != 1 || len(refused.Details()) != 0 {
		t.Fatalf("told %v with %d details; made of one with %d", told, len(told.Details()), len(refused.Details()))
	}
	value, err := connectproto.UnmarshalErrorDetail(told.Details()[0])
	if retry, ok := value.(*errdetails.RetryInfo); err != nil || !ok || retry.GetRetryDelay().AsDuration() != 1500*time.Millisecond {
		t.Errorf("the detail is %v, %v", value, err)
	}
}

// A caller that comes after so many whole seconds does not come too early.
func TestHeader(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]string{
		1: "1", time.Second: "1", time.Second + 1: "2", time.Minute: "60", time.Minute - 1: "60",
	} {
		if got := comeagain.Header(after); got != want {
			t.Errorf("%v: %q, want %q", after, got, want)
		}
	}
}
