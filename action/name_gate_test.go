package action_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	namesv1 "github.com/sallyport-rpc/sallyport/gen/test/names/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/names/v1/namesv1action"
)

const personService = "/test.names.v1.PersonService/"

// peopleHandlers counts what reaches its handlers.
type peopleHandlers struct {
	ran   atomic.Int64
	heard chan string
}

func (p *peopleHandlers) list() (*namesv1.ListResponse, error) {
	p.ran.Add(1)
	return &namesv1.ListResponse{People: []*namesv1.Person{{Id: "ann", Name: "Ann", Email: "ann@example.com"}}}, nil
}

func (p *peopleHandlers) List(context.Context, *action.Call[namesv1.ListRequest]) (*namesv1.ListResponse, error) {
	return p.list()
}

func (p *peopleHandlers) Find(context.Context, *action.Call[namesv1.ListRequest]) (*namesv1.ListResponse, error) {
	return p.list()
}

func (p *peopleHandlers) Watch(_ context.Context, _ *action.Call[namesv1.ListRequest], out *action.ServerStream[namesv1.Person]) error {
	p.ran.Add(1)
	return out.Send(&namesv1.Person{Id: "ann"})
}

func (p *peopleHandlers) Collect(_ context.Context, in *action.ClientStream[namesv1.ListRequest]) (*namesv1.ListResponse, error) {
	return &namesv1.ListResponse{}, p.hear(in.Receive, nil)
}

func (p *peopleHandlers) Ask(_ context.Context, both *action.BidiStream[namesv1.ListRequest, namesv1.Person]) error {
	return p.hear(both.Receive, both.Send)
}

func (p *peopleHandlers) Chat(_ context.Context, both *action.BidiStream[namesv1.ListRequest, namesv1.Person]) error {
	return p.hear(both.Receive, both.Send)
}

func (p *peopleHandlers) hear(receive func() (*namesv1.ListRequest, error), send func(*namesv1.Person) error) error {
	p.ran.Add(1)
	for {
		request, err := receive()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		p.heard <- request.GetOrderBy()
		if send != nil {
			if err := send(&namesv1.Person{Id: "ann"}); err != nil {
				return err
			}
		}
	}
}

// peopleServer is a registry of people over real connections and in process.
type peopleServer struct {
	registry *action.Registry
	handlers *peopleHandlers
	events   *recorder
	ways     map[string]*connect.Client
	client   *http.Client
	address  string
	// lost is whether auditors have lost their role.
	lost atomic.Bool
}

func servePeople(t *testing.T) *peopleServer {
	t.Helper()
	served := &peopleServer{handlers: &peopleHandlers{heard: make(chan string, 8)}, events: &recorder{}}
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		name := call.RequestHeader().Get("Authorization")
		if name == "" {
			return nil, authn.ErrNoCredential
		}
		details := authn.Details{Unscoped: true}
		if name == "auditor" && !served.lost.Load() {
			details.Roles = []string{"auditor"}
		}
		return authn.NewPrincipal(name, details), nil
	})
	served.registry = must(action.NewRegistry(authn.Schemes{"session": sessions}, action.WithRecorder(served.events)))
	if err := namesv1action.RegisterPersonService(served.registry, served.handlers); err != nil {
		t.Fatal(err)
	}
	served.ways, served.client, served.address = waysTo(t, served.registry)
	return served
}

func (s *peopleServer) decisions() []event.Decision {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	return slices.Clone(s.events.decisions)
}

