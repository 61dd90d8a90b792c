package openfga_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/openfga/pkg/storage/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/relation"
	"github.com/sallyport-rpc/sallyport/relation/openfga"
)

// batching answers each batch with what it has, beside an error, and notes how many checks each
// had and the last request.
type batching struct {
	*api

	results map[string]*openfgav1.BatchCheckSingleResult
	err     error
	sizes   []int
	asked   *openfgav1.BatchCheckRequest
}

func (b *batching) BatchCheck(_ context.Context, request *openfgav1.BatchCheckRequest) (*openfgav1.BatchCheckResponse, error) {
	b.asked, b.sizes = request, append(b.sizes, len(request.GetChecks()))
	return &openfgav1.BatchCheckResponse{Result: b.results}, b.err
}

var yes = &openfgav1.BatchCheckSingleResult{CheckResult: &openfgav1.BatchCheckSingleResult_Allowed{Allowed: true}}

// What OpenFGA cannot say of one check, or of all, is no yes of any. An outage is unavailable.
func TestBatchFailures(t *testing.T) {
	t.Parallel()
	a := newAPI(t, memory.New(), false)
	input := func(code openfgav1.ErrorCode) *openfgav1.BatchCheckSingleResult {
		return &openfgav1.BatchCheckSingleResult{CheckResult: &openfgav1.BatchCheckSingleResult_Error{
			Error: &openfgav1.CheckError{Code: &openfgav1.CheckError_InputError{InputError: code}, Message: "x"},
		}}
	}
	internal := func(code openfgav1.InternalErrorCode) *openfgav1.BatchCheckSingleResult {
		return &openfgav1.BatchCheckSingleResult{CheckResult: &openfgav1.BatchCheckSingleResult_Error{
			Error: &openfgav1.CheckError{Code: &openfgav1.CheckError_InternalError{InternalError: code}, Message: "x"},
		}}
	}
	for name, test := range map[string]struct {
		second            *openfgav1.BatchCheckSingleResult
		err               error
		fine, unavailable bool
	}{
		"yes":                      {second: yes, fine: true},
		"an error of all":          {second: yes, err: errors.New("x")},
		"an outage":                {second: yes, err: status.Error(codes.Unavailable, "x"), unavailable: true},
		"too many":                 {second: yes, err: status.Error(codes.Code(openfgav1.ErrorCode_validation_error), "x")},
		"all under a condition":    {second: yes, err: status.Error(codes.Code(openfgav1.ErrorCode_validation_error), "failed to evaluate relationship condition")},
		"no second answer":         {},
		"an answer that says none": {second: &openfgav1.BatchCheckSingleResult{}},
		"one is not understood":    {second: input(openfgav1.ErrorCode_validation_error)},
		"one is too complex":       {second: input(openfgav1.ErrorCode_authorization_model_resolution_too_complex)},
		"one fails":                {second: internal(openfgav1.InternalErrorCode_internal_error), unavailable: true},
		"one is late":              {second: internal(openfgav1.InternalErrorCode_deadline_exceeded), unavailable: true},
		"one fails without a code": {second: internal(openfgav1.InternalErrorCode_no_internal_error)},
	} {
		b := &batching{api: a, err: test.err, results: map[string]*openfgav1.BatchCheckSingleResult{"0": yes}}
		if test.second != nil {
			b.results["1"] = test.second
		}
		engine, err := openfga.New(t.Context(), b, a.store, a.model)
		if err != nil {
			t.Fatal(err)
		}
		queries := []relation.Query{ask("ada", "owner", "1"), ask("ada", "owner", "2")}
		held, err := engine.CheckAll(t.Context(), queries)
		if (err == nil) != test.fine || (len(held) == 2) != test.fine || errors.Is(err, authn.ErrUnavailable) != test.unavailable {
			t.Errorf("%s: %t, %v", name, held, err)
		}
		if of := b.asked; of.GetConsistency() != openfgav1.ConsistencyPreference_HIGHER_CONSISTENCY || of.GetAuthorizationModelId() != a.model ||
			of.GetStoreId() != a.store || of.GetChecks()[0].GetContextualTuples() != nil || of.GetChecks()[0].GetContext() != nil {
			t.Errorf("%s: asked %v", name, of)
		}
		if test.fine {
			continue
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := engine.CheckAll(ended, queries); test.err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%s, of one who left: %v", name, err)
		}
	}
}

// As many checks go into one request as OpenFGA takes.
func TestSizeOfBatches(t *testing.T) {
	t.Parallel()
	a := newAPI(t, memory.New(), false)
	for _, test := range []struct {
		options []openfga.Option
		queries int
		want    string
	}{
		{nil, 1, "[1]"}, {nil, 50, "[50]"}, {nil, 51, "[50 1]"},
		{[]openfga.Option{openfga.WithMostChecks(3)}, 7, "[3 3 1]"},
	} {
		b := &batching{api: a, results: map[string]*openfgav1.BatchCheckSingleResult{}}
		var queries []relation.Query
		for i := range test.queries {
			queries, b.results[strconv.Itoa(i)] = append(queries, ask("ada", "owner", strconv.Itoa(i))), yes
		}
		engine, err := openfga.New(t.Context(), b, a.store, a.model, test.options...)
		if err != nil {
			t.Fatal(err)
		}
		held, err := engine.CheckAll(t.Context(), queries)
		if got := fmt.Sprint(b.sizes); err != nil || len(held) != test.queries || got != test.want {
			t.Errorf("%d queries go by %s, want %s: %v", test.queries, got, test.want, err)
		}
	}
	if _, err := openfga.New(t.Context(), a, a.store, a.model, openfga.WithMostChecks(0)); err == nil {
		t.Error("an engine takes no check in one request")
	}
	if _, err := new(openfga.Engine).CheckAll(t.Context(), []relation.Query{ask("ada", "owner", "1")}); err == nil {
		t.Error("the zero engine answers")
	}
}
