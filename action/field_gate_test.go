package action

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// fieldRules are the rules of test.fields.v1.
func fieldRules(t *testing.T) *field.Rules {
	t.Helper()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		t.Fatal(err)
	}
	declarations, refusals := reader.Service(fieldsv1.File_test_fields_v1_fields_proto.Services().Get(0), declare.Given{})
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	return field.NewRules(slices.Concat(declarations[0].Fields, declarations[0].Details))
}

// sent is a stream that keeps what is sent.
type sent struct {
	connect.ServerStream

	messages []any
}

func (s *sent) Send(message any) error {
	s.messages = append(s.messages, message)
	return nil
}

// unreadable is a message that panics when it is looked at.
type unreadable struct{ *fieldsv1.User }

func (unreadable) ProtoReflect() protoreflect.Message { panic("planted") }

// An answer whose fields could not be looked at is not sent.
func TestAnswerThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	g := &gate{fields: fieldRules(t), registry: &Registry{now: time.Now}}
	reader := &passage{gate: g, principal: authn.NewPrincipal("ann", authn.Details{})}
	gone, leave := context.WithCancel(t.Context())
	leave()
	user := &fieldsv1.User{Id: "ann", Email: "ann@example.com"}
	for name, test := range map[string]struct {
		ctx      context.Context
		response proto.Message
		sent     int
		code     connect.Code
		canceled bool
	}{
		"one that can be":     {t.Context(), user, 1, 0, false},
		"the caller has left": {gone, user, 0, 0, true},
		"it panics":           {t.Context(), unreadable{user}, 0, connect.CodeInternal, false},
	} {
		stream := &sent{}
		err := g.answer(test.ctx, stream, test.response, reader)
		if len(stream.messages) != test.sent || (err == nil) != (test.sent == 1) || errors.Is(err, context.Canceled) != test.canceled {
			t.Errorf("%s: %d sent, %v", name, len(stream.messages), err)
		}
		if denied, ok := errors.AsType[*denial](err); ok != (test.code != 0) || ok && connect.CodeOf(denied.public) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A call of which nothing was cleared keeps nothing for its event.
func TestNothingCleared(t *testing.T) {
	t.Parallel()
	call, live := &passage{}, &stream{}
	call.clear(field.Cleared{})
	live.clear(field.Cleared{})
	if call.extras != nil || live.cleared != nil {
		t.Error("something is kept")
	}
	for range 2 {
		call.clear(field.Cleared{Names: []string{"a.b"}})
		live.clear(field.Cleared{Names: []string{"a.b"}})
	}
	if len(call.extras.cleared.Names) != 1 || len(live.clearedSoFar().Names) != 1 {
		t.Errorf("kept %v and %v", call.extras.cleared, live.cleared)
	}
}

// A fault in looking at the details of an error leaves without all of them; an error
// without details is not looked at.
func TestDetailsThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	g := &gate{details: fieldRules(t), registry: &Registry{now: func() time.Time { panic("planted") }}}
	call, reader := &passage{gate: g}, authn.NewPrincipal("ann", authn.Details{})
	detail, err := connectproto.NewErrorDetail(&fieldsv1.Missing{Id: "bob", Place: "the archive"})
	if err != nil {
		t.Fatal(err)
	}
	bare := connect.NewError(connect.CodeNotFound, "no such user")
	if got := call.withoutUnreadable(t.Context(), ending{public: bare}, reader); got.public != error(bare) || got.reason != "" { //nolint:errorlint // the very same
		t.Errorf("without details: %v, %q", got.public, got.reason)
	}
	got := call.withoutUnreadable(t.Context(), ending{public: bare.WithDetail(detail)}, reader)
	if got.public != error(errInternal) || got.reason == "" { //nolint:errorlint // the very same
		t.Errorf("with details: %v, %q", got.public, got.reason)
	}
}

// Details that can have no guarded field leave as they are; of the others the event says
// what was cleared.
func TestDetailsThatAreLookedAt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		detail proto.Message
		same   bool
		names  []string
	}{
		"plain":   {&fieldsv1.PlainResponse{Word: "w"}, true, nil},
		"guarded": {&fieldsv1.Missing{Id: "bob", Place: "the archive"}, false, []string{"test.fields.v1.Missing.place"}},
	} {
		detail, err := connectproto.NewErrorDetail(test.detail)
		if err != nil {
			t.Fatal(err)
		}
		failed := connect.NewError(connect.CodeNotFound, "no such user").WithDetail(detail)
		call := &passage{gate: &gate{details: fieldRules(t), registry: &Registry{now: time.Now}}}
		got := call.withoutUnreadable(t.Context(), ending{public: failed}, authn.NewPrincipal("ann", authn.Details{}))
		var names []string
		if call.extras != nil {
			names = call.extras.cleared.Names
		}
		if same := got.public == error(failed); same != test.same || !slices.Equal(names, test.names) { //nolint:errorlint // the very same
			t.Errorf("%s: the very same: %t, cleared %q", name, same, names)
		}
	}
}

