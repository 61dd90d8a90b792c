package field

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A writeSays is what a rule says of a principal, of what is stored, which may be nil, and
// of what the field would become, which is nil where that is absent.
type writeSays func(principal *authn.Principal, stored *tree, value any) bool

// A writeReference says what requests write: what this package does, in another and slower
// way. Paths are text, a mask is a list of texts, and the rule of each field is looked up
// wherever the field stands.
type writeReference struct {
	writes map[protoreflect.FullName]writeSays
	reads  reference
	// masks are the fields that hold masks, by the full names of what they are about.
	masks              map[protoreflect.FullName]string
	emptyAll, replaces bool
	about              string // where the request has the message it is about, and "-" where not
	key                string
	// packs are what an Any holds that could write a guarded field, by what they print as.
	packs map[string]bool
	// reached is what was found of types.
	reached map[protoreflect.FullName]bool
	// fault is what this reference does wrong, or "".
	fault fault
}

// A fault is what a reference does wrong, so that a test shows that the comparison finds it.
type fault string

const (
	faultMates     fault = "a member of a oneof writes no other"
	faultDisplaced fault = "a member of a oneof writes nothing below another"
	faultAbove     fault = "a name does not name what stands below it"
	faultBelow     fault = "a name does not write what it stands below"
	faultStar      fault = "* is a name"
	faultOutside   fault = "what is outside of the mask reaches the handler"
	faultAbsent    fault = "a message that is not there is not written"
	faultStored    fault = "what is stored is that of every message"
	faultKey       fault = "the key is a write"
	faultUnknown   fault = "unknown fields reach the handler"
	faultPart      fault = "a part of a field is its value"
	faultMateValue fault = "a member of a oneof that is not named is a value"
	faultUnread    fault = "what may not be read may be replaced"
	faultBlank     fault = "what may not be read may be emptied by who may write it"
	faultEmpty     fault = "an empty mask is the other one"
	faultPath      fault = "a path that leads to nothing is none"
	faultList      fault = "only the first element of a list is looked at"
	faultAny       fault = "what is packed is not looked into"
	faultExtension fault = "extensions are not looked into"
)

// A scope is what a mask names: texts, relative to where it stands. A nil one is of what is
// written by presence.
type scope struct {
	base  string
	paths []string
}

// A verdict is what is found of a request.
type verdict struct {
	refused map[protoreflect.FullName]bool
	unclear bool // a mask cannot be read
	left    *tree
}

// judging is the state of judging one request.
type judging struct {
	*writeReference
	principal *authn.Principal
	stored    *tree
	verdict   verdict
	empty     map[string]bool // types that were judged as not there
}

// judge finds what a request writes, which of it the principal may not, and what is left for
// the handler.
func (r *writeReference) judge(principal *authn.Principal, stored, request *tree) verdict {
	j := &judging{r, principal, stored, verdict{refused: map[protoreflect.FullName]bool{}}, map[string]bool{}}
	var at *scope
	if r.replaces {
		at = &scope{paths: []string{"*"}}
	}
	j.verdict.left = j.message(request.of, request, "", at, true)
	return j.verdict
}

