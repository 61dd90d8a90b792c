// Package comeagain tells callers who were refused for now when to come again.
package comeagain

import (
	"strconv"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"
)

// With returns an error with a google.rpc.RetryInfo that says after how long the
// caller is to come again. The error that it is made of stays as it is.
func With(refused *connect.Error, after time.Duration) *connect.Error {
	detail, err := connectproto.NewErrorDetail(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	if err != nil {
		return refused // the code alone says as much
	}
	return refused.WithDetail(detail)
}

// Header says the same as the value of the header Retry-After: in whole seconds,
// rounded up (RFC 9110, section 10.2.3). The time must be above zero.
func Header(after time.Duration) string {
	return strconv.FormatInt(int64((after-1)/time.Second)+1, 10)
}
