package action_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	listsv1 "github.com/sallyport-rpc/sallyport/gen/test/lists/v1"
)

// atElements is the step after the handler that looks at the elements of its answer.
var atElements = gateStep{stage: event.StageHandle, code: connect.CodeInternal}

// The elements of an answer are looked at last, in every shape and way in: what refuses
// before them answers for itself, and the handler, which here answers with what the caller may
// not see, has not run then.
func TestOrderWithElements(t *testing.T) {
	t.Parallel()
	fixture := newListsFixture(t)
	first := []gateStep{atDecode, atValidate, atAuthenticate}
	for method, steps := range map[string][]gateStep{
		"List":   append(slices.Clone(first), atElements),
		"ListOf": append(slices.Clone(first), atAuthorize, atElements),
		"Watch":  append(slices.Clone(first), atElements),
		"Browse": append(slices.Clone(first), atElements),
		// It is open: its handler runs, and receives what cannot be decoded.
		"Collect": {atAuthenticate, atDecode, atValidate, atElements},
	} {
		fixture.alone(t, method, func(t *testing.T) {
			fixture.through(t, lists(method), func(t *testing.T, way way) {
				for from := range len(steps) + 1 {
					fixture.askListRefusedFrom(t, way, method, steps, from)
				}
			})
		})
	}
}

// askListRefusedFrom makes the call for which all steps from the given one on refuse.
func (h *listsFixture) askListRefusedFrom(t *testing.T, way way, method string, steps []gateStep, from int) {
	t.Helper()
	refuses := func(of gateStep) bool {
		return slices.ContainsFunc(steps[from:], func(step gateStep) bool { return step.stage == of.stage })
	}
	h.shelf.docs, h.shelf.total = []*listsv1.Document{{Id: "own", OwnerId: "alice", Folder: "f", ReaderIds: []string{"alice"}}}, 1
	if refuses(atElements) {
		h.shelf.docs = []*listsv1.Document{{Id: "other", OwnerId: "bob", Folder: "f"}}
	}
	as, folder := "alice", "f"
	if refuses(atAuthorize) {
		as = "stranger"
	}
	if refuses(atAuthenticate) {
		as = "unknown"
	}
	if refuses(atValidate) {
		folder = ""
	}
	var message any = &listsv1.ListRequest{Folder: folder}
	if method == "ListOf" {
		message = &listsv1.DocumentRequest{DocumentId: "doc", Folder: folder}
	}
	if refuses(atDecode) {
		message = raw("\x0a\xff" + planted)
	}
	h.take()
	h.takeEvents()
	answers, err := h.answers(t, way, method, as, message)
	// A call that was let in has an event of its end too, and a message that is refused later
	// one of its own.
	recorded, ran := 1, from >= len(steps)-1
	if ran {
		recorded = 2
	} else if method == "Collect" && steps[from] != atAuthenticate {
		recorded, ran = 3, true
	}
	if ran {
		h.await(t, "ended")
	}
	h.take()
	events := h.takeEvents()
	if decided := events[0]; len(events) != recorded || (decided.Outcome == event.Allow) != ran {
		t.Errorf("refused from %d on: %d events, first %s at %s", from, len(events), decided.Outcome, decided.Stage)
	}
	last := events[len(events)-1]
	if from == len(steps) {
		if err != nil || answers == 0 || last.Outcome != event.Allow {
			t.Errorf("refused by no step: got %d answers, %v, and %q", answers, err, last.Reason)
		}
		return
	}
	step := steps[from]
	if connect.CodeOf(err) != step.code || err == nil || answers != 0 {
		t.Errorf("refused at %s: got %d answers and %v, want %s", step.stage, answers, err, step.code)
	}
	if last.Outcome != event.Deny || !ran && last.Stage != step.stage {
		t.Errorf("refused at %s: %s at %s", step.stage, last.Outcome, last.Stage)
	}
	if looked := strings.HasPrefix(last.Reason, "each: the handler returned document"); looked != (step == atElements) {
		t.Errorf("refused at %s: ended as %q", step.stage, last.Reason)
	}
}

// answers makes a call of one message and counts what answers it.
func (h *listsFixture) answers(t *testing.T, way way, method, as string, message any) (answers int, err error) {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", "session "+as)
	spec := h.specs[lists(method)]
	if spec.StreamType == connect.StreamTypeUnary {
		if err := way.client.CallUnary(ctx, spec, message, new(listsv1.ListResponse)); err != nil {
			return 0, err
		}
		return 1, nil
	}
	stream := must(way.client.CallClientStream(ctx, spec))
	defer stream.Close()
	_ = stream.Send(message) // where it is refused, the answer says why
	_ = stream.CloseSend()
	for ; ; answers++ {
		var response proto.Message = new(listsv1.WatchResponse)
		if method == "Collect" {
			response = new(listsv1.ListResponse)
		}
		switch err := stream.Receive(response); {
		case errors.Is(err, io.EOF):
			return answers, nil
		case err != nil:
			return answers, err
		}
	}
}
