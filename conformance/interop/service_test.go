package interop_test

import (
	"context"
	"errors"
	"io"
	"time"

	"connectrpc.com/connect/v2"
	testing "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sallyport-rpc/sallyport/action"
)

// The metadata that the service echoes.
const (
	echoHeader  = "X-Grpc-Test-Echo-Initial"
	echoTrailer = "X-Grpc-Test-Echo-Trailing-Bin"
)

// service is grpc.testing.TestService, as gRPC's description of its interop tests
// asks for it.
type service struct{ load *load }

func (service) EmptyCall(context.Context, *action.AnonymousCall[testing.Empty]) (*testing.Empty, error) {
	return &testing.Empty{}, nil
}

func (service) UnaryCall(ctx context.Context, call *action.AnonymousCall[testing.SimpleRequest]) (*testing.SimpleResponse, error) {
	request := call.Message()
	info, err := echo(ctx)
	if err != nil {
		return nil, err
	}
	if err := failure(request.GetResponseStatus()); err != nil {
		return nil, err
	}
	if err := reportCall(info, request.GetOrcaPerQueryReport()); err != nil {
		return nil, err
	}
	payload, err := newPayload(request.GetResponseType(), request.GetResponseSize())
	if err != nil {
		return nil, err
	}
	response := &testing.SimpleResponse{Payload: payload}
	if request.GetFillServerId() {
		response.ServerId = "the only one"
	}
	return response, nil
}

func (s service) CacheableUnaryCall(ctx context.Context, call *action.AnonymousCall[testing.SimpleRequest]) (*testing.SimpleResponse, error) {
	return s.UnaryCall(ctx, call)
}

func (service) UnimplementedCall(context.Context, *action.AnonymousCall[testing.Empty]) (*testing.Empty, error) {
	return nil, connect.NewError(connect.CodeUnimplemented, "not implemented, as the tests want it")
}

func (service) StreamingOutputCall(
	ctx context.Context,
	call *action.AnonymousCall[testing.StreamingOutputCallRequest], out *action.ServerStream[testing.StreamingOutputCallResponse],
) error {
	return respond(ctx, call.Message(), out.Send)
}

func (service) StreamingInputCall(
	_ context.Context, in *action.AnonymousClientStream[testing.StreamingInputCallRequest],
) (*testing.StreamingInputCallResponse, error) {
	response := &testing.StreamingInputCallResponse{}
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return response, nil
		}
		if err != nil {
			return nil, err
		}
		response.AggregatedPayloadSize += int32(len(request.GetPayload().GetBody()))
	}
}

func (s service) FullDuplexCall(
	ctx context.Context, stream *action.AnonymousBidiStream[testing.StreamingOutputCallRequest, testing.StreamingOutputCallResponse],
) error {
	if _, err := echo(ctx); err != nil {
		return err
	}
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := failure(request.GetResponseStatus()); err != nil {
			return err
		}
		s.load.set(request.GetOrcaOobReport())
		if err := respond(ctx, request, stream.Send); err != nil {
			return err
		}
	}
}

func (service) HalfDuplexCall(
	ctx context.Context, stream *action.AnonymousBidiStream[testing.StreamingOutputCallRequest, testing.StreamingOutputCallResponse],
) error {
	var requests []*testing.StreamingOutputCallRequest
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		requests = append(requests, request)
	}
	for _, request := range requests {
		if err := respond(ctx, request, stream.Send); err != nil {
			return err
		}
	}
	return nil
}

// respond sends the responses that a request asks for.
func respond(ctx context.Context, request *testing.StreamingOutputCallRequest, send func(*testing.StreamingOutputCallResponse) error) error {
	for _, wanted := range request.GetResponseParameters() {
		payload, err := newPayload(request.GetResponseType(), wanted.GetSize())
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(wanted.GetIntervalUs()) * time.Microsecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := send(&testing.StreamingOutputCallResponse{Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

// echo puts the metadata on the response that the request brought for that.
func echo(ctx context.Context) (*connect.CallInfo, error) {
	info, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return nil, errors.New("the call has no info")
	}
	for _, value := range info.RequestHeader().Values(echoHeader) {
		info.ResponseHeader().Add(echoHeader, value)
	}
	for _, value := range info.RequestHeader().Values(echoTrailer) {
		info.ResponseTrailer().Add(echoTrailer, value)
	}
	return info, nil
}

// failure is the error that a request asks for, or nil.
func failure(wanted *testing.EchoStatus) error {
	if wanted.GetCode() == 0 {
		return nil
	}
	return connect.NewError(connect.Code(wanted.GetCode()), wanted.GetMessage())
}

func newPayload(kind testing.PayloadType, size int32) (*testing.Payload, error) {
	const most = 4 << 20
	if kind != testing.PayloadType_COMPRESSABLE || size < 0 || size > most {
		return nil, connect.NewError(connect.CodeInvalidArgument, "there is no such payload")
	}
	return &testing.Payload{Type: kind, Body: make([]byte, size)}, nil
}
