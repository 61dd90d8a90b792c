package declare

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
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
	// Conceal says that a denial reads as not_found.
	Conceal bool
	// Grants are the ways to be let through.
	Grants []Grant
	// Outside says that the declaration was given from outside the .proto.
	Outside bool
	// Option is the declaration as written.
	Option *sallyportv1.Action
}

// A Grant is one way to be let through; all that it asks for must hold.
type Grant struct {
	// AnyRole are the roles one of which must be carried: those named, and all that
	// include them. Empty asks for no role.
	AnyRole []string
	// AllScopes are the scopes that must all be held. Empty asks for none.
	AllScopes []string
	// Condition must be true. Nil asks for nothing.
	Condition *condition.Expression
	// Check is the name of a condition in Go that must hold. Empty asks for none.
	Check string
}

// Anonymous reports whether callers need not authenticate.
func (d *Declaration) Anonymous() bool { return len(d.Schemes) == 0 }

// When says when a stream is authorized. It is unset on a unary action.
func (d *Declaration) When() sallyportv1.Stream_When { return d.Option.GetStream().GetAuthorize() }

// Recheck says how long the decision on a stream lives: as long as the declaration
// says, and no longer than a bound.
func (d *Declaration) Recheck(bound time.Duration) time.Duration {
	if recheck := d.Option.GetStream().GetRecheck(); recheck != nil {
		return min(recheck.AsDuration(), bound)
	}
	return bound
}

// Who says in one line, whatever the line breaks of an expression, who may call.
func (d *Declaration) Who() string {
	if d.Anyone {
		return "anyone"
	}
	grants := make([]string, len(d.Option.GetAuthorize().GetAllow()))
	for i, grant := range d.Option.GetAuthorize().GetAllow() {
		var conditions []string
		if roles := grant.GetAnyRole(); len(roles) > 0 {
			conditions = append(conditions, strings.Join(roles, " or "))
		}
		if scopes := grant.GetAllScopes(); len(scopes) > 0 {
			conditions = append(conditions, "scope "+strings.Join(scopes, " and "))
		}
		if grant.GetCel() != "" {
			conditions = append(conditions, strings.Join(strings.Fields(grant.GetCel()), " "))
		}
		if grant.GetCheck() != "" {
			conditions = append(conditions, grant.GetCheck()+"()")
		}
		for j, condition := range conditions {
			// Else an `and` beside it would seem to bind its last part alone.
			if len(conditions) > 1 && (strings.Contains(condition, " or ") || strings.ContainsAny(condition, "|?")) {
				conditions[j] = "(" + condition + ")"
			}
		}
		grants[i] = strings.Join(conditions, " and ")
	}
	return strings.Join(grants, "; or ")
}

// methodReading is the state of reading one method.
type methodReading struct {
	*Reader
	method   protoreflect.MethodDescriptor
	when     sallyportv1.Stream_When
	outside  bool // the declaration is not from the .proto
	refusals []Refusal
}

// method reads one RPC's declaration. It returns a declaration or refusals, never
// both and never neither.
func (r *Reader) method(method protoreflect.MethodDescriptor) (*Declaration, []Refusal) {
	reading := &methodReading{Reader: r, method: method}
	declaration := reading.read()
	if len(reading.refusals) > 0 {
		return nil, reading.refusals
	}
	return declaration, nil
}

// refuseMendf notes a refusal with a mend of its own.
func (m *methodReading) refuseMendf(rule Rule, mend, format string, args ...any) {
	m.refusef(rule, format, args...)
	m.refusals[len(m.refusals)-1].Mend = mend
}

// refusef notes a refusal at the option, or at the RPC where there is no option.
func (m *methodReading) refusef(rule Rule, format string, args ...any) {
	number := int32(sallyportv1.E_Action.TypeDescriptor().Number())
	const optionsField = 4 // google.protobuf.MethodDescriptorProto.options
	position := positionOf(m.method, optionsField, number)
	if m.outside {
		position = Position{File: m.given[Procedure(m.method)].source} // where it can be mended
	}
	m.refusals = append(m.refusals, refuse(rule, Procedure(m.method), position, format, args...))
}

