package declare

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// This file makes the fixes for what a declaration's own parts break: each returns a
// part of the option as it would be accepted, with all that the user wrote and that
// can stay. So a fix of one part is good even where other parts are wrong.

// Limits that sallyport/v1/action.proto states.
const (
	maxReason   = 500
	maxMaxAge   = 366 * 24 * time.Hour
	minRecheck  = time.Second
	maxRecheck  = 24 * time.Hour
	maxCEL      = 4096
	maxName     = 64
	maxScope    = 255
	usualMaxAge = 15 * time.Minute

	// maxTypos is how many characters a name is off by that is taken for a misspelt one.
	maxTypos = 3
)

// fixOf returns the fix for a violation of the option messages' own rules.
func (m *methodReading) fixOf(of problem) string {
	switch part, _, _ := strings.Cut(of.path, "."); {
	case part == "authenticate" && utf8.RuneCountInString(m.option.GetAuthenticate().GetAnonymous()) > maxReason,
		of.path == "authorize.anyone" && utf8.RuneCountInString(m.option.GetAuthorize().GetAnyone()) > maxReason:
		return "shorten the reason to 500 characters"
	case part == "authenticate":
		return m.authenticateText()
	case part == "stream":
		return m.streamText()
	case part == "limit":
		return m.limitsText()
	case strings.HasPrefix(part, "limit["):
		return messageText("limit", m.fixedLimit(m.option.GetLimit()[indexOf(part)]).ProtoReflect())
	case strings.HasPrefix(of.path, "authorize.shadow"):
		return m.shadowText()
	case strings.HasPrefix(of.path, "authorize.each["):
		return m.eachText(of)
	case strings.HasPrefix(of.path, "authorize.allow["):
		grant := m.option.GetAuthorize().GetAllow()[indexOf(of.path)]
		if strings.HasSuffix(of.path, ".cel") && utf8.RuneCountInString(grant.GetCel()) > maxCEL {
			return `move the condition into a check, such as check: "` + snakeCase(string(m.method.Name())+"_allowed") + `"`
		}
		fixed := m.fixedGrant(grant)
		if !hasCondition(fixed) && len(m.option.GetAuthorize().GetAllow()) > 1 {
			return "remove " + messageText("allow", grant.ProtoReflect())
		}
		return m.grantFix(grant, m.orFew(fixed))
	case part == "authorize":
		return m.authorizeText()
	default:
		return ""
	}
}

// indexOf returns the index in a path such as "authorize.allow[2].cel".
func indexOf(path string) int {
	_, after, _ := strings.Cut(path, "[")
	digits, _, _ := strings.Cut(after, "]")
	index := 0
	for _, digit := range digits {
		index = 10*index + int(digit-'0')
	}
	return index
}

// fixMissing returns the fix for an RPC without a declaration: an option for its .proto,
// or an entry for the file of declarations where that has the others.
func (m *methodReading) fixMissing() string {
	action := &sallyportv1.Action{Authenticate: m.fixedAuthenticate(), Authorize: m.fixedAuthorize()}
	if m.streaming() {
		action.Stream = m.fixedStream()
	}
	file := m.method.ParentFile()
	const schema = "sallyport/v1/action.proto"
	imported := imports(file, schema)
	if !imported && m.given.Source != "" {
		return entryText(m.given.Source, Procedure(m.method), action)
	}
	text := optionText(action) + m.near.catalogueText(action.GetAuthorize().GetAllow()...)
	if !imported {
		text = "import \"" + schema + "\";\n" + text
	}
	return text
}

// imports reports whether a file imports a path directly.
func imports(file protoreflect.FileDescriptor, path string) bool {
	for i := range file.Imports().Len() {
		if file.Imports().Get(i).Path() == path {
			return true
		}
	}
	return false
}

// fixAnonymousGrant returns the fix for an anonymous action with grants.
func (m *methodReading) fixAnonymousGrant() string {
	authenticate := m.fixedAuthenticate()
	authenticate.Anonymous, authenticate.Schemes = nil, m.near.schemes()
	return messageText("authenticate", authenticate.ProtoReflect()) + "\nor\n" + m.authorizeText()
}

func (m *methodReading) authenticateText() string {
	return messageText("authenticate", m.fixedAuthenticate().ProtoReflect())
}

func (m *methodReading) authorizeText() string {
	authorize := m.fixedAuthorize()
	return messageText("authorize", authorize.ProtoReflect()) + m.near.catalogueText(authorize.GetAllow()...)
}

func (m *methodReading) grantText(grant *sallyportv1.Grant) string {
	return messageText("allow", grant.ProtoReflect()) + m.near.catalogueText(grant)
}

// grantFix is the text of what a grant is fixed to, or "" where that would let in callers
// that the user's grant does not.
func (m *methodReading) grantFix(grant, fixed *sallyportv1.Grant) string {
	if widens(grant, fixed) {
		return ""
	}
	return m.grantText(fixed)
}

