package declare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/limit"
)

// A Declaration is what an RPC's option says, read and found good.
type Declaration struct {
	// Method is the RPC.
	Method protoreflect.MethodDescriptor
	// Procedure is the RPC's name on the wire: "/package.Service/Method".
	Procedure string
	// Schemes are the names of the authentication schemes in the order in which
	// they are tried. It is empty on an anonymous action, and only there.
	Schemes []string
	// MaxAge is how long ago the caller may have authenticated, or 0.
	MaxAge time.Duration
	// Anyone says that passing authentication is enough. There are no grants then.
	Anyone bool
	// CredentialScopes are what a scoped credential needs, every one, besides a grant or
	// Anyone. Where there are none, no scoped credential is taken.
	CredentialScopes []string
	// Conceal says that a denial reads as not_found.
	Conceal bool
	// Grants are the ways to be let through.
	Grants []Grant
	// Shadow are grants that are evaluated beside those, and decide nothing.
	Shadow []Grant
	// Claims is the type of `principal.claims`, or nil where the declaration sees none.
	Claims protoreflect.MessageDescriptor
	// Includes are the roles that the declaration sees, each with those that it includes,
	// as written. Declarations of a service share them.
	Includes map[string][]string
	// Resource is which object the action is about, or nil.
	Resource *Resource
	// Each are which elements of its responses the caller may see, each of another field.
	Each []*Each
	// Fields are the rules of the fields that a response may have, by the names of the fields.
	Fields []*FieldRule
	// Writing is how the fields of the request are written, or nil where everyone who is let
	// in may write them.
	Writing *Writing
	// Names are the fields of the request that hold names of fields, by their own names.
	Names []Naming
	// Details are those of the fields that the details of an error may have, as far as the
	// action's file knows their messages. Declarations of a service share them.
	Details []*FieldRule
	// Limits are how often the action may be called, in the order written.
	Limits []limit.Limit
	// Outside says that the declaration was given from outside the .proto.
	Outside bool
	// Option is the declaration as written.
	Option *sallyportv1.Action
}

// Anonymous reports whether callers need not authenticate.
func (d *Declaration) Anonymous() bool { return len(d.Schemes) == 0 }

// Timing says when a stream is authorized. It is unset on a unary action.
func (d *Declaration) Timing() sallyportv1.Stream_Timing { return d.Option.GetStream().GetAuthorize() }

// Recheck says how long the decision on a stream lives: as long as the declaration
// says, and at most as long as the registry allows.
func (d *Declaration) Recheck(most time.Duration) time.Duration {
	if recheck := d.Option.GetStream().GetRecheck(); recheck != nil {
		return min(recheck.AsDuration(), most)
	}
	return most
}

// Who says in one line who may call, also where an expression has several lines.
func (d *Declaration) Who() string {
	if d.Anyone {
		return "anyone"
	}
	return who(d.Grants)
}

// who is grants in the words of [Declaration.Who].
func who(grants []Grant) string {
	texts := make([]string, len(grants))
	for i, grant := range grants {
		texts[i] = grant.who()
	}
	return strings.Join(texts, "; or ")
}

// methodReading is the state of reading one method.
type methodReading struct {
	*Reader
	method   protoreflect.MethodDescriptor // nil where the rule of a field is read
	field    protoreflect.FieldDescriptor  // that field, or nil
	writing  bool                          // it is who may write it that is read
	given    Given
	near     *neighbourhood
	option   *sallyportv1.Action // as written
	timing   sallyportv1.Stream_Timing
	resource *Resource                      // which the grants read; nil for none
	item     protoreflect.MessageDescriptor // which the grants read that are being read; nil for none
	outside  bool                           // the declaration is not from the .proto
	refusals []Refusal
}

// method reads one RPC's declaration. It returns a declaration or refusals, never
// both and never neither.
func (r *Reader) method(method protoreflect.MethodDescriptor, near *neighbourhood) (*Declaration, []Refusal) {
	reading := &methodReading{Reader: r, method: method, given: near.given, near: near, option: &sallyportv1.Action{}}
	declaration := reading.read()
	if len(reading.refusals) > 0 {
		return nil, reading.refusals
	}
	return declaration, nil
}