func under(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

// names reports whether a mask names a path or what stands above or below it; whole, whether
// all of it; above, whether that is by what stands above it.
func (j *judging) names(at *scope, path string) (named, whole, above bool) {
	relative := strings.TrimPrefix(strings.TrimPrefix(path, at.base), ".")
	for _, name := range at.paths {
		star := name == "*" && j.fault != faultStar
		over := star || strings.HasPrefix(relative, name+".") && j.fault != faultAbove
		below := strings.HasPrefix(name, relative+".") && j.fault != faultBelow
		named = named || over || name == relative || below
		whole = whole || over || name == relative
		above = above || over
	}
	return named, whole, above
}

// message judges a message, or one that is not there, and returns what is left of it. reads
// is whether it matters what the principal may read of it.
func (j *judging) message(of protoreflect.MessageDescriptor, is *tree, path string, at *scope, reads bool) *tree {
	var left *tree
	if is != nil {
		left = &tree{of: of, fields: maps.Clone(is.fields), unknown: is.unknown}
		if j.reaches(of) && j.fault != faultUnknown {
			left.unknown = ""
		}
		j.open(is)
	}
	var stored *tree
	if is != nil && (path == j.about || j.fault == faultStored) {
		stored = j.stored
	}
	has := func(field protoreflect.FieldDescriptor) bool {
		return is != nil && is.fields[string(field.Name())] != nil
	}
	written := func(field protoreflect.FieldDescriptor) (named, whole, above bool) {
		if at == nil {
			return has(field), true, false
		}
		return j.names(at, under(path, string(field.Name())))
	}
	for field := range each(of) {
		here := under(path, string(field.Name()))
		itself, whole, above := written(field)
		byMate := false
		for mate := range matesOf(field) {
			named, _, _ := written(mate)
			byMate = byMate || named
		}
		_, guarded := j.writes[field.FullName()]
		key := here == j.key && is != nil && j.fault != faultKey
		switch {
		case !guarded || key && (at == nil || above):
		case itself || byMate && j.fault != faultMates:
			var value any
			if is != nil && (itself && whole || itself && j.fault == faultPart || !itself && j.fault == faultMateValue) {
				value = valueOf(is, field)
			}
			j.decide(j.writes[field.FullName()](j.principal, stored, value), field)
		}
		// What comes back with all of a message is what the caller was answered, without what
		// they may not read.
		comes := guarded && (key || has(field) || j.fault == faultBlank)
		if at != nil && above && reads && !comes && j.reads[field.FullName()] != nil && j.fault != faultUnread {
			this := stored
			if this == nil {
				this = &tree{of: of} // of which no condition holds
			}
			j.decide(j.reads[field.FullName()](j.principal, this), field)
		}
		if left != nil && at != nil && j.fault != faultOutside && here != j.key {
			if guarded && !itself || !itself && !byMate && j.writesOneof(field) {
				delete(left.fields, string(field.Name()))
			}
		}
		within := declare.MessageIn(field)
		if within == nil {
			continue
		}
		below := at
		if mask := j.masks[field.FullName()]; mask != "" && at == nil && is != nil {
			below = j.maskOf(is, mask, here, within)
			if below == nil {
				continue
			}
			itself = len(below.paths) > 0
		}
		if left != nil && left.fields[string(field.Name())] != nil {
			left.fields[string(field.Name())] = j.value(within, left.fields[string(field.Name())], here, below)
		}
		if !has(field) && below != nil && itself && j.fault != faultAbsent {
			j.absent(within, here, below, reads)
		}
		if byMate && (!has(field) || !whole || !itself) && j.fault != faultDisplaced {
			j.absent(within, here, &scope{base: here, paths: []string{"*"}}, false)
		}
	}
	return left
}

// absent judges a message that is not there.
func (j *judging) absent(of protoreflect.MessageDescriptor, path string, at *scope, reads bool) {
	if _, whole, _ := j.names(at, under(path, "x")); whole {
		emptied := fmt.Sprint(of.FullName(), reads)
		if j.empty[emptied] {
			return // what is said of it is known
		}
		j.empty[emptied] = true
	}
	j.message(of, nil, path, at, reads)
}

func (j *judging) decide(may bool, field protoreflect.FieldDescriptor) {
	if !may {
		j.verdict.refused[field.FullName()] = true
	}
}

func (j *judging) value(of protoreflect.MessageDescriptor, value any, path string, at *scope) any {
	switch value := value.(type) {
	case *tree:
		return j.message(of, value, path, at, true)
	case []any:
		elements := []any{}
		for i, element := range value {
			if i > 0 && j.fault == faultList {
				elements = append(elements, element)
				continue
			}
			elements = append(elements, j.message(of, element.(*tree), path, at, true))
		}
		return elements
	default:
		entries := map[any]any{}
		for key, entry := range value.(map[any]any) {
			entries[key] = j.message(of, entry.(*tree), path, at, true)
		}
		return entries
	}
}

// maskOf reads a mask, or notes that it cannot be read and returns nil.
func (j *judging) maskOf(is *tree, name, path string, of protoreflect.MessageDescriptor) *scope {
	var paths []string
	if mask, ok := is.fields[name].(*tree); ok {
		named, _ := mask.fields["paths"].([]any)
		for _, path := range named {
			paths = append(paths, path.(string))
		}
	}
	if len(paths) == 0 && j.emptyAll != (j.fault == faultEmpty) {
		paths = []string{"*"}
	}
	for _, path := range paths {
		if path != "*" && !leads(of, strings.Split(path, ".")) && j.fault != faultPath {
			j.verdict.unclear = true
			return nil
		}
	}
	return &scope{base: path, paths: paths}
}

// leads reports whether names lead from a type to a field of it.
func leads(of protoreflect.MessageDescriptor, names []string) bool {
	field := of.Fields().ByName(protoreflect.Name(names[0]))
	switch {
	case field == nil:
		return false
	case len(names) == 1:
		return true
	default:
		return field.Message() != nil && field.Cardinality() != protoreflect.Repeated && leads(field.Message(), names[1:])
	}
}

// open refuses what a message holds that its descriptor does not say.
func (j *judging) open(is *tree) {
	if is.of.FullName() == "google.protobuf.Any" {
		if j.fault != faultAny {
			j.decide(!j.packs[packed(is)], is.of.Fields().ByName("value"))
		}
		return
	}
	for name, value := range is.fields {
		if strings.HasPrefix(name, "[") && j.fault != faultExtension && j.packsIn(value) {
			j.verdict.refused[protoreflect.FullName(strings.Trim(name, "[]"))] = true
		}
	}
}

// packsIn reports whether what an extension holds could write a guarded field.
func (j *judging) packsIn(value any) bool {
	switch value := value.(type) {
	case *tree:
		if j.reaches(value.of) || j.packs[packed(value)] {
			return true
		}
		return slices.ContainsFunc(slices.Collect(maps.Values(value.fields)), j.packsIn)
	case []any:
		return slices.ContainsFunc(value, j.packsIn)
	case map[any]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(value)), j.packsIn)
	default:
		return false
	}
}

