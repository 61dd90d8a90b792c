package access

import (
	"context"
	"errors"
	"slices"
	"sync"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/wire"
)

const (
	// maxElements is how many messages, elements and entries the request of a question may
	// hold. They are counted before it is decoded, as those of a call are.
	maxElements = 1_000
	// maxNesting is how deep messages may be nested in it.
	maxNesting = 100
)

// A service answers questions about the actions of a registry. It is safe for concurrent
// use.
type service struct {
	registry *action.Registry
	uses     []string // packages whose names the declaration uses
	counter  wire.Counter

	once    sync.Once
	actions map[string]action.Action
	listed  []string // in the order of their names
}

// read reads the actions of the registry, which does not change any more once it is served.
func (s *service) read() {
	s.once.Do(func() {
		s.actions = map[string]action.Action{}
		for _, one := range s.registry.Actions() {
			s.actions[one.Procedure] = one
			// A list of what exists is no place for what conceals itself.
			if !one.Conceal {
				s.listed = append(s.listed, one.Procedure)
			}
		}
		slices.Sort(s.listed)
	})
}

// list implements ListActions.
func (s *service) list(principal *authn.Principal) *sallyportv1.ListActionsResponse {
	s.read()
	response := &sallyportv1.ListActionsResponse{}
	for _, procedure := range s.listed {
		if s.registry.Reaches(principal, procedure) {
			response.Procedures = append(response.Procedures, procedure)
		}
	}
	return response
}

// check implements CheckAccess.
func (s *service) check(ctx context.Context, principal *authn.Principal, request *sallyportv1.CheckAccessRequest) (*sallyportv1.CheckAccessResponse, error) {
	s.read()
	response := &sallyportv1.CheckAccessResponse{}
	for _, question := range request.GetQuestions() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		response.Answers = append(response.Answers, s.answer(ctx, principal, question))
	}
	return response, nil
}

// answer answers one question. What cannot be decoded is asked about as it is, so that it
// leaves an event like all others.
func (s *service) answer(ctx context.Context, principal *authn.Principal, question *sallyportv1.AccessQuestion) *sallyportv1.AccessAnswer {
	asked := action.Question{Procedure: question.GetProcedure()}
	about, exists := s.actions[question.GetProcedure()]
	if exists {
		if message, err := s.decode(question, about.Method.Input()); err == nil {
			asked.Request = message
		}
	}
	decision := s.registry.May(ctx, principal, asked)
	switch {
	case decision.Outcome == event.Allow:
		return &sallyportv1.AccessAnswer{Allowed: true}
	case !exists, about.Conceal:
		return &sallyportv1.AccessAnswer{Code: connect.CodeNotFound.String()}
	default:
		return &sallyportv1.AccessAnswer{Code: decision.Code.String()}
	}
}

var errTooMany = errors.New("the request holds too much")

// decode decodes the request of a question, once it is known what that makes.
func (s *service) decode(question *sallyportv1.AccessQuestion, of protoreflect.MessageDescriptor) (proto.Message, error) {
	message := newMessage(of)
	switch given := question.GetRequest().(type) {
	case *sallyportv1.AccessQuestion_Json:
		data := []byte(given.Json)
		if s.counter.JSON(of, data, maxElements).Items > maxElements {
			return nil, errTooMany
		}
		return message, protojson.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}.Unmarshal(data, message)
	case *sallyportv1.AccessQuestion_Binary:
		if s.counter.Binary(of, given.Binary, maxElements).Items > maxElements {
			return nil, errTooMany
		}
		return message, proto.UnmarshalOptions{RecursionLimit: maxNesting}.Unmarshal(given.Binary, message)
	default:
		return message, nil
	}
}

// newMessage makes a message of the type that the action's gate reads.
func newMessage(of protoreflect.MessageDescriptor) proto.Message {
	known, err := protoregistry.GlobalTypes.FindMessageByName(of.FullName())
	if err != nil || known.Descriptor() != of {
		return dynamicpb.NewMessage(of)
	}
	return known.New().Interface()
}