// refuseWithFixf notes a refusal with a fix for its input; an empty one stands for the
// one in the table of rules.
func (m *methodReading) refuseWithFixf(rule Rule, fix, format string, args ...any) {
	m.refusef(rule, format, args...)
	if fix != "" {
		m.refusals[len(m.refusals)-1].Fix = fix
	}
}

// refusef notes a refusal at the option, or at the RPC where there is no option.
func (m *methodReading) refusef(rule Rule, format string, args ...any) {
	if m.field != nil {
		refusal := refuse(rule, string(m.field.FullName()), positionOf(m.field), format, args...)
		refusal.At = m.field
		m.refusals = append(m.refusals, refusal)
		return
	}
	refusal := Refuse(rule, m.method, format, args...)
	if m.outside {
		refusal.Position, refusal.At = Position{File: m.given.Source}, nil // where it can be fixed
	}
	m.refusals = append(m.refusals, refusal)
}

func (m *methodReading) read() *Declaration {
	found, err := readOption(m.method.Options(), sallyportv1.E_Action, m.option)
	given, isGiven := m.given.Actions[Procedure(m.method)]
	switch {
	case err != nil:
		m.refusef(RuleUnresolved, "(sallyport.v1.action): %v", err)
		return nil
	case found && isGiven:
		m.refuseWithFixf(RuleDeclaredTwice, fmt.Sprintf("remove the option here, or the entry of %s in %s", Procedure(m.method), m.given.Source),
			"it is declared in its .proto and in %s as well", m.given.Source)
		return nil
	case isGiven:
		m.option, m.outside, m.near = given, true, m.near.fromOutside()
	case !found:
		m.refuseWithFixf(RuleMissing, m.fixMissing(), "nothing says who may call it%s", m.misspelt())
		return nil
	}
	if m.readUnknowns(m.option, "action"); len(m.refusals) > 0 {
		return nil // what was not understood might have changed the rest
	}
	if len(setFields(m.option.ProtoReflect())) == 0 {
		m.refuseWithFixf(RuleEmpty, m.fixMissing(), "the declaration is empty")
		return nil
	}
	return m.readAction(m.option)
}

// misspelt is a hint at an entry of the file of declarations that may be meant for
// the RPC, which has none.
func (m *methodReading) misspelt() string {
	procedure := Procedure(m.method)
	return didYouMean(procedure, slices.DeleteFunc(slices.Sorted(maps.Keys(m.given.Actions)), func(other string) bool {
		_, method, _ := strings.Cut(strings.TrimPrefix(other, "/"), "/")
		return distance(procedure, other) > maxTypos || other == fmt.Sprintf("/%s/%s", m.near.service.FullName(), method) &&
			m.near.service.Methods().ByName(protoreflect.Name(method)) != nil
	}))
}

// readUnknowns refuses what this version does not know of an option.
func (m *methodReading) readUnknowns(option proto.Message, name string) {
	fields, values := unknowns(option.ProtoReflect(), name)
	for _, text := range fields {
		m.refusef(RuleUnknownField, "%s", text)
	}
	for _, text := range values {
		m.refusef(RuleUnknownValue, "%s", text)
	}
}

