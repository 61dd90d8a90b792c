package actiontest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// A plan is the calls of one action that a trial makes.
type plan struct {
	*trial

	declaration *declare.Declaration
	judge       *judge
	calls       *prove.Calls
	// admitted are calls that are let in, one for each grant where one was found, and what
	// others are made of. grants are the places of the grants that alone let them in, or
	// none.
	admitted []attempt
	seen     map[string]bool
	attempts []planned
	// problems are what could not be made.
	problems []string
	// unbroken are the validation rules that no request was found to break.
	unbroken []string
	// noted are what is so by the declaration and can be no call.
	noted []string
	kept  map[string]kept // by [plan.keptFrom]
}

// planFor makes the calls of one action.
func (tr *trial) planFor(declaration *declare.Declaration) *plan {
	p := &plan{
		trial: tr, declaration: declaration, judge: tr.judgeOf(declaration), calls: prove.NewCalls(),
		seen: map[string]bool{}, kept: map[string]kept{},
	}
	if about := declaration.Resource; about != nil && len(tr.objects.of(about.Type.FullName())) == 0 {
		p.problemf("%s is about a %s: give objects to WithObject(key, object), and requests that name them, by %s, to WithSample",
			declaration.Procedure, about.Type.FullName(), about.KeyName())
		return p
	}
	if !p.admit() {
		return p
	}
	p.nearMisses()
	for _, a := range p.sampled("a call") {
		p.add(a)
	}
	for _, base := range p.admitted {
		p.principals(base)
		p.requests(base)
		p.times(base)
		p.scoped(base)
		p.checks(base)
		p.about(base)
		p.loadFaults(base)
		p.rechecks(base)
	}
	for _, base := range p.admitted {
		p.messages(base)
	}
	p.askFaults()
	base := p.admitted[0]
	p.malformed(base)
	p.credentials(base)
	p.limits(base)
	p.broken(base)
	p.elements()
	p.reading()
	p.writing()
	p.open()
	p.displacing()
	p.naming()
	return p
}

func (p *plan) problemf(format string, arguments ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, arguments...))
}

// add plans an attempt, unless it is planned already.
func (p *plan) add(a attempt) verdict {
	want := p.judge.of(&a)
	key := a.key()
	if !p.seen[key] {
		p.seen[key] = true
		if want.answer != nil {
			response := dynamicpb.NewMessage(p.declaration.Method.Output())
			want.answer.write(response)
			want.response, want.less = p.judge.reads(want.reader.Principal, want.reader.Now, response)
		}
		p.attempts = append(p.attempts, planned{attempt: a, want: want})
	}
	return want
}

// key tells attempts apart, not by their names.
func (a attempt) key() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%v %v %v %s %d %d %t %v %d", a.answers, a.full, a.uncounted, a.now.Format(time.RFC3339Nano), a.load, a.loadsWell, a.revoked, a.failing, a.malformed)
	for _, one := range a.objects {
		fmt.Fprintf(&text, "\n%v %s", one.key, prototext.MarshalOptions{}.Format(one.object))
	}
	if a.later != nil {
		fmt.Fprintf(&text, "\nafter %d: %s", a.after, a.later.key())
	}
	if a.answer != nil {
		if a.answer.whole != nil {
			wire, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(a.answer.whole)
			fmt.Fprintf(&text, "\nanswered %x", wire)
		} else {
			fmt.Fprintf(&text, "\n%s %t", a.answer.each.Name, a.answer.short)
		}
		for _, item := range a.answer.items {
			fmt.Fprintf(&text, " {%s}", prototext.MarshalOptions{}.Format(item))
		}
	}
	for _, presented := range a.credentials {
		fmt.Fprintf(&text, "\n%s %d", presented.scheme, presented.fault)
		if presented.holder != nil {
			details := presented.holder.details
			claims := ""
			if details.Claims != nil {
				claims = prototext.MarshalOptions{}.Format(details.Claims)
				details.Claims = nil
			}
			fmt.Fprintf(&text, " %s %v %s", presented.holder.id, details, claims)
		}
	}
	for _, request := range a.requests {
		wire, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(request)
		fmt.Fprintf(&text, "\n%x", wire)
	}
	return text.String()
}

// but returns the attempt with a difference, which its name says.
func (a attempt) but(difference string, change func(*attempt)) attempt {
	a.name += ", " + difference
	a.credentials = slices.Clone(a.credentials)
	a.answers = maps.Clone(a.answers)
	change(&a)
	return a
}

