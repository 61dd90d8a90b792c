package declare

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// CEL holds when an expression is true.
type CEL struct {
	// Expression is compiled for the request type of the action. It is never nil.
	Expression *condition.Expression
}

var celKind = conditionKind{field: "cel", read: readCEL}

func readCEL(g *grantReading) Condition {
	reading := &expressionReading{
		grantReading: g, field: g.path + ".cel", text: g.grant.GetCel(), invalid: RuleCELInvalid, fixInvalid: g.fixInvalid,
		fixAlwaysTrue: g.fixAlwaysTrue, fixAlwaysFalse: g.fixAlwaysFalse, fixReadsNothing: g.fixReadsNothing,
	}
	if expression := reading.read(); expression != nil {
		return CEL{Expression: expression}
	}
	return nil
}

// expressionReading is the state of reading one expression of a grant.
type expressionReading struct {
	*grantReading
	field   string // what refusals call it: "authorize.allow[0].cel"
	text    string
	invalid Rule // what refuses one that is no condition
	traps   int  // how many it has

	// What makes the fixes. Nil, and an empty fix, stand for the one in the table of
	// rules.
	fixInvalid                                     func(*condition.SyntaxError) string
	fixAlwaysTrue, fixAlwaysFalse, fixReadsNothing func() string
}

// read compiles the expression for the request of the action, and refuses what is no
// condition on a caller. It returns nil along with refusals where it does not compile.
func (e *expressionReading) read() *condition.Expression {
	expression, traps, err := e.environment().Examine(e.text, e.input(), e.facts())
	if syntax, ok := errors.AsType[*condition.SyntaxError](err); ok {
		fix := ""
		if e.fixInvalid != nil {
			fix = e.fixInvalid(syntax)
		}
		e.refuseWithFixf(e.invalid, fix, "%s %s (line %d, column %d of the expression)\n%s",
			e.field, syntax.Problem, syntax.Line, syntax.Column, syntax.Caret())
		return nil
	}
	if err != nil {
		e.refusef(e.invalid, "%s: %v", e.field, err)
		return nil
	}
	refuse := func(rule Rule, fix func() string, problem string) {
		text := ""
		if fix != nil {
			text = fix()
		}
		e.refuseWithFixf(rule, text, "%s %s", e.field, problem)
	}
	switch expression.Constancy() {
	case condition.AlwaysTrue:
		refuse(RuleCELAlwaysTrue, e.fixAlwaysTrue, "is true of every caller")
	case condition.AlwaysFalse:
		refuse(RuleCELAlwaysFalse, e.fixAlwaysFalse, "is true of no caller")
	case condition.Varies:
		if len(expression.Reads()) == 0 {
			refuse(RuleCELReadsNothing, e.fixReadsNothing, "reads neither `principal` nor `request`")
		}
	}
	if expression.ReadsRequest() && e.timing == sallyportv1.Stream_OPEN {
		refuse(RuleStreamOpenRequest, e.streamText, "reads `request`, and with authorize: OPEN there is none yet")
	}
	if e.writing && !expression.ReadsValue() {
		e.accepts(RuleFieldValueUnread) // it may need to: the rules of other fields are read later
	}
	e.readTraps(traps)
	e.readIdentities(expression)
	return expression
}

// fixInvalid is the grant with the name that was meant, where one is near and makes the
// expression a condition.
func (g *grantReading) fixInvalid(syntax *condition.SyntaxError) string {
	meant := nearest(syntax.Wrong, syntax.Known)
	switch name := protoreflect.Name(syntax.Wrong); {
	case g.writing && g.field.ContainingMessage().Fields().ByName(name) != nil:
		meant = "resource." + syntax.Wrong
	case g.field != nil && g.field.ContainingMessage().Fields().ByName(name) != nil:
		meant = "this." + syntax.Wrong
	case g.item != nil && g.item.Fields().ByName(name) != nil:
		meant = "item." + syntax.Wrong
	case g.field == nil && g.method.Input().Fields().ByName(name) != nil:
		meant = "request." + syntax.Wrong
	}
	text := syntax.Replaced(meant)
	if meant == "" || !g.isSound(text, 0) {
		if text = g.inPackage(syntax); text == "" || !g.isSound(text, 0) {
			return ""
		}
	}
	fixed := g.fixedGrant(g.grant)
	fixed.Cel = &text
	return g.grantFix(g.grant, fixed)
}