func (m *methodReading) read() *Declaration {
	option := &sallyportv1.Action{}
	found, err := readOption(m.method.Options(), sallyportv1.E_Action, option)
	given, isGiven := m.given[Procedure(m.method)]
	switch {
	case err != nil:
		m.refusef(RuleUnresolved, "(sallyport.v1.action): %v", err)
		return nil
	case found && isGiven:
		m.refusef(RuleDeclaredTwice, "it is declared in its .proto and in %s as well", given.source)
		return nil
	case isGiven:
		option, m.outside = given.action, true
	case !found:
		m.refusef(RuleMissing, "nothing says who may call it")
		if m.method.IsStreamingClient() || m.method.IsStreamingServer() {
			m.refusals[0].Mend = streamSnippet
		}
		return nil
	}
	fields, values := unknowns(option.ProtoReflect(), "action")
	for _, text := range fields {
		m.refusef(RuleUnknownField, "%s", text)
	}
	for _, text := range values {
		m.refusef(RuleUnknownValue, "%s", text)
	}
	if len(m.refusals) > 0 {
		return nil // what was not understood might have changed the rest
	}
	if len(setFields(option.ProtoReflect())) == 0 {
		m.refusef(RuleEmpty, "the declaration is empty")
		return nil
	}
	if option.GetAuthenticate() == nil {
		m.refusef(RuleAuthenticateMissing, "nothing says how the caller is authenticated")
	}
	if option.GetAuthorize() == nil {
		m.refusef(RuleAuthorizeMissing, "nothing says who is let through")
	}
	broken := m.violations(option)
	for _, problem := range broken {
		m.refusef(problem.rule, "%s", strings.TrimPrefix(problem.path+": "+problem.text, ": "))
	}
	declaration := &Declaration{
		Method:    m.method,
		Procedure: Procedure(m.method),
		Schemes:   slices.Clone(option.GetAuthenticate().GetSchemes()),
		MaxAge:    option.GetAuthenticate().GetMaxAge().AsDuration(),
		Anyone:    option.GetAuthorize().GetAnyone() != "",
		Conceal:   option.GetAuthorize().GetConceal(),
		Outside:   m.outside,
		Option:    option,
	}
	m.readStream(option)
	// With schemes as well it is the choice that is refused, not yet the grants.
	if declaration.Anonymous() && saysAnonymous(option) && len(option.GetAuthorize().GetAllow()) > 0 {
		m.refusef(RuleAnonymousGrant, "an anonymous caller has no principal that a grant could speak of; it can only say `anyone`")
		return nil
	}
	for i, grant := range option.GetAuthorize().GetAllow() {
		// A part that broke its own rule is not looked at again.
		path := fmt.Sprintf("authorize.allow[%d]", i)
		declaration.Grants = append(declaration.Grants, m.readGrant(path, grant, broken))
	}
	if len(m.refusals) == 0 {
		m.readRedundancy(declaration.Grants)
	}
	return declaration
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
		m.when = option.GetStream().GetAuthorize()
	}
	switch {
	case streaming && option.GetStream() == nil:
		m.refusef(RuleStreamMissing, "a streaming RPC says when it is authorized")
	case !streaming && option.GetStream() != nil:
		m.refusef(RuleStreamUnary, "`stream` is for streaming RPCs, and this one is unary")
	case option.GetStream().GetRecheck() != nil && saysAnonymous(option):
		m.refusef(RuleRecheckAnonymous, "`recheck` looks at the caller again, and an anonymous one is nobody to look at")
	}
}