// The order of the steps before the handler: what is named comes after who calls and whether
// they may, and before the handler, by each way in. Events name the field and the step, and
// not what the caller wrote.
func TestOrderOfNames(t *testing.T) {
	t.Parallel()
	served := servePeople(t)
	for name, client := range served.ways {
		for _, test := range []struct {
			as, order string
			code      connect.Code
			stage     event.Stage
			told      string
			reason    string
		}{
			{"", "ghost", connect.CodeUnauthenticated, event.StageAuthenticate, "", ""},
			{"", "email", connect.CodeUnauthenticated, event.StageAuthenticate, "", ""},
			{"stranger", "ghost", connect.CodePermissionDenied, event.StageAuthorize, "not allowed", ""},
			{"stranger", "email", connect.CodePermissionDenied, event.StageAuthorize, "not allowed", ""},
			{"ann", "ghost", connect.CodeInvalidArgument, event.StageName, "names no field of test.names.v1.Person", "cannot be read"},
			{"ann", "name, email desc", connect.CodePermissionDenied, event.StageName, "order_by may not name email", "order_by names test.names.v1.Person.email, which its caller may not read"},
			{"ann", "manager.email", connect.CodePermissionDenied, event.StageName, "order_by may not name manager.email", "test.names.v1.Person.email"},
			{"ann", strings.Repeat("x", 100_000), connect.CodeInvalidArgument, event.StageName, "names no field", "cannot be read"},
			{"ann", "name desc, address.city", 0, event.StageHandle, "", ""},
			{"auditor", "email", 0, event.StageHandle, "", ""},
		} {
			ran, seen := served.handlers.ran.Load(), len(served.decisions())
			err := client.CallUnary(asNoteCaller(t, test.as), connect.Spec{Procedure: personService + "List"}, &namesv1.ListRequest{OrderBy: test.order}, &namesv1.ListResponse{})
			of := name + ", " + test.as + " orders by " + test.order[:min(20, len(test.order))]
			if err == nil && test.code != 0 || err != nil && connect.CodeOf(err) != test.code {
				t.Errorf("%s: got %v, want %v", of, err, test.code)
			}
			if err != nil && (!strings.Contains(err.Error(), test.told) || len(err.Error()) > 300 || strings.Contains(err.Error(), "Person.email")) {
				t.Errorf("%s: the caller is told %v", of, err)
			}
			if got := served.handlers.ran.Load() - ran; (got == 1) != (test.code == 0) {
				t.Errorf("%s: the handler ran %d times", of, got)
			}
			decided := served.decisions()[seen:]
			if len(decided) != 1 || decided[0].Stage != test.stage || !strings.Contains(decided[0].Reason, test.reason) || len(decided[0].Reason) > 300 {
				t.Errorf("%s: decided %+v, want it at %s", of, decided, test.stage)
			}
			if test.stage == event.StageName && decided[0].Err != nil {
				t.Errorf("%s: it is a fault: %v", of, decided[0].Err)
			}
		}
	}
}

// Each field that holds names is looked at, in each form and wherever its message stands.
func TestNamesOverTheWire(t *testing.T) {
	t.Parallel()
	served := servePeople(t)
	page := must(anypb.New(&namesv1.Page{SortBy: "email"}))
	for name, test := range map[string]struct {
		request *namesv1.ListRequest
		code    connect.Code
	}{
		"nothing":               {&namesv1.ListRequest{}, 0},
		"a group":               {&namesv1.ListRequest{GroupBy: []string{"name", "pay.currency"}}, connect.CodePermissionDenied},
		"an open group":         {&namesv1.ListRequest{GroupBy: []string{"name", "address.city"}}, 0},
		"a mask":                {&namesv1.ListRequest{ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"name", "phone"}}}, connect.CodePermissionDenied},
		"a mask of more":        {&namesv1.ListRequest{ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"manager", "homes"}}}, 0}, // protojson has no "*"
		"a mask of one's email": {&namesv1.ListRequest{ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"email"}}}, 0},
		"a page":                {&namesv1.ListRequest{Page: &namesv1.Page{SortBy: "address.street"}}, connect.CodePermissionDenied},
		"a page in a map":       {&namesv1.ListRequest{Pages: map[string]*namesv1.Page{"a": {SortBy: "email"}}}, connect.CodePermissionDenied},
		"a packed page":         {&namesv1.ListRequest{More: page}, connect.CodePermissionDenied},
		"a harmless filter":     {&namesv1.ListRequest{Filter: "email > 'a'"}, 0},
	} {
		for way, client := range served.ways {
			for _, method := range []string{"List", "Find"} {
				response := &namesv1.ListResponse{}
				err := client.CallUnary(asNoteCaller(t, "ann"), connect.Spec{Procedure: personService + method}, test.request, response)
				if err == nil && test.code != 0 || err != nil && connect.CodeOf(err) != test.code {
					t.Errorf("%s of %s by %s: got %v, want %v", name, method, way, err, test.code)
				}
			}
		}
		decision := served.registry.May(t.Context(), authn.NewPrincipal("ann", authn.Details{Unscoped: true, Scheme: "session"}),
			action.Question{Procedure: personService + "List", Request: test.request})
		if decision.Code != test.code || (decision.Outcome == event.Allow) != (test.code == 0) {
			t.Errorf("%s: May says %+v, want %v", name, decision, test.code)
		}
	}
}

// A GET is no way around, and names in JSON are those of the .proto.
func TestNamesOfGet(t *testing.T) {
	t.Parallel()
	served := servePeople(t)
	for message, code := range map[string]string{
		`{"orderBy":"name desc"}`:                     "",
		`{"orderBy":"email"}`:                         "permission_denied",
		`{"order_by":"email"}`:                        "permission_denied",
		`{"orderBy":"Email"}`:                         "invalid_argument",
		`{"readMask":"name,email"}`:                   "",
		`{"readMask":"address.street"}`:               "permission_denied",
		`{"groupBy":["name\u0000"]}`:                  "invalid_argument",
		`{"pages":{"x":{"sortBy":"address.street"}}}`: "permission_denied",
	} {
		address := served.address + personService + "Find?connect=v1&encoding=json&message=" + url.QueryEscape(message)
		request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody))
		request.Header.Set("Authorization", "ann")
		response, err := served.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Code string `json:"code"`
		}
		err = json.NewDecoder(response.Body).Decode(&got)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got.Code != code || (response.StatusCode == http.StatusOK) != (code == "") {
			t.Errorf("%s: %d %q, want %q", message, response.StatusCode, got.Code, code)
		}
	}
}

