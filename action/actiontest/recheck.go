package actiontest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

const (
	// hanging is how long an authenticator takes that does not answer.
	hanging = time.Hour
	// aWhile is how long one takes that is late.
	aWhile = time.Second
	// lookingTimes out: how long a recheck may take, as action.Registry.Recheck says.
	lookingTimesOut = 15 * time.Second
)

// A change is what a call presents from a recheck on, and how long its handler waits for that.
type change struct {
	tokens []string
	hold   time.Duration
}

// begin notes that an attempt is made by the call with an id, and returns what it presents.
func (tr *trial) begin(id string, call *planned) []string {
	present := func(a *attempt) []string {
		tokens := make([]string, len(a.credentials))
		for i, credential := range a.credentials {
			tokens[i] = tr.wallet.present(credential)
		}
		return tokens
	}
	tokens := present(&call.attempt)
	var later []change
	for a := &call.attempt; a.later != nil; a = a.later {
		later = append(later, change{present(a.later), call.judge.hold(a)})
	}
	tr.note(id, func(n *notes) { n.attempt, n.tokens, n.later = &call.attempt, tokens, later })
	return tokens
}

// current is what a call is like now, or nil where there is none with the id.
func (tr *trial) current(id string) *attempt {
	var now *attempt
	tr.note(id, func(n *notes) { now = n.attempt })
	return now
}

// presented are the credentials that a call presents now.
func (tr *trial) presented(header *connect.Header) []string {
	var presented []string
	tr.note(header.Get(callHeader), func(n *notes) { presented = n.tokens })
	return presented
}

// live is what a handler does that has received so many messages: where its call is to
// change then, it waits until the stream was rechecked or has ended.
func (tr *trial) live(ctx context.Context, received int) {
	for {
		var hold time.Duration
		var revoked string
		tr.note(idOf(ctx), func(n *notes) {
			if n.attempt == nil || n.attempt.later == nil || n.attempt.after != received {
				return
			}
			if n.attempt.revoked {
				revoked = n.attempt.credentials[0].holder.id
			}
			n.attempt, n.tokens, hold, n.later = n.attempt.later, n.later[0].tokens, n.later[0].hold, n.later[1:]
		})
		if hold == 0 {
			return
		}
		if revoked != "" {
			tr.registry.Recheck(revoked)
		}
		select {
		case <-ctx.Done():
		case <-time.After(hold):
		}
	}
}

// hold is how long the handler of a call waits for a recheck.
func (j *judge) hold(a *attempt) time.Duration {
	hold := j.interval
	for _, credential := range a.credentials {
		if expires := credential.holder.details.ExpiresAt; !expires.IsZero() {
			hold = min(hold, max(0, expires.Sub(a.now)))
		}
	}
	if a.revoked {
		hold = 0
	}
	if slices.ContainsFunc(a.later.credentials, func(c credential) bool { return c.fault == hangs }) {
		hold += lookingTimesOut
	}
	return hold + time.Millisecond
}

// last makes the calls of one action that wait for a recheck, in process and in time that
// passes by itself, and returns what is wrong with what came of them.
func (tr *trial) last(t *testing.T, judge *judge, ways []way, spec connect.Spec, calls []planned) (problems []string) {
	t.Helper()
	within := slices.IndexFunc(ways, func(w way) bool { return w.name == inProcess })
	lasting := slices.DeleteFunc(slices.Clone(calls), func(call planned) bool { return call.later == nil })
	if within < 0 || len(lasting) == 0 {
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		defer tr.since.Store(nil)
		for _, call := range lasting {
			call.judge = judge
			now := time.Now()
			tr.now.Store(&call.now)
			tr.since.Store(&now)
			if problem := tr.make(t.Context(), ways[within], spec, call); problem != "" {
				problems = append(problems, fmt.Sprintf("%s: %s", call.name, problem))
			}
		}
		time.Sleep(2 * hanging) // for those who hang
	})
	return problems
}