func (m *methodReading) readGrant(path string, option *sallyportv1.Grant, broken []problem) Grant {
	ok := func(field string) bool {
		return !slices.ContainsFunc(broken, func(p problem) bool { return strings.HasPrefix(p.path, path+"."+field) })
	}
	grant := Grant{AllScopes: slices.Clone(option.GetAllScopes())}
	if ok("any_role") {
		reachable := false
		for _, name := range option.GetAnyRole() {
			catalogue, ambiguous, known := m.role(m.method.ParentFile(), name)
			switch {
			case catalogue == nil:
				m.refusef(RuleRoleUnknown, "%s: no role catalogue of package %s or of its imports has role %q%s",
					path, m.method.ParentFile().Package(), name, didYouMean(name, known))
			case ambiguous:
				m.refusef(RuleRoleAmbiguous, "%s: more than one imported catalogue has role %q", path, name)
			default:
				grant.AnyRole = append(grant.AnyRole, catalogue.Satisfying(name)...)
				reachable = reachable || slices.ContainsFunc(grant.AnyRole, catalogue.isGiven)
			}
		}
		if len(grant.AnyRole) > 0 && !reachable {
			m.refusef(RuleGrantUnreachable, "%s: of the roles that would satisfy it all are deprecated, so nobody is given one: %s",
				path, strings.Join(grant.AnyRole, ", "))
		}
		slices.Sort(grant.AnyRole)
		grant.AnyRole = slices.Compact(grant.AnyRole)
	}
	if option.Cel != nil && ok("cel") {
		expression, err := m.conditions.Compile(option.GetCel(), m.method.Input())
		if syntax, isSyntax := errors.AsType[*condition.SyntaxError](err); isSyntax {
			m.refusef(RuleCELInvalid, "%s.cel %s (line %d, column %d of the expression)\n%s",
				path, syntax.Problem, syntax.Line, syntax.Column, syntax.Caret())
		} else if err != nil {
			m.refusef(RuleCELInvalid, "%s.cel: %v", path, err)
		}
		m.readCondition(path, expression)
		grant.Condition = expression
	}
	if option.Check != nil && ok("check") {
		if m.when == sallyportv1.Stream_OPEN {
			m.refusef(RuleStreamOpenRequest, "%s.check is given `request`, and with authorize: OPEN there is none yet", path)
		}
		grant.Check = option.GetCheck()
	}
	return grant
}

// readCondition refuses a condition that says less than it seems to.
func (m *methodReading) readCondition(path string, expression *condition.Expression) {
	if expression == nil {
		return // refused already
	}
	switch expression.Constancy() {
	case condition.AlwaysTrue:
		m.refusef(RuleCELAlwaysTrue, "%s.cel is true of everyone", path)
	case condition.AlwaysFalse:
		m.refusef(RuleCELAlwaysFalse, "%s.cel is true of nobody", path)
	case condition.Varies:
		if len(expression.Reads()) == 0 {
			m.refusef(RuleCELReadsNothing, "%s.cel reads neither `principal` nor `request`", path)
		}
	}
	if expression.ReadsRequest() && m.when == sallyportv1.Stream_OPEN {
		m.refusef(RuleStreamOpenRequest, "%s.cel reads `request`, and with authorize: OPEN there is none yet", path)
	}
	m.readIdentities(path, expression)
}

// readRedundancy refuses a grant that lets nobody through whom another one does
// not: a reviewer would take it for more than it is.
func (m *methodReading) readRedundancy(grants []Grant) {
	for i, grant := range grants {
		for j, other := range grants {
			// Of two that are the same, the later one is too much.
			if i != j && grant.implies(other) && (!other.implies(grant) || i > j) {
				m.refusef(RuleGrantRedundant, "authorize.allow[%d] adds nothing: whoever satisfies it satisfies authorize.allow[%d]", i, j)
				break
			}
		}
	}
}

// implies reports whether whoever satisfies g satisfies other.
func (g Grant) implies(other Grant) bool {
	within := func(part, whole []string) bool {
		return !slices.ContainsFunc(part, func(name string) bool { return !slices.Contains(whole, name) })
	}
	roles := len(other.AnyRole) == 0 || (len(g.AnyRole) > 0 && within(g.AnyRole, other.AnyRole))
	scopes := within(other.AllScopes, g.AllScopes)
	cel := other.Condition == nil || (g.Condition != nil && g.Condition.Text() == other.Condition.Text())
	check := other.Check == "" || g.Check == other.Check
	return roles && scopes && cel && check
}
