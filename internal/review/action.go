package review

import (
	"strings"
	"time"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// An Action is what one declaration says.
type Action struct {
	// Procedure is its name on the wire: "/demo.v1.AccountService/GetUser".
	Procedure string `json:"procedure"`
	// Method is the last part of it.
	Method string `json:"method"`
	// Shape is "unary", "client stream", "server stream" or "bidirectional stream".
	Shape string `json:"shape"`
	// Source is where it is declared: the path of a .proto, or "outside the .proto".
	Source string `json:"source"`
	// Schemes are how callers authenticate, in the order in which they are tried. There
	// are none where callers need not.
	Schemes []string `json:"schemes,omitempty"`
	// Anonymous is the reason why callers need not authenticate, or "".
	Anonymous string `json:"anonymous,omitempty"`
	// MaxAge is how long ago the caller may have authenticated, such as "15m"; "" is any
	// time.
	MaxAge string `json:"max_age,omitempty"`
	// Anyone is the reason why to be authenticated is enough, or "".
	Anyone string `json:"anyone,omitempty"`
	// Grants are the ways to be let through.
	Grants []Grant `json:"grants,omitempty"`
	// Shadow are grants that are tried, and decide nothing.
	Shadow []Grant `json:"shadow,omitempty"`
	// CredentialScopes are what a scoped credential needs; where there are none, no scoped
	// credential is taken.
	CredentialScopes []string `json:"credential_scopes,omitempty"`
	// Conceal says that a denial reads as not_found.
	Conceal bool `json:"conceal,omitempty"`
	// Stream says when a stream is authorized: "open", "first message" or "every message".
	Stream string `json:"stream,omitempty"`
	// Resource is the full name of the message that the action is about, and ResourceKey
	// what finds it: "request.document_id". Both are "" where it is about none.
	Resource    string `json:"resource,omitempty"`
	ResourceKey string `json:"resource_key,omitempty"`
	// Recheck is how often the caller of a stream is looked at again, such as "30s"; ""
	// is as often as the registry says.
	Recheck string `json:"recheck,omitempty"`
	// Fields say who may read the guarded fields that it answers with.
	Fields []Field `json:"fields,omitempty"`
	// Writes says which guarded fields of its request it writes; "" where it has none.
	Writes string `json:"writes,omitempty"`
	// Names say which fields of its request hold names of fields, and of what.
	Names []Naming `json:"names,omitempty"`
	// Each say which elements of its answers the caller may see.
	Each []Each `json:"each,omitempty"`
	// Limits are how often it may be called, in words.
	Limits []string `json:"limits,omitempty"`
	// Inputs are the validation rules of what its conditions read of the request.
	Inputs []Input `json:"inputs,omitempty"`

	declaration *declare.Declaration
}

// A Grant is one way to be let through: all that it has must hold.
type Grant struct {
	// Name is what it is declared with or, where it has none, its place: "allow[0]".
	Name string `json:"name"`
	// Roles are the roles of which one is needed, as declared.
	Roles []string `json:"any_role,omitempty"`
	// Holders are all roles that satisfy that: those named, and those that include one.
	Holders []string `json:"roles_unfolded,omitempty"`
	// Scopes are the scopes that are all needed.
	Scopes []string `json:"all_scopes,omitempty"`
	// When is the name of a condition, and WhenCEL the expression that it stands for.
	When    string `json:"when,omitempty"`
	WhenCEL string `json:"when_cel,omitempty"`
	// CEL is an expression.
	CEL string `json:"cel,omitempty"`
	// Check is the name of a function of the application.
	Check string `json:"check,omitempty"`
	// Relation is what a relation engine is asked, or nil.
	Relation *Relation `json:"relation,omitempty"`
	// Accepts are the rules that it breaks, with the reason why that is right.
	Accepts []Acceptance `json:"accepts,omitempty"`
}

// A Relation is what the principal must be to an object, by a relation engine.
type Relation struct {
	// Name is the relation, Object the type of the object, and ID what leads to its id.
	Name   string `json:"name"`
	Object string `json:"object"`
	ID     string `json:"id"`
}

// String is the relation in words: "editor of document request.document_id".
func (r Relation) String() string { return r.Name + " of " + r.Object + " " + r.ID }

// An Acceptance is a rule that a grant breaks, and why that is right.
type Acceptance struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
}

func actionOf(declaration *declare.Declaration) Action {
	option := declaration.Option
	action := Action{
		Procedure:        declaration.Procedure,
		Method:           string(declaration.Method.Name()),
		Shape:            shape(declaration),
		Source:           declaration.Method.ParentFile().Path(),
		Schemes:          declaration.Schemes,
		Anonymous:        oneLine(option.GetAuthenticate().GetAnonymous()),
		Anyone:           oneLine(option.GetAuthorize().GetAnyone()),
		CredentialScopes: declaration.CredentialScopes,
		Conceal:          declaration.Conceal,
		Inputs:           inputsOf(declaration),
		declaration:      declaration,
	}
	if declaration.Outside {
		action.Source = "outside the .proto"
	}
	if resource := declaration.Resource; resource != nil {
		action.Resource, action.ResourceKey = string(resource.Type.FullName()), resource.KeyName()
	}
	if declaration.MaxAge > 0 {
		action.MaxAge = short(declaration.MaxAge)
	}
	if timing := declaration.Timing(); timing != sallyportv1.Stream_TIMING_UNSPECIFIED {
		action.Stream = strings.ToLower(strings.ReplaceAll(timing.String(), "_", " "))
		if recheck := option.GetStream().GetRecheck(); recheck != nil {
			action.Recheck = short(recheck.AsDuration())
		}
	}
	for _, rule := range declaration.Fields {
		action.Fields = append(action.Fields, fieldOf(rule))
	}
	if writing := declaration.Writing; writing != nil {
		action.Writes = writes(declaration)
		for _, rule := range writing.Rules {
			if rule.Option.GetWrite() != nil {
				action.Fields = append(action.Fields, writtenOf(rule))
			}
		}
	}
	for _, naming := range declaration.Names {
		action.Names = append(action.Names, namingOf(naming))
	}
	for i, each := range declaration.Each {
		action.Each = append(action.Each, eachOf(each, option.GetAuthorize().GetEach()[i].GetTotal()))
	}
	for _, limit := range declaration.Limits {
		action.Limits = append(action.Limits, limit.String())
	}
	for _, grant := range declaration.Grants {
		action.Grants = append(action.Grants, grantOf(grant))
	}
	for _, grant := range declaration.Shadow {
		action.Shadow = append(action.Shadow, grantOf(grant))
	}
	return action
}

