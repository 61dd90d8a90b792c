package openfga

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-rpc/sallyport/relation"
)

// mostChecks is how many checks OpenFGA takes in one request by default: its setting
// maxChecksPerBatchCheck, https://openfga.dev/docs/getting-started/setup-openfga/configuration.
const mostChecks = 50

// WithMostChecks says how many checks OpenFGA takes in one request, where its operator has
// changed the setting maxChecksPerBatchCheck. The default is 50. It must be positive: where it is
// above OpenFGA's own, requests of more fail.
func WithMostChecks(checks int) Option { return option(func(e *Engine) { e.mostChecks = checks }) }

// CheckAll implements [relation.Batcher], by as many checks in one request as OpenFGA takes.
func (e *Engine) CheckAll(ctx context.Context, queries []relation.Query) ([]bool, error) {
	if e.api == nil {
		return nil, errors.New("the engine was not made by openfga.New")
	}
	answers := make([]bool, 0, len(queries))
	for some := range slices.Chunk(queries, e.mostChecks) {
		held, err := e.checkSome(ctx, some)
		if err != nil {
			return nil, err
		}
		answers = append(answers, held...)
	}
	return answers, nil
}

// checkSome asks by one request. Checks and their answers go by their place in the queries.
func (e *Engine) checkSome(ctx context.Context, queries []relation.Query) ([]bool, error) {
	request := &openfgav1.BatchCheckRequest{StoreId: e.store, AuthorizationModelId: e.model, Consistency: e.consistency}
	for i, query := range queries {
		if key := e.tupleOf(query); key != nil {
			request.Checks = append(request.Checks, &openfgav1.BatchCheckItem{TupleKey: key, CorrelationId: strconv.Itoa(i)})
		}
	}
	held := make([]bool, len(queries))
	if len(request.GetChecks()) == 0 {
		return held, nil
	}
	response, err := e.api.BatchCheck(ctx, request)
	if err != nil {
		if err := failed(ctx, err); err != nil {
			return nil, err
		}
		return nil, errors.New("openfga: a batch of checks is under a condition")
	}
	for _, check := range request.GetChecks() {
		at, _ := strconv.Atoi(check.GetCorrelationId()) // as it was written above
		switch result := response.GetResult()[check.GetCorrelationId()].GetCheckResult().(type) {
		case *openfgav1.BatchCheckSingleResult_Allowed:
			held[at] = result.Allowed
		case *openfgav1.BatchCheckSingleResult_Error:
			if err := failed(ctx, statusOf(result.Error)); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("openfga: no answer to check %d of %d", at+1, len(queries))
		}
	}
	return held, nil
}

// statusOf is the error of one check of a batch as that check alone has it.
func statusOf(of *openfgav1.CheckError) error {
	code := codes.Code(of.GetInputError()) //nolint:gosec // no code is negative
	if internal := of.GetInternalError(); internal != openfgav1.InternalErrorCode_no_internal_error {
		code = codes.Code(internal) //nolint:gosec // no code is negative
	}
	if code == codes.OK {
		code = codes.Unknown
	}
	return status.Error(code, of.GetMessage())
}
