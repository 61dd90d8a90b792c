package declare

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A vocabulary is a kind of catalogue: of roles, or of scopes. Both are enums whose
// values have names.
type vocabulary struct {
	// word is what one entry is called: "role".
	word string
	// mark and entry are the options of the enum and of its values.
	mark, entry protoreflect.ExtensionType
	// slug makes a good name of a text.
	slug func(string) string

	twice, unnamed, zero, outside, redefined Rule
}

func roleVocabulary() *vocabulary {
	return &vocabulary{
		word: "role", mark: sallyportv1.E_Roles, entry: sallyportv1.E_Role,
		slug:  func(text string) string { return slug(text, "._-") },
		twice: RuleCatalogueTwice, unnamed: RuleRoleUnnamed, zero: RuleRoleZero, outside: RuleRoleOutside, redefined: RuleRoleRedefined,
	}
}

func scopeVocabulary() *vocabulary {
	return &vocabulary{
		word: "scope", mark: sallyportv1.E_ScopeCatalogue, entry: sallyportv1.E_Scope,
		slug:  scopeSlug,
		twice: RuleScopeCatalogueTwice, unnamed: RuleScopeUnnamed, zero: RuleScopeZero, outside: RuleScopeOutside, redefined: RuleScopeRedefined,
	}
}

// read reads the option of a value. A scope is read as a role that includes nothing;
// option is the message itself, whose own rules are those of what was written.
func (v *vocabulary) read(options proto.Message) (entry *sallyportv1.Role, option proto.Message, found bool, err error) {
	if v.entry == sallyportv1.E_Role {
		role := &sallyportv1.Role{}
		found, err = readOption(options, v.entry, role)
		return role, role, found, err
	}
	scope := &sallyportv1.Scope{}
	found, err = readOption(options, v.entry, scope)
	return &sallyportv1.Role{Name: scope.GetName()}, scope, found, err
}

// option is what marks the enum: "sallyport.v1.roles".
func (v *vocabulary) option() protoreflect.FullName { return v.mark.TypeDescriptor().FullName() }

// entryOption is what names a value: "sallyport.v1.role".
func (v *vocabulary) entryOption() protoreflect.FullName { return v.entry.TypeDescriptor().FullName() }

// optionText writes the option of an entry.
func (v *vocabulary) optionText(entry *sallyportv1.Role) string {
	return "(" + string(v.entryOption()) + ") = " + strings.TrimPrefix(messageText("entry", entry.ProtoReflect()), "entry: ")
}

// valueText writes an enum value with an entry.
func (v *vocabulary) valueText(name string, number protoreflect.EnumNumber, entry *sallyportv1.Role) string {
	return name + " = " + protoreflect.ValueOfEnum(number).String() + " [" + v.optionText(entry) + "];"
}
