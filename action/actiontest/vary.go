package actiontest

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
	"github.com/sallyport-rpc/sallyport/limit"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

func (p *plan) isOpen() bool { return p.declaration.Timing() == sallyportv1.Stream_OPEN }

// single are the sets of one name each.
func single(names []string) [][]string {
	sets := make([][]string, len(names))
	for i, name := range names {
		sets[i] = []string{name}
	}
	return sets
}

// without are the sets of all names but one of those that are needed.
func without(all, needed []string) [][]string {
	sets := make([][]string, len(needed))
	for i, name := range needed {
		sets[i] = slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == name })
	}
	return sets
}

// principals are calls like one that is let in, of other principals: with other ids, and
// with other sets of roles, scopes and claims.
func (p *plan) principals(base attempt) {
	if p.declaration.Anonymous() {
		return
	}
	p.add(base.held("of another principal", func(h *holder) { h.id = "another-principal" }))
	for _, roles := range p.roleSets() {
		p.add(base.held(fmt.Sprintf("with roles %q", roles), func(h *holder) { h.details.Roles = roles }))
	}
	for _, scopes := range p.scopeSets() {
		p.add(base.held(fmt.Sprintf("with scopes %q", scopes), func(h *holder) { h.details.Scopes = scopes }))
	}
	claims := base.credentials[0].holder.details.Claims
	if claims == nil {
		return
	}
	p.add(base.held("without claims", func(h *holder) { h.details.Claims = nil }))
	fields := claims.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); claims.ProtoReflect().Has(field) {
			cleared := proto.Clone(claims)
			cleared.ProtoReflect().Clear(field)
			p.add(base.held("without the claim "+string(field.Name()), func(h *holder) { h.details.Claims = cleared }))
		}
	}
}

// roleSets are none, each known role by itself, one that is not known, all, and all but
// those that a grant asks for.
func (p *plan) roleSets() [][]string {
	sets := append([][]string{nil, {"an-unknown-role"}, p.roles}, single(p.roles)...)
	for _, grant := range p.declaration.Grants {
		for _, condition := range grant.Conditions {
			if of, ok := condition.(declare.AnyRole); ok {
				sets = append(sets, slices.DeleteFunc(slices.Clone(p.roles), func(role string) bool { return slices.Contains(of.Unfolded, role) }))
			}
		}
	}
	return sets
}

// scopeSets are none, each known scope by itself, one that is not known, and all but one of
// those that a grant asks for.
func (p *plan) scopeSets() [][]string {
	sets := append([][]string{nil, {"an-unknown-scope"}}, single(p.scopes)...)
	for _, grant := range p.declaration.Grants {
		for _, condition := range grant.Conditions {
			if of, ok := condition.(declare.AllScopes); ok {
				sets = append(append(sets, of.Named), without(p.scopes, of.Named)...)
			}
		}
	}
	return sets
}

// requests are calls like one that is let in, about other things: each field of the request
// with another valid value.
func (p *plan) requests(base attempt) {
	request := base.requests[0]
	fields := request.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.IsList() || field.IsMap() {
			continue
		}
		for _, value := range prove.Values(field) {
			changed := proto.Clone(request)
			changed.ProtoReflect().Set(field, value)
			if p.judge.valid(changed) && !proto.Equal(changed, request) {
				p.add(base.but("with another "+string(field.Name()), func(a *attempt) { a.requests = []proto.Message{changed} }))
				break
			}
		}
	}
}

// times are calls of a principal who authenticated at another time.
func (p *plan) times(base attempt) {
	if p.declaration.MaxAge == 0 || p.declaration.Anonymous() {
		return
	}
	oldest := base.now.Add(-p.declaration.MaxAge)
	for difference, at := range map[string]time.Time{
		"authenticated just in time":     oldest,
		"authenticated a moment earlier": oldest.Add(-time.Nanosecond),
		"authenticated long ago":         oldest.Add(-24 * time.Hour),
		"authenticated at no known time": {},
		"authenticated in the future":    base.now.Add(time.Minute + time.Nanosecond),
	} {
		p.add(base.held(difference, func(h *holder) { h.details.AuthenticatedAt = at }))
	}
}

// scoped are calls by scoped credentials.
func (p *plan) scoped(base attempt) {
	if p.declaration.Anonymous() {
		return
	}
	needed := p.declaration.CredentialScopes
	sets := append([][]string{nil, {"an-unknown-scope"}, needed, p.scopes}, without(p.scopes, needed)...)
	for _, scopes := range sets {
		p.add(base.held(fmt.Sprintf("by a credential with the scopes %q alone", scopes), func(h *holder) {
			h.details.Unscoped, h.details.Scopes = false, scopes
		}))
		if len(p.declaration.Schemes) < 2 {
			continue
		}
		p.add(base.but(fmt.Sprintf("and by another credential with the scopes %q alone", scopes), func(a *attempt) {
			a.credentials = append(a.credentials, credential{scheme: p.otherThan(a.credentials[0].scheme), holder: a.credentials[0].holder.but(func(h *holder) {
				h.details.Unscoped, h.details.Scopes = false, scopes
			})})
		}))
	}
}