func packed(is *tree) string {
	address, _ := is.fields["type_url"].(string)
	value, _ := is.fields["value"].(string)
	return address + " " + value
}

// reaches reports whether a message of a type can have a field that only some may write.
func (j *judging) reaches(of protoreflect.MessageDescriptor) bool {
	if known, ok := j.reached[of.FullName()]; ok {
		return known
	}
	guarded := reference{}
	for name := range j.writes {
		guarded[name] = nil
	}
	j.reached[of.FullName()] = guarded.reaches(of, map[protoreflect.FullName]bool{})
	return j.reached[of.FullName()]
}

// writesOneof reports whether a field is a member of a oneof that has a guarded field as a
// member, or below one.
func (j *judging) writesOneof(field protoreflect.FieldDescriptor) bool {
	writes := func(field protoreflect.FieldDescriptor) bool {
		_, guarded := j.writes[field.FullName()]
		within := declare.MessageIn(field)
		return guarded || within != nil && j.reaches(within)
	}
	found, mated := writes(field), false
	for mate := range matesOf(field) {
		found, mated = found || writes(mate), true
	}
	return found && mated
}

func each(of protoreflect.MessageDescriptor) func(func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range of.Fields().Len() {
			if !yield(of.Fields().Get(i)) {
				return
			}
		}
	}
}

// matesOf are the other members of a field's oneof.
func matesOf(field protoreflect.FieldDescriptor) func(func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for other := range each(field.ContainingMessage()) {
			if other != field && other.ContainingOneof() != nil && other.ContainingOneof() == field.ContainingOneof() && !yield(other) {
				return
			}
		}
	}
}

// valueOf is what conditions read of a field of a message.
func valueOf(is *tree, field protoreflect.FieldDescriptor) any {
	value := is.fields[string(field.Name())]
	if value != nil || field.HasPresence() {
		return value
	}
	switch {
	case field.IsList():
		return []any{}
	case field.IsMap():
		return map[any]any{}
	default:
		return field.Default().String()
	}
}

// agree holds what is found of a request against the reference. It returns what differs.
func (r *writeReference) agree(t *testing.T, writing *Writing, principal *authn.Principal, stored, request proto.Message) (difference string) {
	t.Helper()
	var object *tree
	if stored != nil {
		object = treeOf(stored.ProtoReflect())
	}
	want := r.judge(principal, object, treeOf(request.ProtoReflect()))
	err := writing.Write(t.Context(), Writer{Principal: principal, Stored: stored}, request)
	refused, isRefused := errors.AsType[*RefusedError](err)
	switch {
	case isRefused && refused.Undecided != nil:
		return "undecided: " + err.Error()
	case isRefused && want.refused[refused.Field]:
	case isRefused && refused.Field == "google.protobuf.Any" && want.refused["google.protobuf.Any.value"]:
	case errors.Is(err, ErrMask) && want.unclear:
	case err != nil:
		return "got " + err.Error() + ", want it written"
	case want.unclear:
		return "it is written, and a mask of it leads to nothing"
	case len(want.refused) > 0:
		names := slices.Sorted(maps.Keys(want.refused))
		return "it is written, and it has " + string(names[0])
	case !reflect.DeepEqual(want.left, treeOf(request.ProtoReflect())):
		return "of what is left, -want +got\n" + cmp.Diff(show(want.left), show(treeOf(request.ProtoReflect())))
	}
	return ""
}