// held returns the attempt with a difference of who holds its one credential.
func (a attempt) held(difference string, change func(*holder)) attempt {
	return a.but(difference, func(a *attempt) { a.credentials[0].holder = a.credentials[0].holder.but(change) })
}

// attemptOf is the call of a witness.
func (p *plan) attemptOf(name string, witness *prove.Witness) attempt {
	a := attempt{name: name, requests: []proto.Message{witness.Request}, answers: witness.Answers, now: witness.Now}
	if p.declaration.Anonymous() {
		return a
	}
	scheme := witness.Scheme
	if !slices.Contains(p.declaration.Schemes, scheme) {
		scheme = p.declaration.Schemes[0]
	}
	details := authn.Details{
		Roles: witness.Roles, Scopes: witness.Scopes, Unscoped: true, Claims: witness.Claims,
		AuthenticatedAt: witness.AuthenticatedAt, ExpiresAt: witness.ExpiresAt,
	}
	if !p.judge.fresh(details.AuthenticatedAt, a.now) {
		details.AuthenticatedAt = a.now.Add(-p.declaration.MaxAge)
	}
	a.credentials = []credential{{scheme: scheme, holder: &holder{id: witness.ID, details: details}}}
	return a
}

// admit finds calls that are let in: one for each grant, that only it lets in, or one where
// no grant is needed. It reports whether there is one.
func (p *plan) admit() bool {
	if len(p.declaration.Grants) == 0 {
		witness, reason, err := p.calls.LetIn(p.declaration)
		p.admitBy("a call that is let in", witness, reason, err, "")
		return len(p.admitted) > 0
	}
	for i, grant := range p.declaration.Grants {
		witness, reason, err := p.calls.OnlyBy(p.declaration, i)
		p.admitBy("a call that grant "+grant.Name+" lets in", witness, reason, err, grant.Name)
	}
	return len(p.admitted) > 0
}

// admitBy takes in a call that a grant lets in or, where there is none, a sample.
func (p *plan) admitBy(name string, witness *prove.Witness, reason *prove.Reason, err error, grant string) {
	if witness != nil {
		a := p.attemptOf(name, witness)
		tried := []attempt{a}
		if want := p.add(a); (want.stage == event.StageWrite || want.stage == event.StageName) && len(a.credentials) > 0 {
			// The witness is of the grants: who may write the request's fields is another rule.
			for _, roles := range append([][]string{p.roles}, single(p.roles)...) {
				tried = append(tried, a.held(fmt.Sprintf("with roles %q", roles), func(h *holder) { h.details.Roles = roles }))
			}
		}
		for _, a := range tried {
			if want := p.judge.of(&a); want.code == Allowed && (grant == "" || p.onlyBy(&a, grant)) {
				p.add(a)
				p.admitted = append(p.admitted, a)
				return
			}
		}
	}
	for _, a := range p.sampled(name) {
		if want := p.judge.of(&a); want.code == Allowed && (grant == "" || p.onlyBy(&a, grant)) {
			p.add(a)
			p.admitted = append(p.admitted, a)
			return
		}
	}
	which := "that is let in"
	if grant != "" {
		which = "that grant " + grant + " lets in and no other grant does, and who calls"
	}
	switch {
	case err != nil:
		p.problemf("no request can be made: %v: %s", err, sampleAdvice(p.declaration, which))
	case reason != nil:
		p.problemf("no request was found %s: %s: %s", which, reason, sampleAdvice(p.declaration, which))
	case witness == nil && grant != "":
		p.problemf("grant %s lets in no call that the other grants keep out: remove it", grant)
	default:
		p.problemf("no request was found %s: %s", which, sampleAdvice(p.declaration, which))
	}
}

// onlyBy reports whether a grant is the only one that holds.
func (p *plan) onlyBy(a *attempt, name string) bool {
	for i, grant := range p.declaration.Grants {
		if p.holds(a, i) != (grant.Name == name) {
			return false
		}
	}
	return true
}

// conditionsOf says of each condition of a grant whether it holds for the first message.
func (p *plan) conditionsOf(a *attempt, grant int) []bool {
	principal, code := p.judge.authenticate(a)
	if code != Allowed || principal == nil {
		return nil
	}
	var request proto.Message
	if !p.isOpen() && len(a.requests) > 0 {
		request = a.requests[0]
	}
	held, _ := p.judge.conditions(a, principal, request, grant)
	return held
}

