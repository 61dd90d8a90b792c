package action_test

import (
	"slices"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// TestOrder sends to every action, every way in, a request that every step would
// refuse, and then fixes it step by step. The answer is always that of the first
// step that refuses, and no later one has run.
func TestOrder(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	for _, described := range fixture.registry.Actions() {
		fixture.alone(t, methodName(described.Procedure), func(t *testing.T) {
			steps := refusingSteps(described)
			fixture.through(t, described.Procedure, func(t *testing.T, way way) {
				for i := range steps {
					askRefusedFrom(t, fixture, way, described.Procedure, steps, i)
				}
				askRefusedFrom(t, fixture, way, described.Procedure, steps, len(steps))
			})
		})
	}
}

// A gateStep is one step of the gate, with what the caller is answered when it refuses.
type gateStep struct {
	stage event.Stage
	code  connect.Code
	event string // what the step notes when it has run, if anything
}

var (
	atDecode       = gateStep{stage: event.StageDecode, code: connect.CodeInvalidArgument}
	atValidate     = gateStep{stage: event.StageValidate, code: connect.CodeInvalidArgument}
	atAuthenticate = gateStep{stage: event.StageAuthenticate, code: connect.CodeUnauthenticated, event: "ask session"}
	atAuthorize    = gateStep{stage: event.StageAuthorize, code: connect.CodePermissionDenied}
)

// refusingSteps returns the steps of an action that can refuse, in the order in which they
// must run.
func refusingSteps(described action.Action) []gateStep {
	permit := []gateStep{}
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
	return append([]gateStep{atDecode, atValidate}, permit...)
}

// isOpen reports whether a stream is authorized before any message, which the names
// of the test services tell.
func isOpen(method protoreflect.MethodDescriptor) bool {
	return slices.Contains([]protoreflect.Name{
		"WatchOpen", "WatchPublicOpen", "CollectOpen", "CollectPublicOpen", "ChatOpen", "ChatPublicOpen",
	}, method.Name())
}

// askRefusedFrom makes the call for which all steps from the given one on refuse.
func askRefusedFrom(t *testing.T, fixture *fixture, way way, procedure string, steps []gateStep, from int) {
	t.Helper()
	refuses := func(stage event.Stage) bool {
		return slices.ContainsFunc(steps[from:], func(r gateStep) bool { return r.stage == stage })
	}
	// alice!, in three tags, is what Costly looks for.
	request := &testv1.Request{Owner: "alice", Tags: []string{"al", "ice", "!"}, Secret: planted}
	authorization := as("session", "alice")
	if refuses(event.StageValidate) {
		request.First = 101
	}
	if refuses(event.StageAuthorize) {
		authorization = as("session", "visitor")
	}
	if refuses(event.StageAuthenticate) {
		authorization = as("session", "unknown")
	}
	var message any = request
	if refuses(event.StageDecode) {
		message = raw("\x0a\xff" + planted)
	}
	got := fixture.ask(t.Context(), way, procedure, authorization, message)

	var want []string
	for i, gateStep := range steps[:min(from+1, len(steps))] {
		if gateStep.event != "" {
			want = append(want, gateStep.event)
		}
		if gateStep.stage == event.StageAuthenticate && i < from && slices.Contains([]string{"Either", "Scoped"}, methodName(procedure)) {
			want = append(want, "ask bearer") // a second credential would have to be good as well
		}
	}
	if from < len(steps) {
		want = append(want, "deny at "+steps[from].stage.String())
		fixture.expect(t, want...)
		if connect.CodeOf(got.err) != steps[from].code || got.err == nil {
			t.Errorf("refused at %s: got %v, want %s", steps[from].stage, got.err, steps[from].code)
		}
		return
	}
	if methodName(procedure) == "Checked" {
		want = append(want, "check")
	}
	want = append(want, "allow at handle", "handle")
	if fixture.specs[procedure].StreamType&connect.StreamTypeClient != 0 {
		want = append(want, "receive alice")
	}
	fixture.expect(t, want...)
	if got.err != nil {
		t.Errorf("refused by no step: got %v", got.err)
	}
}