// readAction reads an option of which everything is known.
func (m *methodReading) readAction(option *sallyportv1.Action) *Declaration {
	if option.GetAuthenticate() == nil {
		m.refuseWithFixf(RuleAuthenticateMissing, m.authenticateText(), "nothing says how the caller is authenticated")
	}
	if option.GetAuthorize() == nil {
		m.refuseWithFixf(RuleAuthorizeMissing, m.authorizeText(), "nothing says who is let through")
	}
	broken := m.violations(option)
	for _, problem := range broken {
		m.refuseWithFixf(problem.rule, m.fixOf(problem), "%s", problem)
	}
	declaration := &Declaration{
		Method:    m.method,
		Procedure: Procedure(m.method),
		Schemes:   slices.Clone(option.GetAuthenticate().GetSchemes()),
		MaxAge:    option.GetAuthenticate().GetMaxAge().AsDuration(),
		Anyone:    option.GetAuthorize().GetAnyone() != "",
		Conceal:   option.GetAuthorize().GetConceal(),

		CredentialScopes: slices.Clone(option.GetAuthorize().GetCredentialScopes()),
		Claims:           m.view().Claims(),
		Includes:         m.near.includes(),
		Limits:           limitsOf(option),
		Outside:          m.outside,
		Option:           option,
	}
	m.readStream(option)
	m.readLimits(option)
	m.readRequest()
	declaration.Fields = m.readFields()
	declaration.Writing = m.readWriting(option.GetWrites())
	declaration.Names = m.readNamings(declaration)
	before := len(m.refusals)
	m.resource = m.readResource(option.GetResource())
	declaration.Resource = m.resource
	unresolved := len(m.refusals) > before
	// With schemes as well it is the choice that is refused, not yet the grants.
	if declaration.Anonymous() && saysAnonymous(option) && len(option.GetAuthorize().GetAllow()) > 0 {
		m.refuseWithFixf(RuleAnonymousGrant, m.fixAnonymousGrant(),
			"an anonymous caller has no principal that a grant could be about; an anonymous action can only say `anyone`")
		m.readEach(option, broken)
		return nil
	}
	m.readCredentialScopes(option, broken)
	if unresolved {
		return nil // what the grants read would be refused once more
	}
	declaration.Grants, declaration.Shadow = m.readGrants("authorize.", option.GetAuthorize().GetAllow(), broken), m.readShadow(option.GetAuthorize().GetShadow(), broken)
	declaration.Each = m.readEach(option, broken)
	if m.resource != nil && len(m.refusals) == 0 && len(readsOfResource(declaration.Grants)) == 0 {
		m.refuseWithFixf(RuleResourceUnread, "remove "+messageText("resource", option.GetResource().ProtoReflect()),
			"no condition of its grants reads `resource`")
	}
	return declaration
}

// view is what the declaration may name.
func (m *methodReading) view() View { return m.near.view }

// environment is what the expressions of the method are compiled in.
func (m *methodReading) environment() *condition.Environment {
	return m.conditions.WithClaims(m.view().Claims()).WithSubject(m.subject())
}

// input is what conditions read as `request`, or nil where there is none.
func (m *methodReading) input() protoreflect.MessageDescriptor {
	if m.field != nil {
		return nil
	}
	return m.method.Input()
}

// file is the file of what is read.
func (m *methodReading) file() protoreflect.FileDescriptor {
	if m.field != nil {
		return m.field.ParentFile()
	}
	return m.method.ParentFile()
}

// saysAnonymous reports whether a declaration has a reason, be it an empty one, for
// which callers need not authenticate.
func saysAnonymous(option *sallyportv1.Action) bool {
	authenticate := option.GetAuthenticate()
	return authenticate != nil && authenticate.Anonymous != nil
}

func (m *methodReading) readStream(option *sallyportv1.Action) {
	streaming := m.method.IsStreamingClient() || m.method.IsStreamingServer()
	if streaming {
		m.timing = option.GetStream().GetAuthorize()
	}
	switch {
	case streaming && option.GetStream() == nil:
		m.refuseWithFixf(RuleStreamMissing, m.streamText(), "nothing says when the stream is authorized")
	case !streaming && option.GetStream() != nil:
		m.refuseWithFixf(RuleStreamUnary, "remove "+messageText("stream", option.GetStream().ProtoReflect()), "`stream` is for streaming RPCs, and this one is unary")
	case option.GetStream().GetRecheck() != nil && saysAnonymous(option):
		m.refuseWithFixf(RuleRecheckAnonymous, m.streamText(), "`recheck` looks at the caller again, and an anonymous action has no caller to look at")
	}
}
