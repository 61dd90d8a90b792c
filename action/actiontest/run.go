package actiontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

const (
	// atOnce is how many calls of a trial are under way at a time.
	atOnce = 8
	// patience is how long a call may take.
	patience = 30 * time.Second
	// mostProblems is how many problems of one action are listed.
	mostProblems = 20
)

// A planned call is an attempt with what must come of it.
type planned struct {
	attempt

	want  verdict
	judge *judge // of a call that waits for a recheck
}

// run makes calls of one action that do not wait for a recheck, each by every way in, and returns what is wrong with what
// came of them.
func (tr *trial) run(ctx context.Context, ways []way, spec connect.Spec, calls []planned) []string {
	at := map[time.Time][]planned{}
	for _, call := range calls {
		if call.later == nil {
			at[call.now] = append(at[call.now], call)
		}
	}
	problems := make([]string, 0, len(at))
	for _, now := range slices.SortedFunc(maps.Keys(at), time.Time.Compare) {
		tr.now.Store(&now)
		problems = append(problems, tr.runAll(ctx, ways, spec, at[now])...)
	}
	return problems
}

// runAll makes calls that come at one time.
func (tr *trial) runAll(ctx context.Context, ways []way, spec connect.Spec, calls []planned) []string {
	type one struct {
		planned

		by way
	}
	queue := make(chan one)
	var mu sync.Mutex
	var problems []string
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for next := range queue {
				if problem := tr.makeInTime(ctx, next.by, spec, next.planned); problem != "" {
					mu.Lock()
					problems = append(problems, fmt.Sprintf("%s, by %s: %s", next.name, next.by.name, problem))
					mu.Unlock()
				}
			}
		})
	}
	for _, call := range calls {
		for _, way := range ways {
			if way.serves(spec) && way.sends(call) {
				queue <- one{call, way}
			}
		}
	}
	close(queue)
	workers.Wait()
	slices.Sort(problems)
	return problems
}

// makeInTime makes one call within patience.
func (tr *trial) makeInTime(ctx context.Context, way way, spec connect.Spec, call planned) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return tr.make(ctx, way, spec, call)
}

// make makes one call, and says what is wrong with what came of it, or "".
func (tr *trial) make(ctx context.Context, way way, spec connect.Spec, call planned) string {
	ctx, info := connect.NewClientContext(ctx)
	id := fmt.Sprintf("actiontest-%d", tr.calls.Add(1))
	info.RequestHeader().Set(callHeader, id)
	for _, token := range tr.begin(id, &call) {
		info.RequestHeader().Add(credentialHeader, token)
	}
	if call.uncounted != 0 {
		info.RequestHeader().Set(uncountedHeader, call.uncounted.String())
	}
	if call.full != 0 {
		info.RequestHeader().Set(fullHeader, call.full.String())
	}
	responses, err := exchange(ctx, way.client, spec, call.requests, call.malformed)
	return call.want.differs(responses, err, tr.take(id))
}