// widens reports whether a fixed grant has fewer conditions, or fewer scopes, than the
// user wrote. A part that cannot be fixed may have been meant to keep callers out.
func widens(grant, fixed *sallyportv1.Grant) bool {
	written := conditionsOf(grant)
	scopes := slices.Compact(slices.Sorted(slices.Values(grant.GetAllScopes())))
	return written > 1 && conditionsOf(fixed) < written ||
		fixed.AllScopes != nil && len(fixed.GetAllScopes()) < len(scopes)
}

func (m *methodReading) streamText() string {
	return messageText("stream", m.fixedStream().ProtoReflect())
}

// fixedAuthenticate is the user's `authenticate`, as it would be accepted.
func (m *methodReading) fixedAuthenticate() *sallyportv1.Authenticate {
	fixed := &sallyportv1.Authenticate{}
	if m.option.GetAuthenticate() != nil {
		fixed = proto.CloneOf(m.option.GetAuthenticate())
	}
	fixed.Schemes = named(fixed.GetSchemes(), m.schemeName)
	switch {
	case len(fixed.GetSchemes()) > 0:
		fixed.Anonymous = nil
	case fixed.Anonymous == nil:
		fixed.Schemes = m.near.schemes()
	case strings.TrimSpace(fixed.GetAnonymous()) == "":
		fixed.Anonymous = new("why callers of " + string(m.method.Name()) + " need not authenticate")
	}
	if age := fixed.GetMaxAge(); fixed.Anonymous != nil {
		fixed.MaxAge = nil
	} else if age != nil && age.AsDuration() <= 0 {
		fixed.MaxAge = durationpb.New(usualMaxAge)
	} else if age != nil && age.AsDuration() > maxMaxAge {
		fixed.MaxAge = durationpb.New(maxMaxAge)
	}
	return fixed
}

// fixedAuthorize is the user's `authorize`, as it would be accepted.
func (m *methodReading) fixedAuthorize() *sallyportv1.Authorize {
	fixed := &sallyportv1.Authorize{}
	if m.option.GetAuthorize() != nil {
		fixed = proto.CloneOf(m.option.GetAuthorize())
	}
	fixed.Allow = nil
	for _, grant := range m.option.GetAuthorize().GetAllow() {
		accepted := m.fixedGrant(grant)
		if hasCondition(accepted) && !widens(grant, accepted) {
			fixed.Allow = append(fixed.Allow, accepted)
		}
	}
	anonymous := m.option.GetAuthenticate() != nil && m.fixedAuthenticate().Anonymous != nil
	if fixed.Shadow = m.fixedShadow(); anonymous {
		fixed.Shadow, fixed.Each = nil, nil
	}
	if fixed.CredentialScopes = named(fixed.GetCredentialScopes(), m.scopeName); anonymous {
		fixed.CredentialScopes = nil
	}
	switch {
	case len(fixed.GetAllow()) > 0 && !anonymous:
		fixed.Anyone = nil
	case fixed.Anyone == nil && !anonymous, len(m.option.GetAuthorize().GetAllow()) > 0 && !anonymous:
		fixed.Allow, fixed.Anyone = []*sallyportv1.Grant{m.near.grant()}, nil
	default:
		fixed.Allow, fixed.Conceal = nil, false
		if strings.TrimSpace(fixed.GetAnyone()) == "" {
			fixed.Anyone = new("why every caller may call " + string(m.method.Name()))
		}
	}
	return fixed
}

// fixedStream is the user's `stream`, as it would be accepted.
func (m *methodReading) fixedStream() *sallyportv1.Stream {
	fixed := &sallyportv1.Stream{}
	if m.option.GetStream() != nil {
		fixed = proto.CloneOf(m.option.GetStream())
	}
	grants := slices.Clone(m.option.GetAuthorize().GetAllow())
	for _, each := range m.option.GetAuthorize().GetEach() {
		grants = append(grants, each.GetAllow()...)
	}
	reads := slices.ContainsFunc(grants, func(grant *sallyportv1.Grant) bool {
		return grant.Cel != nil || grant.Check != nil || grant.When != nil || strings.HasPrefix(grant.GetRelation().GetId(), "request")
	})
	if timing := fixed.GetAuthorize(); timing == sallyportv1.Stream_TIMING_UNSPECIFIED || timing == sallyportv1.Stream_OPEN && reads {
		fixed.Authorize = sallyportv1.Stream_FIRST_MESSAGE
	}
	if recheck := fixed.GetRecheck(); recheck != nil {
		fixed.Recheck = durationpb.New(min(max(recheck.AsDuration(), minRecheck), maxRecheck))
	}
	if saysAnonymous(m.option) {
		fixed.Recheck = nil
	}
	return fixed
}

