package action

import (
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
)

// What the Connect protocol says of a detail in JSON is there from the start, and is what
// the detail says.
func TestErrorInfo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		details []*connect.ErrorDetail
		reason  string
	}{
		"not allowed":        {errPermissionDenied.Details(), "NOT_ALLOWED"},
		"scopes are missing": {errInsufficient.Details(), "INSUFFICIENT_SCOPE"},
		"more violations":    {[]*connect.ErrorDetail{moreViolations}, "MORE_VIOLATIONS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if len(test.details) != 1 {
				t.Fatalf("there are %d details, want 1", len(test.details))
			}
			want := &errdetails.ErrorInfo{Reason: test.reason, Domain: errorDomain}
			value, err := connectproto.UnmarshalErrorDetail(test.details[0])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, value, protocmp.Transform()); diff != "" {
				t.Errorf("the value (-want +got):\n%s", diff)
			}
			text := &errdetails.ErrorInfo{}
			if err := protojson.Unmarshal(test.details[0].Debug, text); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, text, protocmp.Transform()); diff != "" {
				t.Errorf("in JSON (-want +got):\n%s", diff)
			}
		})
	}
}

// A reason that cannot be encoded leaves the type of the detail: the code alone denies as
// well.
func TestErrorInfoThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	if got := errorInfo("\xff"); got.Type != "google.rpc.ErrorInfo" || len(got.Value) > 0 || len(got.Debug) > 0 {
		t.Errorf("got %+v", got)
	}
}