// exchange makes a call with some messages and returns what it is answered, and with which
// error. One message is malformed, from 1 on; 0 is none.
func exchange(ctx context.Context, client *connect.Client, spec connect.Spec, requests []proto.Message, malformed int) (responses []proto.Message, err error) {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, connect.Errorf(connect.CodeInternal, "%s has no descriptor", spec.Procedure)
	}
	response := dynamicpb.NewMessage(method.Output())
	sent := func(i int) any {
		if i+1 == malformed {
			return spoiled{requests[i]}
		}
		return requests[i]
	}
	if spec.StreamType == connect.StreamTypeUnary {
		return []proto.Message{response}, client.CallUnary(ctx, spec, sent(0), response)
	}
	stream, err := client.CallClientStream(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for i := range requests {
		// io.EOF says that the server has answered already; receiving returns the answer.
		if err := stream.Send(sent(i)); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for {
		if err := stream.Receive(response); errors.Is(err, io.EOF) {
			return responses, nil
		} else if err != nil {
			return responses, err
		}
		responses = append(responses, response)
		response = dynamicpb.NewMessage(method.Output())
	}
}

// differs says how what came of a call differs from what must, or "".
func (v verdict) differs(responses []proto.Message, err error, got notes) string {
	var problems []string
	if v.response != nil && err == nil && (len(responses) != 1 || !proto.Equal(v.response, sameType(v.response, responses[0]))) {
		problems = append(problems, fmt.Sprintf("the caller was answered %v, want %v", responses, v.response))
	}
	if code := codeOf(err); code != v.code {
		text := fmt.Sprintf("answered %s, want %s", outcome(code), outcome(v.code))
		if err != nil {
			text += fmt.Sprintf(" (%v)", err)
		}
		problems = append(problems, text)
	}
	switch {
	case got.ran > 0 && !v.ran:
		problems = append(problems, "the handler ran")
	case got.ran != 1 && v.ran:
		problems = append(problems, fmt.Sprintf("the handler ran %d times, want once", got.ran))
	}
	problems = append(problems, got.faults...)
	if v.handed != nil && got.ran == 1 {
		problems = append(problems, differs(*v.handed, got.handed)...)
	}
	if len(got.received) != v.received {
		problems = append(problems, fmt.Sprintf("the handler received %d messages, want %d", len(got.received), v.received))
	}
	for i, left := range v.left[:min(len(v.left), len(got.received))] {
		if !proto.Equal(left, sameType(left, got.received[i])) {
			problems = append(problems, fmt.Sprintf("the handler received %v as message %d, want %v", got.received[i], i+1, left))
		}
	}
	if !slices.ContainsFunc(got.events, v.isIn) {
		problems = append(problems, "no event says so: "+v.listed(got.events))
	}
	return strings.Join(problems, "; ")
}

// differs says how what a handler had of its call differs from what it must have.
func differs(want, got unguarded.Handed) (problems []string) {
	if want, got := describe(want.Principal), describe(got.Principal); want != got {
		problems = append(problems, fmt.Sprintf("the handler's caller is %s, want %s", got, want))
	}
	for what, of := range map[string]struct{ want, got proto.Message }{"request": {want.Request, got.Request}, "resource": {want.Resource, got.Resource}} {
		same := of.want == nil && of.got == nil || of.want != nil && of.got != nil && proto.Equal(of.want, sameType(of.want, of.got))
		if !same {
			problems = append(problems, fmt.Sprintf("the handler had the %s %v, want %v", what, of.got, of.want))
		}
	}
	return problems
}

// describe is who a principal is and what it may do.
func describe(of *authn.Principal) string {
	if of == nil {
		return "no one"
	}
	roles, scopes := of.Roles(), of.Scopes()
	slices.Sort(roles)
	slices.Sort(scopes)
	return fmt.Sprintf("%q by %s with roles %q and scopes %q", of.ID(), of.Scheme(), roles, scopes)
}

// sameType is a message as one of the Go type of another, or nil where it is none.
func sameType(of, message proto.Message) proto.Message {
	wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(message)
	made := of.ProtoReflect().New().Interface()
	if err != nil || (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(wire, made) != nil {
		return nil
	}
	return made
}

// isIn reports whether an event says what must come of a call.
func (v verdict) isIn(of *event.Event) bool {
	if v.code == Allowed {
		return of.Kind == v.kind && of.Outcome == event.Allow && of.Grant == v.grant
	}
	return of.Kind == v.kind && of.Outcome == event.Deny && of.Stage == v.stage && of.Code == v.code
}

func (v verdict) listed(events []*event.Event) string {
	said := make([]string, 0, len(events))
	for _, of := range events {
		text := fmt.Sprintf("%s %s at %s", of.Kind, of.Outcome, of.Stage)
		if of.Outcome == event.Deny {
			text += " with " + of.Code.String()
		} else {
			text += " by " + of.Grant
		}
		said = append(said, text)
	}
	want := fmt.Sprintf("want %s deny at %s", v.kind, v.stage)
	if v.code == Allowed {
		want = fmt.Sprintf("want %s allow by %s", v.kind, v.grant)
	}
	return fmt.Sprintf("recorded %v, %s", said, want)
}

// report fails the test for problems of one action.
func report(t *testing.T, problems []string) {
	t.Helper()
	for i, problem := range problems {
		if i == mostProblems {
			t.Errorf("and %d more", len(problems)-i)
			return
		}
		t.Error(problem)
	}
}
