package action_test

import (
	"slices"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// TestOrder sends to every action, every way in, a request that every step would
// refuse, and then mends it step by step. The answer is always that of the first
// step that refuses, and no later one has run.
func TestOrder(t *testing.T) {
	t.Parallel()
	house := newHouse(t)
	for _, described := range house.registry.Actions() {
		house.alone(t, methodName(described.Procedure), func(t *testing.T) {
			rungs := ladder(described)
			house.through(t, described.Procedure, func(t *testing.T, way way) {
				for i := range rungs {
					climb(t, house, way, described.Procedure, rungs, i)
				}
				climb(t, house, way, described.Procedure, rungs, len(rungs))
			})
		})
	}
}

// A rung is a step of the gate, with what the caller is answered when it refuses.
type rung struct {
	stage action.Stage
	code  connect.Code
	event string // what the step notes when it has run, if anything
}

var (
	atDecode       = rung{stage: action.StageDecode, code: connect.CodeInvalidArgument}
	atValidate     = rung{stage: action.StageValidate, code: connect.CodeInvalidArgument}
	atAuthenticate = rung{stage: action.StageAuthenticate, code: connect.CodeUnauthenticated, event: "ask session"}
	atAuthorize    = rung{stage: action.StageAuthorize, code: connect.CodePermissionDenied}
)

// ladder returns the steps of an action that can refuse, in the order in which they
// must run.
func ladder(described action.Action) []rung {
	permit := []rung{}
	if len(described.Schemes) > 0 {
		permit = append(permit, atAuthenticate)
	}
	if described.Who != "anyone" {
		refuses := atAuthorize
		if described.Method.Name() == "Concealed" {
			refuses.code = connect.CodeNotFound
		}
		permit = append(permit, refuses)
	}
	if isOpen(described.Method) {
		if described.Method.IsStreamingClient() {
			return permit // messages are read after the handler has started
		}
		return append(permit, atDecode, atValidate)
	}
	return append([]rung{atDecode, atValidate}, permit...)
}

// isOpen reports whether a stream is authorized before any message, which the names
// of the test services tell.
func isOpen(method protoreflect.MethodDescriptor) bool {
	return slices.Contains([]protoreflect.Name{
		"WatchOpen", "WatchPublicOpen", "CollectOpen", "CollectPublicOpen", "ChatOpen", "ChatPublicOpen",
	}, method.Name())
}

// climb makes the call for which all rungs from the given one on refuse.
func climb(t *testing.T, house *house, way way, procedure string, rungs []rung, from int) {
	t.Helper()
	refuses := func(stage action.Stage) bool {
		return slices.ContainsFunc(rungs[from:], func(r rung) bool { return r.stage == stage })
	}
	// alice!, in three tags, is what Costly looks for.
	request := &testv1.Request{Owner: "alice", Tags: []string{"al", "ice", "!"}, Secret: planted}
	authorization := as("session", "alice")
	if refuses(action.StageValidate) {
		request.First = 101
	}
	if refuses(action.StageAuthorize) {
		authorization = as("session", "nobody")
	}
	if refuses(action.StageAuthenticate) {
		authorization = as("session", "whoever")
	}
	var message any = request
	if refuses(action.StageDecode) {
		message = raw("\x0a\xff" + planted)
	}
	got := house.ask(t.Context(), way, procedure, authorization, message)

	var want []string
	for i, rung := range rungs[:min(from+1, len(rungs))] {
		if rung.event != "" {
			want = append(want, rung.event)
		}
		if rung.stage == action.StageAuthenticate && i < from && methodName(procedure) == "Either" {
			want = append(want, "ask bearer") // a second credential would have to be good as well
		}
	}
	if from < len(rungs) {
		want = append(want, "deny at "+rungs[from].stage.String())
		house.expect(t, want...)
		if connect.CodeOf(got.err) != rungs[from].code || got.err == nil {
			t.Errorf("refused at %s: got %v, want %s", rungs[from].stage, got.err, rungs[from].code)
		}
		return
	}
	if methodName(procedure) == "Checked" {
		want = append(want, "check")
	}
	want = append(want, "allow at handle", "handle")
	if house.specs[procedure].StreamType&connect.StreamTypeClient != 0 {
		want = append(want, "receive alice")
	}
	house.expect(t, want...)
	if got.err != nil {
		t.Errorf("refused by nobody: got %v", got.err)
	}
}
