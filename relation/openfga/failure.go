package openfga

import (
	"context"
	"fmt"
	"strings"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-rpc/sallyport/authn"
)

// underCondition is what OpenFGA says where an answer depends on a condition of which
// something is not known. It has no code of its own for that.
const underCondition = "failed to evaluate relationship condition"

// failed is what an error of OpenFGA means: nil where the answer depends on a condition,
// which is a no; unavailable where OpenFGA, or what it stands on, cannot be asked now.
func failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	of, _ := status.FromError(err)
	code := of.Code()
	switch {
	case code == codes.Code(openfgav1.ErrorCode_validation_error) && strings.Contains(of.Message(), underCondition):
		return nil
	case code == codes.Unavailable, code == codes.DeadlineExceeded, code == codes.Canceled, code == codes.ResourceExhausted, code == codes.Aborted,
		code == codes.Code(openfgav1.ErrorCode_cancelled),
		code >= codes.Code(openfgav1.UnprocessableContentErrorCode_throttled_timeout_error) && code < codes.Code(openfgav1.NotFoundErrorCode_undefined_endpoint):
		return authn.Unavailable(fmt.Errorf("openfga: %w", err))
	default:
		return fmt.Errorf("openfga: %w", err)
	}
}