func grantOf(declared declare.Grant) Grant {
	grant := Grant{Name: declared.Name}
	for _, condition := range declared.Conditions {
		switch condition := condition.(type) {
		case declare.AnyRole:
			grant.Roles, grant.Holders = condition.Named, condition.Unfolded
		case declare.AllScopes:
			grant.Scopes = condition.Named
		case declare.When:
			grant.When, grant.WhenCEL = condition.Name, oneLine(condition.Expression.Text())
		case declare.CEL:
			grant.CEL = oneLine(condition.Expression.Text())
		case declare.Check:
			grant.Check = condition.Name
		case declare.Relation:
			grant.Relation = &Relation{condition.Name, condition.Object, condition.ID}
		}
	}
	for _, accepted := range declared.Accepts {
		grant.Accepts = append(grant.Accepts, Acceptance{string(accepted.Rule), oneLine(accepted.Reason)})
	}
	return grant
}

// expressionsOf returns the expressions of a declaration's grants.
func expressionsOf(declaration *declare.Declaration) []*condition.Expression {
	var expressions []*condition.Expression
	for _, grant := range declaration.Grants {
		for _, condition := range grant.Conditions {
			switch condition := condition.(type) {
			case declare.When:
				expressions = append(expressions, condition.Expression)
			case declare.CEL:
				expressions = append(expressions, condition.Expression)
			case declare.Relation:
				expressions = append(expressions, condition.Usable)
			}
		}
	}
	return expressions
}

// Words returns the grant's conditions, each in words.
func (g Grant) Words() []string {
	var words []string
	if len(g.Roles) > 0 {
		text := "role " + strings.Join(g.Roles, " or ")
		if included := g.included(); len(included) > 0 {
			text += " (also held by " + strings.Join(included, ", ") + ")"
		}
		words = append(words, text)
	}
	if len(g.Scopes) > 0 {
		words = append(words, "scope "+strings.Join(g.Scopes, " and "))
	}
	if g.When != "" {
		words = append(words, g.When+": "+g.WhenCEL)
	}
	if g.CEL != "" {
		words = append(words, g.CEL)
	}
	if g.Check != "" {
		words = append(words, "check "+g.Check+"()")
	}
	if g.Relation != nil {
		words = append(words, "relation "+g.Relation.String())
	}
	return words
}

// accepts says which rules the grant breaks, each with the reason.
func (g Grant) accepts() []string {
	texts := make([]string, len(g.Accepts))
	for i, accepted := range g.Accepts {
		texts[i] = accepted.Rule + ": " + accepted.Reason
	}
	return texts
}

// Further returns what the declaration says beyond who may call, each in words.
func (a Action) Further() []string {
	lines := a.beyond()
	for _, input := range a.Inputs {
		lines = append(lines, input.String())
	}
	return lines
}

// beyond is Further without what conditions read.
func (a Action) beyond() []string {
	var lines []string
	if a.Resource != "" {
		lines = append(lines, "about the "+a.Resource+" of "+a.ResourceKey+", which is loaded before the grants decide")
	}
	switch {
	case len(a.CredentialScopes) > 0:
		lines = append(lines, "a scoped credential needs "+strings.Join(a.CredentialScopes, " and "))
	case len(a.Schemes) > 0:
		lines = append(lines, "no scoped credential is taken")
	}
	if a.MaxAge != "" {
		lines = append(lines, "authenticated within the last "+a.MaxAge)
	}
	if a.Stream != "" {
		line := "stream: authorized at " + a.Stream
		if a.Recheck != "" {
			line += ", and again every " + a.Recheck
		}
		lines = append(lines, line)
	}
	if a.Writes != "" {
		lines = append(lines, a.Writes)
	}
	for _, naming := range a.Names {
		lines = append(lines, naming.String())
	}
	for _, each := range a.Each {
		lines = append(lines, each.String())
	}
	for _, field := range a.Fields {
		lines = append(lines, field.String())
	}
	for _, limit := range a.Limits {
		lines = append(lines, "at most "+limit)
	}
	if a.Conceal {
		lines = append(lines, "a denial reads as not_found")
	}
	for _, grant := range a.Shadow {
		lines = append(lines, "shadow, which decides nothing: "+grant.line())
	}
	return lines
}

// Authenticated says in words how callers authenticate.
func (a Action) Authenticated() string {
	if len(a.Schemes) == 0 {
		return "need not (" + a.Anonymous + ")"
	}
	return strings.Join(a.Schemes, ", ")
}

func shape(declaration *declare.Declaration) string {
	method := declaration.Method
	switch {
	case method.IsStreamingClient() && method.IsStreamingServer():
		return "bidirectional stream"
	case method.IsStreamingClient():
		return "client stream"
	case method.IsStreamingServer():
		return "server stream"
	default:
		return "unary"
	}
}

// oneLine writes a text of several lines on one.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// short writes a duration without parts that are zero: "15m", not "15m0s".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