func (p *plan) holds(a *attempt, grant int) bool {
	held := p.conditionsOf(a, grant)
	return len(held) > 0 && !slices.Contains(held, false)
}

// sampled are the calls that can be made of the samples whose requests are valid.
func (p *plan) sampled(name string) []attempt {
	var all []attempt
	now := time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	for i, given := range p.samples[p.declaration.Procedure] {
		if !p.judge.valid(given.request) {
			continue
		}
		for _, answers := range answersTo(p.declaration.Asked()) {
			name := fmt.Sprintf("%s, sample %d", name, i+1)
			if len(answers) < len(p.declaration.Asked()) {
				name += ", and nothing that is asked is so"
			}
			a := attempt{name: name, requests: []proto.Message{given.request}, answers: answers, now: now}
			if p.declaration.Anonymous() {
				all = append(all, a)
				continue
			}
			for _, holder := range p.holdersOf(given, now) {
				for _, scheme := range p.declaration.Schemes {
					with := a
					with.credentials = []credential{{scheme: scheme, holder: holder}}
					all = append(all, with)
				}
			}
		}
	}
	return all
}

// answersTo are what checks and relations say to a sample: all of them yes, and all of them no,
// for a call that a grant lets in which asks none of them.
func answersTo(asked []string) []map[string]bool {
	yes := map[string]bool{}
	for _, of := range asked {
		yes[of] = true
	}
	if len(asked) == 0 {
		return []map[string]bool{yes}
	}
	return []map[string]bool{yes, {}}
}

// holdersOf are who may make the call of a sample.
func (p *plan) holdersOf(given sample, now time.Time) []*holder {
	var holders []*holder
	for _, principal := range given.principals {
		details := authn.Details{
			Roles: principal.Roles(), Scopes: principal.Scopes(), Unscoped: !principal.Scoped(), Claims: principal.Claims(),
			AuthenticatedAt: principal.AuthenticatedAt(), ExpiresAt: principal.ExpiresAt(),
		}
		if p.declaration.MaxAge > 0 && !p.judge.fresh(details.AuthenticatedAt, now) {
			details.AuthenticatedAt = now
		}
		holders = append(holders, &holder{id: principal.ID(), details: details})
	}
	if len(holders) > 0 {
		return holders
	}
	ids := append([]string{"a-caller"}, textsOf(given.request.ProtoReflect())...)
	for _, id := range ids {
		for _, roles := range append([][]string{p.roles, nil}, single(p.roles)...) {
			holders = append(holders, &holder{id: id, details: authn.Details{
				Roles: roles, Scopes: p.scopes, Unscoped: true, AuthenticatedAt: now,
			}})
		}
	}
	return holders
}

// nearMisses are calls for which all conditions of a grant hold but one.
func (p *plan) nearMisses() {
	for i, grant := range p.declaration.Grants {
		for j, condition := range grant.Conditions {
			witness, reason, err := p.calls.ButFor(p.declaration, i, j)
			if witness != nil {
				p.add(p.attemptOf(fmt.Sprintf("all of grant %s but %s", grant.Name, condition), witness))
			}
			if err == nil && witness == nil && reason == nil {
				p.noted = append(p.noted, fmt.Sprintf("no call is kept out by %s of grant %s alone", condition, grant.Name))
			}
		}
	}
}

// uncovered are the conditions of which no planned call is kept out: all others of the
// grant hold, and no other grant lets it in.
func (p *plan) uncovered() []string {
	if len(p.admitted) == 0 {
		return nil // that is problem enough
	}
	var missing []string
	for i, grant := range p.declaration.Grants {
		for j, condition := range grant.Conditions {
			covered := slices.ContainsFunc(p.attempts, func(call planned) bool {
				held := p.conditionsOf(&call.attempt, i)
				if call.want.code != p.judge.refused() || len(held) == 0 || held[j] {
					return false
				}
				held[j] = true
				return !slices.Contains(held, false)
			})
			if !covered && !slices.Contains(p.noted, fmt.Sprintf("no call is kept out by %s of grant %s alone", condition, grant.Name)) {
				missing = append(missing, fmt.Sprintf("no call was found that %s of grant %s alone keeps out: %s",
					condition, grant.Name, sampleAdvice(p.declaration, "that differs from one that is let in by this")))
			}
		}
	}
	return missing
}
