package actiontest

import (
	"slices"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
)

// Denials calls every action of a registry in each way that its declaration denies, and
// fails where a call is not denied: without a credential; with each bad one; with the sets
// of roles, scopes and claims that no grant lets in; about the things of others; by scoped
// credentials; authenticated too long ago; over each limit; with a request that breaks
// each validation rule, or cannot be read; about what cannot be loaded; where a check or a
// relation engine fails; writing fields that the caller may not write; answering with elements
// that the caller may not see, and with fields that the caller may not read; and on streams whose
// caller, or what they are about, changes before the recheck. It expects nothing that the declarations do not say, and nothing is
// to be written for it.
//
// The calls are made over real connections, by Connect with binary and with JSON bodies,
// Connect GET where the action has no side effects, gRPC and gRPC-Web, and in process. Of
// each it asserts the code, that the handler did not run or, on a stream that was let in,
// did not receive the message, and that an event says so; of an answer with fields that the
// caller may not read, that they are cleared. Handlers and checks of the
// registry do not run: what a check says is part of the call, and what actions are about is
// given by [WithObject]. What stands in for a handler answers with elements of its own, and
// with those of [WithElement]. Streams that live until their recheck are called in process, on a clock
// of the test's own ([testing/synctest]), so nothing waits.
//
// The function returns a registry that nothing has served, with the schemes that it is
// given and no recorder or limiter of its own: those are replaced. Requests are made from
// the validation rules of the messages. Where one cannot be made the test fails, and says
// what to give to [WithSample].
func Denials(t *testing.T, registryOf func(authn.Schemes) *action.Registry, options ...Option) {
	t.Helper()
	tr := newTrial(t, registryOf, options)
	tr.each(t, func(t *testing.T, p *plan, ways []way, spec connect.Spec) {
		t.Helper()
		calls := slices.DeleteFunc(slices.Clone(p.attempts), func(call planned) bool { return !call.want.denies() })
		report(t, slices.Concat(p.problems, p.unbroken, p.uncovered(), tr.run(t.Context(), ways, spec, calls), tr.last(t, p.judge, ways, spec, calls)))
		for _, noted := range p.noted {
			t.Log(noted)
		}
		t.Logf("%d calls are denied", len(calls))
	})
}

// Allows calls every action of a registry in ways that its declaration allows, as [Denials]
// does in ways that it denies: for each grant a call that only this grant lets in, and the
// nearest neighbours of what is denied. It asserts that the handler would have run, once,
// and that an event names the grant.
func Allows(t *testing.T, registryOf func(authn.Schemes) *action.Registry, options ...Option) {
	t.Helper()
	tr := newTrial(t, registryOf, options)
	tr.each(t, func(t *testing.T, p *plan, ways []way, spec connect.Spec) {
		t.Helper()
		calls := slices.DeleteFunc(slices.Clone(p.attempts), func(call planned) bool { return call.want.denies() })
		report(t, slices.Concat(p.problems, tr.run(t.Context(), ways, spec, calls), tr.last(t, p.judge, ways, spec, calls)))
		t.Logf("%d calls are let in", len(calls))
	})
}

// each tests each action in a test of its own.
func (tr *trial) each(t *testing.T, test func(t *testing.T, p *plan, ways []way, spec connect.Spec)) {
	t.Helper()
	ways := waysIn(t, tr.methods)
	for i, declaration := range tr.declarations {
		t.Run(declaration.Procedure, func(t *testing.T) { //nolint:paralleltest // they share the clock
			test(t, tr.planFor(declaration), ways, tr.methods[i].Spec)
		})
	}
}