// inPackage is the expression with the package before a name that does not exist: an
// expression names the values of an enum from the root. It is "" where no name is wrong.
func (g *grantReading) inPackage(syntax *condition.SyntaxError) string {
	if syntax.Wrong == "" {
		return ""
	}
	var file protoreflect.FileDescriptor
	if g.field != nil {
		file = g.field.ParentFile()
	} else {
		file = g.method.ParentFile()
	}
	name := regexp.MustCompile(`(^|[^\w.])` + regexp.QuoteMeta(syntax.Wrong) + `\.`)
	return name.ReplaceAllString(syntax.Expression, "${1}"+string(file.Package())+"."+syntax.Wrong+".")
}

// isSound reports whether an expression can be printed as a fix: whether it is a condition
// that differs by caller or request, with no more traps than are left.
func (m *methodReading) isSound(text string, left int) bool {
	expression, traps, err := m.environment().Examine(text, m.input(), m.facts())
	return err == nil && expression.Constancy() == condition.Varies && len(expression.Reads()) > 0 && len(traps) <= left
}

// fixAlwaysTrue is the grant without the expression or, where nothing else is in it,
// `anyone` in place of the grants.
func (g *grantReading) fixAlwaysTrue() string {
	rest := proto.CloneOf(g.grant)
	rest.Cel, rest.Accept = nil, nil
	if hasCondition(rest) {
		return g.grantFix(rest, g.orFew(g.fixedGrant(rest)))
	}
	if g.writing {
		reason := "why everyone who is let in may write " + string(g.field.Name())
		return messageText("write", (&sallyportv1.Write{Anyone: &reason}).ProtoReflect())
	}
	if g.field != nil {
		reason := "why everyone may read " + string(g.field.Name())
		return messageText("read", (&sallyportv1.Read{Anyone: &reason}).ProtoReflect())
	}
	if g.item != nil {
		return "write a condition on `item`, or on who calls, or remove the `each`"
	}
	reason := "why every caller who is signed in may call " + string(g.method.Name())
	return messageText("authorize", (&sallyportv1.Authorize{Anyone: &reason}).ProtoReflect())
}

// fixAlwaysFalse takes the grant away or, where it is the only one, puts another in
// its place.
func (g *grantReading) fixAlwaysFalse() string {
	if g.item == nil && len(g.option.GetAuthorize().GetAllow()) > 1 {
		return "remove " + messageText("allow", g.grant.ProtoReflect())
	}
	return g.grantText(g.near.grant())
}

// fixReadsNothing is the grant with an expression that requires a role too.
func (g *grantReading) fixReadsNothing() string {
	fixed := g.fixedGrant(g.grant)
	text := fmt.Sprintf("'%s' in principal.roles && (%s)", g.near.grant().GetAnyRole()[0], g.grant.GetCel())
	fixed.Cel = &text
	return g.grantFix(g.grant, fixed)
}

// String implements [Condition].
func (c CEL) String() string { return "cel " + c.Expression.Text() }

// ReadsRequest implements [Condition].
func (c CEL) ReadsRequest() bool { return c.Expression.ReadsRequest() }

func (c CEL) who() string { return strings.Join(strings.Fields(c.Expression.Text()), " ") }

func (c CEL) implies(other Condition) bool {
	wanted, ok := other.(CEL)
	return ok && c.Expression.Text() == wanted.Expression.Text()
}

func (CEL) restsOn() []string { return nil }