// otherThan is another scheme of the action.
func (p *plan) otherThan(scheme string) string {
	at := slices.IndexFunc(p.declaration.Schemes, func(other string) bool { return other != scheme })
	return p.declaration.Schemes[at]
}

// checks are calls of which one check says otherwise.
func (p *plan) checks(base attempt) {
	for _, check := range p.declaration.Asked() {
		p.add(base.but("and "+declare.AskedText(check)+" says otherwise", func(a *attempt) {
			if a.answers == nil {
				a.answers = map[string]bool{}
			}
			a.answers[check] = !a.answers[check]
		}))
	}
}

// credentials are calls without a credential, with each bad one, and with several.
func (p *plan) credentials(base attempt) {
	if p.declaration.Anonymous() {
		return
	}
	p.add(base.but("without a credential", func(a *attempt) { a.credentials = nil }))
	if p.declaration.Claims == nil {
		p.add(base.held("of a principal with claims, which the action does not see", func(h *holder) { h.details.Claims = &emptypb.Empty{} }))
	}
	good := base.credentials[0]
	for _, scheme := range p.declaration.Schemes {
		p.add(base.but("by scheme "+scheme, func(a *attempt) { a.credentials[0].scheme = scheme }))
		for _, bad := range p.badCredentials(good, scheme, base.now) {
			p.add(base.but(bad.name, func(a *attempt) { a.credentials[0] = bad.credential }))
			if scheme != good.scheme {
				p.add(base.but("and beside it "+bad.name, func(a *attempt) { a.credentials = append(a.credentials, bad.credential) }))
			}
		}
		if scheme == good.scheme {
			continue
		}
		p.add(base.but("and beside it one of another principal by scheme "+scheme, func(a *attempt) {
			a.credentials = append(a.credentials, credential{scheme: scheme, holder: good.holder.but(func(h *holder) { h.id = "another-principal" })})
		}))
	}
	for _, scheme := range p.schemes {
		if !slices.Contains(p.declaration.Schemes, scheme) {
			p.add(base.but("by scheme "+scheme+", which the action does not take", func(a *attempt) { a.credentials[0].scheme = scheme }))
		}
	}
}

type badCredential struct {
	name       string
	credential credential
}

// badCredentials are those of one scheme, of a principal who would be let in.
func (p *plan) badCredentials(good credential, scheme string, now time.Time) []badCredential {
	faults := []struct {
		name  string
		fault fault
	}{
		{"a credential that is not known", unknown},
		{"an authenticator that is unavailable", down},
		{"an authenticator that panics", panics},
		{"an authenticator that returns nothing", nothing},
		{"a principal without an id", noID},
		{"an authenticator that returns a principal and an error", bothAtOnce},
	}
	bad := make([]badCredential, 0, len(faults)+2)
	if p.declaration.Claims != nil {
		bad = append(bad, badCredential{"a principal with claims of another type, by scheme " + scheme, credential{scheme: scheme, holder: good.holder, fault: otherClaims}})
	}
	for _, claims := range p.badClaims(good) {
		bad = append(bad, badCredential{"a principal with claims that break a rule, by scheme " + scheme, credential{
			scheme: scheme, holder: good.holder.but(func(h *holder) { h.details.Claims = claims }),
		}})
	}
	bad = append(bad, badCredential{"a credential that has expired, by scheme " + scheme, credential{
		scheme: scheme, holder: good.holder.but(func(h *holder) { h.details.ExpiresAt = now }),
	}})
	for _, of := range faults {
		bad = append(bad, badCredential{of.name + ", by scheme " + scheme, credential{scheme: scheme, holder: good.holder, fault: of.fault}})
	}
	return bad
}

// badClaims are claims that break each rule of theirs.
func (p *plan) badClaims(good credential) (bad []proto.Message) {
	if p.declaration.Claims == nil {
		return nil
	}
	claims := good.holder.details.Claims
	if claims == nil {
		claims = dynamicpb.NewMessage(p.declaration.Claims)
	}
	breaker, err := p.breaking(claims)
	if err != nil {
		p.problemf("the validation rules of the claims do not compile: %v", err)
		return nil
	}
	for _, breach := range breaker.list() {
		bad = append(bad, breach.request)
	}
	return bad
}

// limits are calls for which a limit of the action has no room.
func (p *plan) limits(base attempt) {
	for _, one := range p.declaration.Limits {
		p.add(base.but("where the limiter fails to count each "+one.Per.String(), func(a *attempt) { a.uncounted = one.Per }))
		p.add(base.but("over the limit of each "+one.Per.String(), func(a *attempt) { a.full = one.Per }))
		if one.Per == limit.Principal {
			continue
		}
		p.add(base.but("over the limit of each "+one.Per.String()+" without a credential", func(a *attempt) { a.full, a.credentials = one.Per, nil }))
	}
}