// rechecks are streams whose caller, or what they are about, changes before the recheck.
func (p *plan) rechecks(base attempt) {
	if p.judge.interval == 0 || p.declaration.Anonymous() {
		return
	}
	p.rechecked(base, "with nothing changed", func(*attempt) {})
	held := func(difference string, change func(*holder)) {
		p.rechecked(base, difference, func(a *attempt) { a.credentials[0].holder = a.credentials[0].holder.but(change) })
	}
	held("naming another principal", func(h *holder) { h.id = "another-principal" })
	held("without roles", func(h *holder) { h.details.Roles = nil })
	held("without scopes", func(h *holder) { h.details.Scopes = nil })
	held("without claims", func(h *holder) { h.details.Claims = nil })
	held("without roles, scopes and claims", func(h *holder) {
		h.details.Roles, h.details.Scopes, h.details.Claims = nil, nil, nil
	})
	held("by a scoped credential without scopes", func(h *holder) { h.details.Unscoped, h.details.Scopes = false, nil })
	good := base.credentials[0]
	revoked := base.but("", func(a *attempt) { a.credentials = nil })
	p.add(base.but("whose credential is revoked", func(a *attempt) { a.later, a.revoked = &revoked, true }))
	first := base.but("", func(a *attempt) { a.later = &revoked })
	p.add(base.but("and at the second recheck without a credential", func(a *attempt) { a.later = &first }))
	p.rechecked(base, "without a credential", func(a *attempt) { a.credentials = nil })
	for _, bad := range append(p.badCredentials(good, good.scheme, base.now), badCredential{
		"an authenticator that hangs", credential{scheme: good.scheme, holder: good.holder, fault: hangs},
	}) {
		p.rechecked(base, "by "+bad.name, func(a *attempt) { a.credentials[0] = bad.credential })
	}
	if p.declaration.Method.IsStreamingClient() && len(base.requests) == 1 {
		// What comes meanwhile waits.
		looking := base.but("", func(a *attempt) { a.credentials[0] = credential{scheme: good.scheme, holder: good.holder, fault: late} })
		p.add(base.but("with a third message while the recheck is under way, which keeps the caller out", func(a *attempt) {
			a.requests = []proto.Message{a.requests[0], a.requests[0], a.requests[0]}
			a.later, a.after = &looking, 2
		}))
		found := base.but("", func(a *attempt) { a.credentials[0] = credential{scheme: good.scheme, holder: good.holder, fault: slow} })
		p.add(base.but("with a third message while the recheck is under way, which lets the caller in", func(a *attempt) {
			a.requests = []proto.Message{a.requests[0], a.requests[0], a.requests[0]}
			a.later, a.after = &found, 2
		}))
	}
	// An expiry is known from the beginning, and no change.
	half := base.now.Add(p.judge.interval / 2)
	p.rechecked(base.held("by a credential that expires", func(h *holder) { h.details.ExpiresAt = half }), "with nothing changed", func(*attempt) {})
	for _, check := range p.declaration.Asked() {
		p.rechecked(base, "and "+declare.AskedText(check)+" says otherwise", func(a *attempt) {
			if a.answers == nil {
				a.answers = map[string]bool{}
			}
			a.answers[check] = !a.answers[check]
		})
	}
	p.rechecksAsked(base)
	p.recheckedAbout(base)
}

// recheckedAbout are streams whose object changes, cannot be loaded, or is gone.
func (p *plan) recheckedAbout(base attempt) {
	about := p.declaration.Resource
	if about == nil || len(base.requests) == 0 {
		return
	}
	key, ok := p.judge.keyOf(base.requests[0])
	if !ok {
		return
	}
	others := slices.DeleteFunc(slices.Clone(p.objects), func(one given) bool {
		return one.key == key && one.object.ProtoReflect().Descriptor().FullName() == about.Type.FullName()
	})
	p.rechecked(base, "and the object is gone", func(a *attempt) { a.objects = others })
	p.rechecked(base, "and the object is empty", func(a *attempt) {
		a.objects = append(slices.Clone(others), given{key, emptyOf(p.objects.find(about.Type.FullName(), key))})
	})
	for _, other := range others.of(about.Type.FullName()) {
		p.rechecked(base, fmt.Sprintf("and the object has become like %v", other.key), func(a *attempt) {
			a.objects = append(slices.Clone(others), given{key, other.object})
		})
	}
	if name, isText := key.(string); isText && p.declaration.Method.IsStreamingClient() {
		// A recheck is about the message that was decided on last.
		kind := about.Type.FullName()
		copied := name + "-copied"
		both := append(slices.Clone(p.objects), given{copied, p.objects.find(kind, key)})
		p.add(base.but("about two, of which one is gone at the recheck", func(a *attempt) {
			a.requests = append(slices.Clone(a.requests), withKey(a.requests, about, protoreflect.ValueOf(copied))[0])
			later := base
			a.objects, later.objects = both, p.objects
			a.later, a.after = &later, 2
		}))
	}
	for fault := loadsIt + 1; fault < loadFaultsN; fault++ {
		p.rechecked(base, "and the loader "+loadFaultNames[fault], func(a *attempt) { a.load = fault })
	}
}

// emptyOf is a message of the same type with nothing set.
func emptyOf(message proto.Message) proto.Message {
	return message.ProtoReflect().New().Interface()
}

// rechecked plans an attempt that changes before the recheck: as soon as the handler runs
// and, on a stream of requests, when it has received two messages.
func (p *plan) rechecked(base attempt, difference string, change func(*attempt)) {
	later := base.but("", change)
	p.add(base.but("and at the recheck "+difference, func(a *attempt) { a.later = &later }))
	if p.declaration.Method.IsStreamingClient() && len(base.requests) == 1 {
		p.add(base.but("and at the recheck after two messages "+difference, func(a *attempt) {
			a.requests = []proto.Message{a.requests[0], a.requests[0]}
			a.later, a.after = &later, 2
		}))
	}
}
