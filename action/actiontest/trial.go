package actiontest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/internal/validation"
	"github.com/sallyport-rpc/sallyport/limit"
)

// An Option changes what [Denials] and [Allows] call an action with.
type Option interface{ apply(*trial) }

type trialOption func(*trial)

func (o trialOption) apply(tr *trial) { o(tr) }

// WithSample gives a request of an action for which none can be made from its validation
// rules, and principals to make it. One that breaks validation rules is taken as the sample
// of a request that breaks them. Without principals some are tried: those with every role,
// and with the ids that the request holds. By default there are no samples.
func WithSample(procedure string, request proto.Message, principals ...*authn.Principal) Option {
	return trialOption(func(tr *trial) {
		tr.samples[procedure] = append(tr.samples[procedure], sample{request, principals})
	})
}

// WithSchemes names schemes that no linked .proto names, such as those that only a
// declaration of the program does. By default there are none of those.
func WithSchemes(names ...string) Option {
	return trialOption(func(tr *trial) { tr.named = append(tr.named, names...) })
}

type sample struct {
	request    proto.Message
	principals []*authn.Principal
}

// A trial calls the actions of a registry, each through its gate, without its handler.
type trial struct {
	samples map[string][]sample
	named   []string        // schemes
	objects objects         // that actions are about
	items   []proto.Message // that actions answer with

	declarations []*declare.Declaration
	methods      []connect.Method
	validators   *validation.Validators
	wallet       *wallet
	roles        []string
	scopes       []string
	schemes      []string
	breakers     map[protoreflect.FullName]*breaker // by the type of the request

	intervals map[string]time.Duration // between rechecks, by procedure

	registry *action.Registry
	now      atomic.Pointer[time.Time]
	since    atomic.Pointer[time.Time] // from when time passes; nil where it does not
	calls    atomic.Int64
	mu       sync.Mutex
	notes    map[string]*notes // by call
}

// notes are what happened to one call.
type notes struct {
	attempt *attempt // what the call is like now; nil of none that the trial makes
	// tokens are the credentials that it presents now, and later those after each change,
	// with how long the handler waits then.
	tokens       []string
	later        []change
	loads, asked int
	ran          int
	handed       unguarded.Handed // to the handler
	received     []proto.Message  // of a stream of requests, by the handler
	faults       []string         // of the gate, in what it asked and counted
	events       []*event.Event
}

// newTrial makes a registry and takes its handlers, checks, recorder and limiter away.
func newTrial(t *testing.T, registryOf func(authn.Schemes) *action.Registry, options []Option) *trial {
	t.Helper()
	tr := &trial{
		samples: map[string][]sample{}, notes: map[string]*notes{}, validators: validation.New(),
		breakers: map[protoreflect.FullName]*breaker{}, intervals: map[string]time.Duration{}, wallet: &wallet{issued: map[string]authentication{}},
	}
	for _, option := range options {
		if option == nil {
			t.Fatal("actiontest: an option is nil")
		}
		option.apply(tr)
	}
	if registryOf == nil {
		t.Fatal("actiontest: there is no function that makes the registry")
	}
	schemes := authn.Schemes{}
	tr.schemes = append(linkedSchemes(), tr.named...)
	for _, name := range tr.schemes {
		schemes[name] = trialScheme{tr, name}
	}
	registry := registryOf(schemes)
	behind := action.Unguarded(permit(t))
	methods, err := behind.Rehearse(registry, (*trialRecorder)(tr), (*trialLimiter)(tr), tr.time, unguarded.Rehearsal{
		Ran: func(ctx context.Context, with unguarded.Handed) {
			tr.note(idOf(ctx), func(n *notes) {
				n.ran++
				n.handed = with
			})
			tr.live(ctx, 0)
		},
		Received: func(ctx context.Context, request proto.Message) {
			var received int
			tr.note(idOf(ctx), func(n *notes) {
				n.received = append(n.received, request)
				received = len(n.received)
			})
			tr.live(ctx, received)
		},
		Answer: tr.answer, Respond: tr.respond,
		Load: func(ctx context.Context, of protoreflect.MessageDescriptor, key protoreflect.Value) (proto.Message, error) {
			return tr.load(idOf(ctx), of, key)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(methods) == 0 {
		t.Fatal("the registry has no actions: register a service before it is returned")
	}
	if tr.declarations, err = behind.Declarations(registry); err != nil {
		t.Fatal(err)
	}
	report(t, tr.misgiven())
	tr.methods, tr.registry = methods, registry
	for _, one := range registry.Actions() {
		tr.intervals[one.Procedure] = one.Recheck
	}
	tr.roles, tr.scopes = namesOf(tr.declarations)
	for procedure := range tr.samples {
		if !slices.ContainsFunc(tr.declarations, func(d *declare.Declaration) bool { return d.Procedure == procedure }) {
			t.Fatalf("actiontest: there is a sample of %s, which is no action of the registry", procedure)
		}
	}
	return tr
}

// linkedSchemes are the schemes that the .proto files of the program name.
func linkedSchemes() []string {
	var names []string
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				declared, _ := proto.GetExtension(methods.Get(j).Options(), sallyportv1.E_Action).(*sallyportv1.Action)
				names = append(names, declared.GetAuthenticate().GetSchemes()...)
			}
		}
		return true
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// namesOf are the roles and scopes that declarations know.
func namesOf(declarations []*declare.Declaration) (roles, scopes []string) {
	for _, declaration := range declarations {
		for role, includes := range declaration.Includes {
			roles = append(append(roles, role), includes...)
		}
		scopes = append(scopes, declaration.CredentialScopes...)
		for _, grant := range declaration.Grants {
			for _, condition := range grant.Conditions {
				if of, ok := condition.(declare.AllScopes); ok {
					scopes = append(scopes, of.Named...)
				}
			}
		}
	}
	slices.Sort(roles)
	slices.Sort(scopes)
	return slices.Compact(roles), slices.Compact(scopes)
}

func (tr *trial) time() time.Time {
	now, since := tr.now.Load(), tr.since.Load()
	switch {
	case now == nil:
		return time.Now()
	case since != nil:
		return now.Add(time.Since(*since))
	default:
		return *now
	}
}

// note changes the notes of a call.
func (tr *trial) note(id string, change func(*notes)) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.notes[id] == nil {
		tr.notes[id] = &notes{}
	}
	change(tr.notes[id])
}

// take returns what happened to a call.
func (tr *trial) take(id string) notes {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	taken := tr.notes[id]
	delete(tr.notes, id)
	if taken == nil {
		return notes{}
	}
	return *taken
}

// idOf is the id that a trial gave to a call.
func idOf(ctx context.Context) string {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return ""
	}
	return call.RequestHeader().Get(callHeader)
}