// Each message of a stream is looked at by itself, whenever the stream is authorized, and for
// the caller as the last recheck found them.
func TestNamesOfStreams(t *testing.T) {
	t.Parallel()
	for method, kind := range map[string]connect.StreamType{"Collect": connect.StreamTypeClient, "Ask": connect.StreamTypeBidi, "Chat": connect.StreamTypeBidi} {
		for _, way := range []string{"connect", "grpc", "grpc-web", "in-process"} {
			for name, test := range map[string]struct {
				as, first, second string
				lost              bool
				heard             int
				code              connect.Code
			}{
				"open names":           {"ann", "name", "id", false, 2, 0},
				"the first message":    {"ann", "email", "id", false, 0, connect.CodePermissionDenied},
				"the second message":   {"ann", "name", "email", false, 1, connect.CodePermissionDenied},
				"a name that is not":   {"ann", "name", "ghost", false, 1, connect.CodeInvalidArgument},
				"the role is kept":     {"auditor", "email", "email", false, 2, 0},
				"the role is lost":     {"auditor", "email", "email", true, 1, connect.CodePermissionDenied},
				"it is, and not asked": {"auditor", "email", "name", true, 2, 0},
			} {
				t.Run(method+" by "+way+", "+name, func(t *testing.T) {
					t.Parallel()
					served := servePeople(t)
					send, receive, finish := served.stream(t, way, method, kind, test.as)
					_ = send(&namesv1.ListRequest{OrderBy: test.first}) // where it is refused, the answer says so
					heard := 0
					if test.heard > 0 {
						if got := <-served.handlers.heard; got != test.first {
							t.Errorf("the handler got %q first", got)
						}
						heard++
						if kind == connect.StreamTypeBidi {
							if err := receive(); err != nil {
								t.Errorf("the first message is answered %v", err)
							}
						}
						if served.lost.Store(test.lost); test.lost {
							served.registry.Recheck(test.as)
						}
						_ = send(&namesv1.ListRequest{OrderBy: test.second})
					}
					_ = finish()
					var err error
					for err == nil {
						if err = receive(); err == nil && kind == connect.StreamTypeClient {
							break
						}
					}
					if errors.Is(err, io.EOF) {
						err = nil
					}
					if err == nil && test.code != 0 || err != nil && connect.CodeOf(err) != test.code {
						t.Errorf("got %v, want %v", err, test.code)
					}
					if heard += len(served.handlers.heard); heard != test.heard {
						t.Errorf("the handler got %d messages, want %d", heard, test.heard)
					}
				})
			}
		}
	}
}

// stream opens a stream of requests.
func (s *peopleServer) stream(t *testing.T, way, method string, kind connect.StreamType, as string) (send func(proto.Message) error, receive, finish func() error) {
	t.Helper()
	stream := must(s.ways[way].CallClientStream(asNoteCaller(t, as), connect.Spec{Procedure: personService + method, StreamType: kind}))
	t.Cleanup(func() { _ = stream.Close() })
	response := func() proto.Message { return &namesv1.Person{} }
	if kind == connect.StreamTypeClient {
		response = func() proto.Message { return &namesv1.ListResponse{} }
	}
	return func(m proto.Message) error { return stream.Send(m) }, func() error { return stream.Receive(response()) }, stream.CloseSend
}

// The one request of a stream that is authorized as it opens is looked at before the handler.
func TestNamesOfServerStreams(t *testing.T) {
	t.Parallel()
	served := servePeople(t)
	for way, client := range served.ways {
		for order, code := range map[string]connect.Code{"name": 0, "email": connect.CodePermissionDenied, "ghost": connect.CodeInvalidArgument} {
			ran := served.handlers.ran.Load()
			stream, err := client.CallServerStream(asNoteCaller(t, "ann"), connect.Spec{Procedure: personService + "Watch", StreamType: connect.StreamTypeServer}, &namesv1.ListRequest{OrderBy: order})
			if err == nil {
				err = stream.Receive(&namesv1.Person{})
				_ = stream.Close()
			}
			if err == nil && code != 0 || err != nil && connect.CodeOf(err) != code {
				t.Errorf("%s by %s: got %v, want %v", order, way, err, code)
			}
			if got := served.handlers.ran.Load() - ran; (got == 1) != (code == 0) {
				t.Errorf("%s by %s: the handler ran %d times", order, way, got)
			}
		}
	}
}