// fixedGrant is a grant of the user's, as it would be accepted, apart from its
// expression. It may have no condition.
func (m *methodReading) fixedGrant(grant *sallyportv1.Grant) *sallyportv1.Grant {
	fixed := proto.CloneOf(grant)
	fixed.AnyRole = named(grant.GetAnyRole(), m.roleName)
	fixed.AllScopes = named(grant.GetAllScopes(), m.scopeName)
	if strings.TrimSpace(grant.GetCel()) == "" {
		fixed.Cel = nil
	}
	if grant.Check != nil {
		fixed.Check = new(snakeCase(grant.GetCheck()))
	}
	if fixed.GetCheck() == "" {
		fixed.Check = nil
	}
	if grant.GetRelation() != nil {
		fixed.Relation = fixedRelation(grant.GetRelation())
	}
	if grant.When != nil {
		fixed.When = new(m.conditionName(grant.GetWhen()))
	}
	if fixed.GetWhen() == "" {
		fixed.When = nil
	}
	if grant.Name != nil {
		fixed.Name = new(snakeCase(grant.GetName()))
	}
	if fixed.GetName() == "" || fixed.GetName() == "anyone" {
		fixed.Name = nil
	}
	for _, accepted := range fixed.GetAccept() {
		if strings.TrimSpace(accepted.GetReason()) == "" {
			accepted.Reason = "why this is right here"
		}
	}
	return fixed
}

// orFew returns a grant or, where that has no condition, one that few callers satisfy.
func (m *methodReading) orFew(grant *sallyportv1.Grant) *sallyportv1.Grant {
	if !hasCondition(grant) {
		return m.near.grant()
	}
	return grant
}

// hasCondition reports whether a grant has more than a name and what it accepts.
func hasCondition(grant *sallyportv1.Grant) bool { return conditionsOf(grant) > 0 }

// conditionsOf counts the conditions of a grant.
func conditionsOf(grant *sallyportv1.Grant) int {
	return len(slices.DeleteFunc(setFields(grant.ProtoReflect()), isAbout))
}

// isAbout reports whether a field of a grant is about the grant, and no condition.
func isAbout(field protoreflect.FieldDescriptor) bool {
	return field.Name() == "name" || field.Name() == "accept"
}

func (m *methodReading) streaming() bool {
	return m.method.IsStreamingClient() || m.method.IsStreamingServer()
}

// named returns names as made makes them, without those that are left without a
// character, and each once.
func named(names []string, made func(string) string) []string {
	var fixed []string
	for _, name := range names {
		if name := made(name); name != "" && !slices.Contains(fixed, name) {
			fixed = append(fixed, name)
		}
	}
	return fixed
}

// schemeName makes a scheme's name of a text: the text where it is one, and else the
// scheme in use that is nearest.
func (m *methodReading) schemeName(text string) string {
	made := slug(text, "_-")
	if made != text {
		return cmp.Or(nearest(strings.ToLower(text), m.near.schemes()), made)
	}
	return made
}

// roleName makes a role's name of a text: the role of a catalogue that is nearest.
func (m *methodReading) roleName(text string) string {
	known := m.near.roles()
	made := slug(text, "._-")
	if near := nearest(strings.ToLower(text), known); near != "" {
		return near
	}
	if made != text && len(known) > 0 {
		return m.near.grant().GetAnyRole()[0]
	}
	return made
}

// slug makes a name of a text: lower-case letters, digits and the extra characters, at
// most 64, a letter first.
func slug(text, extra string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', strings.ContainsRune(extra, r):
			return r
		case r == ' ' || r == '.' || r == '/':
			return '-'
		default:
			return -1
		}
	}, strings.ToLower(text))
	return text[:min(len(text), maxName)][firstLetter(text):]
}

// firstLetter returns where the first letter of a text of at most 64 characters is.
func firstLetter(text string) int {
	at := strings.IndexFunc(text, func(r rune) bool { return 'a' <= r && r <= 'z' })
	if at < 0 {
		at = len(text)
	}
	return min(at, len(text), maxName)
}

// scopeSlug makes a scope of a text, by RFC 6749, section 3.3.
func scopeSlug(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '.'
		case r < '!' || r > '~' || r == '"' || r == '\\':
			return -1
		default:
			return r
		}
	}, text)
	return text[:min(len(text), maxScope)]
}

// snakeCase makes a name in lower_snake_case of a text, at most 64 characters.
func snakeCase(text string) string {
	var made strings.Builder
	pause := false // a word ends here
	for i, r := range text {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9' && made.Len() > 0:
		case 'A' <= r && r <= 'Z':
			pause = pause || i > 0 && (text[i-1] < 'A' || text[i-1] > 'Z')
			r += 'a' - 'A'
		default:
			pause = true
			continue
		}
		if pause && made.Len() > 0 {
			made.WriteByte('_')
		}
		pause = false
		made.WriteRune(r)
	}
	text = made.String()
	return strings.TrimRight(text[:min(len(text), maxName)], "_")
}