// A trialRecorder keeps the events of a trial's calls that say what the gate decided.
type trialRecorder trial

// Enabled implements [event.Recorder].
func (*trialRecorder) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

// Record implements [event.Recorder].
func (r *trialRecorder) Record(_ context.Context, of *event.Event) error {
	if of.Kind != event.Ended || of.Outcome == event.Deny {
		(*trial)(r).note(of.RequestID, func(n *notes) { n.events = append(n.events, of) })
	}
	return nil
}

// A trialLimiter has no room for what a call says there is none for, and fails where it says so.
type trialLimiter trial

// Take implements [limit.Limiter].
func (l *trialLimiter) Take(ctx context.Context, buckets []limit.Bucket) (wait time.Duration, over int, err error) {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return 0, 0, nil
	}
	for _, bucket := range buckets {
		(*trial)(l).note(call.RequestHeader().Get(callHeader), func(n *notes) { n.counted(ctx, bucket) })
	}
	full, uncounted := call.RequestHeader().Get(fullHeader), call.RequestHeader().Get(uncountedHeader)
	if slices.ContainsFunc(buckets, func(b limit.Bucket) bool { return b.Limit.Per.String() == uncounted }) {
		return 0, 0, errors.New("the limiter is down")
	}
	over = slices.IndexFunc(buckets, func(b limit.Bucket) bool { return b.Limit.Per.String() == full })
	if over < 0 {
		return 0, 0, nil
	}
	return time.Second, over, nil
}

// counted looks at whose calls a bucket counts.
func (n *notes) counted(ctx context.Context, bucket limit.Bucket) {
	var network netip.Prefix
	var id string
	switch bucket.Limit.Per {
	case limit.Address:
		peer, _ := authn.PeerFrom(ctx)
		network = peer.Network()
	case limit.Principal:
		if n.attempt != nil && len(n.attempt.credentials) > 0 {
			id = n.attempt.credentials[0].holder.id
		}
	case limit.Action:
	}
	if bucket.Network != network || bucket.Principal != id {
		n.faults = append(n.faults, fmt.Sprintf("the limit of each %s counted %q from %v, want %q from %v",
			bucket.Limit.Per, bucket.Principal, bucket.Network, id, network))
	}
}

// sampleAdvice says how to give a request of an action.
func sampleAdvice(declaration *declare.Declaration, which string) string {
	return fmt.Sprintf("pass actiontest.WithSample(%q, …) with a %s %s", declaration.Procedure, declaration.Method.Input().FullName(), which)
}