// broken are calls whose request breaks a validation rule, of a principal who would be let
// in, and as a later message of a stream.
func (p *plan) broken(base attempt) {
	request := base.requests[0]
	breaker, err := p.breaking(request)
	if err != nil {
		p.problemf("the validation rules do not compile: %v", err)
		return
	}
	for _, given := range p.samples[p.declaration.Procedure] {
		breaker.try(given.request)
	}
	for _, breach := range breaker.list() {
		p.add(base.but("breaking the rule "+breach.rule, func(a *attempt) { a.requests = []proto.Message{breach.request} }))
		if p.declaration.Method.IsStreamingClient() {
			p.add(base.but("breaking the rule "+breach.rule+" with a later message", func(a *attempt) {
				a.requests = []proto.Message{request, breach.request}
			}))
		}
	}
	if undecided := breaker.undecided; undecided != nil {
		p.add(base.but("of which a validation rule cannot be decided", func(a *attempt) { a.requests = []proto.Message{undecided} }))
		if p.declaration.Method.IsStreamingClient() {
			p.add(base.but("of which a validation rule cannot be decided with a later message", func(a *attempt) {
				a.requests = []proto.Message{request, undecided}
			}))
		}
	}
	for _, names := range rulesOf(p.declaration.Method.Input(), "", 0) {
		if !slices.ContainsFunc(names, func(name string) bool { _, ok := breaker.breaches[name]; return ok }) {
			p.unbroken = append(p.unbroken, fmt.Sprintf("no request was found that breaks the rule %s: %s", names[0], sampleAdvice(p.declaration, "that breaks it")))
		}
	}
}

// breaking is what breaks the rules of messages of a request's type. It is found once.
func (tr *trial) breaking(request proto.Message) (*breaker, error) {
	of := request.ProtoReflect().Descriptor()
	if known := tr.breakers[of.FullName()]; known != nil {
		return known, nil
	}
	validator, err := tr.validators.For(of)
	if err != nil {
		return nil, err
	}
	made := &breaker{validator: validator, calls: prove.NewCalls(), breaches: map[string]breach{}}
	made.explore(request)
	tr.breakers[of.FullName()] = made
	return made, nil
}

// messages are streams of requests of other numbers of messages: none, two that are let in,
// and one that is let in before each that is not.
func (p *plan) messages(base attempt) {
	if !p.declaration.Method.IsStreamingClient() {
		return
	}
	p.add(base.but("that ends without a message", func(a *attempt) { a.requests = nil }))
	if p.declaration.Resource != nil {
		// It is about nothing, so that nothing is loaded.
		p.add(base.but("that ends without a message, where the loader would panic", func(a *attempt) { a.requests, a.load = nil, loadsPanic }))
	}
	p.add(base.but("that ends without a message and a credential", func(a *attempt) { a.requests, a.credentials = nil, nil }))
	p.add(base.but("with two messages", func(a *attempt) { a.requests = []proto.Message{a.requests[0], a.requests[0]} }))
	seen := []proto.Message{base.requests[0]}
	for _, other := range slices.Clone(p.attempts) {
		if len(other.requests) != 1 || !p.judge.valid(other.requests[0]) ||
			slices.ContainsFunc(seen, func(known proto.Message) bool { return proto.Equal(known, other.requests[0]) }) {
			continue
		}
		seen = append(seen, other.requests[0])
		p.add(base.but("with a second message as in: "+other.name, func(a *attempt) {
			a.requests, a.answers = []proto.Message{base.requests[0], other.requests[0]}, base.answers
		}))
	}
}

// malformed are calls with a message that cannot be read, the first and a later one, of a
// principal who would be let in and of no one.
func (p *plan) malformed(base attempt) {
	p.add(base.but("with a malformed message", func(a *attempt) { a.malformed = 1 }))
	p.add(base.but("with a malformed message and without a credential", func(a *attempt) { a.malformed, a.credentials = 1, nil }))
	if p.declaration.Method.IsStreamingClient() {
		p.add(base.but("with a malformed second message", func(a *attempt) {
			a.malformed, a.requests = 2, []proto.Message{a.requests[0], a.requests[0]}
		}))
	}
}

// textsOf are the texts in a message, of which one may be an id.
func textsOf(message protoreflect.Message) []string {
	var texts []string
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsList() || field.IsMap():
		case field.Kind() == protoreflect.StringKind && value.String() != "":
			texts = append(texts, value.String())
		case field.Message() != nil:
			texts = append(texts, textsOf(value.Message())...)
		}
		return true
	})
	return texts
}