// A grant that cannot be made a filter is an error, and a guard of nothing.
func TestUndecidedGuard(t *testing.T) {
	t.Parallel()
	document := (&docsv1.Document{}).ProtoReflect().Descriptor()
	environment, err := condition.NewEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	costly, err := environment.WithSubject(condition.Subject{Name: condition.ResourceName, Type: document}).
		Compile(`request.reader_ids.exists(id, id == principal.id) && resource.owner_id == principal.id`, document)
	if err != nil {
		t.Fatal(err)
	}
	guard, err := policy.NewGuard(document, []declare.Grant{{Conditions: []declare.Condition{declare.CEL{Expression: costly}}}})
	if err != nil {
		t.Fatal(err)
	}
	for count, decided := range map[int]bool{1: true, 60_000: false} {
		request := &docsv1.Document{ReaderIds: slices.Repeat([]string{"ann"}, count)}
		if !decided {
			request.ReaderIds = slices.Repeat([]string{"bob"}, count)
		}
		call := &ResourceCall[docsv1.DocumentRequest, docsv1.Document]{about: passage{
			gate: &gate{guard: guard}, admitted: true, principal: authn.NewPrincipal("ann", authn.Details{}), extras: &extras{request: request},
		}}
		got, err := call.Guard()
		if (err == nil) != decided || got.Filter.Matches(&docsv1.Document{OwnerId: "ann"}) != decided || !decided && connect.CodeOf(err) != connect.CodeInternal {
			t.Errorf("of %d ids: %v", count, err)
		}
	}
}

// A handler takes the object that its declaration names, and no other.
func TestUnmatchedResource(t *testing.T) {
	t.Parallel()
	method := docsv1.File_test_docs_v1_docs_proto.Services().Get(0).Methods().Get(0)
	document := (&docsv1.Document{}).ProtoReflect().Descriptor()
	other := method.Input()
	again := renamed{other, document.FullName()}
	for name, test := range map[string]struct {
		declared, taken protoreflect.MessageDescriptor
		rule            declare.Rule // "" is no refusal
	}{
		"neither":                  {nil, nil, ""},
		"the same":                 {document, document, ""},
		"one that is not declared": {nil, document, declare.RuleMethodKind},
		"none, where one is":       {document, nil, declare.RuleMethodKind},
		"another":                  {document, other, declare.RuleMethodType},
		"another of the name":      {document, again, declare.RuleDescriptorOther},
	} {
		declaration := &declare.Declaration{Method: method}
		if test.declared != nil {
			declaration.Resource = &declare.Resource{Type: test.declared}
		}
		refusals := unmatchedResource(method, declaration, unguarded.Method{Resource: test.taken})
		var got declare.Rule
		if len(refusals) == 1 {
			got = refusals[0].Rule
		}
		if got != test.rule || len(refusals) > 1 {
			t.Errorf("%s: %v, want %q", name, refusals, test.rule)
		}
	}
}

// renamed is a descriptor with the name of another.
type renamed struct {
	protoreflect.MessageDescriptor

	name protoreflect.FullName
}

func (r renamed) FullName() protoreflect.FullName { return r.name }

// A call gives no principal before it is let through, or without one.
func TestResourceCallThatIsNotAdmitted(t *testing.T) {
	t.Parallel()
	type call = ResourceCall[docsv1.DocumentRequest, docsv1.Document]
	ann := authn.NewPrincipal("ann", authn.Details{})
	for name, test := range map[string]struct {
		call *call
		ok   bool
	}{
		"nil":                 {nil, false},
		"zero":                {&call{}, false},
		"not let through":     {&call{about: passage{principal: ann}}, false},
		"without a principal": {&call{about: passage{admitted: true}}, false},
		"let through":         {&call{about: passage{admitted: true, principal: ann}}, true},
	} {
		func() {
			defer func() {
				if thrown := recover(); (thrown == nil) != test.ok {
					t.Errorf("%s: it panics with %v", name, thrown)
				}
			}()
			if got := test.call.Principal(); got != ann {
				t.Errorf("%s: %v", name, got)
			}
		}()
	}
}
