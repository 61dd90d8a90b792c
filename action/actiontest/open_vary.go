package actiontest

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// noField is the number of a field that no type has.
const noField = 536_870_911

// open are calls whose requests hold what no type says: fields that are not known, messages
// that are packed, and extensions, each with something in it that only some may write, and
// without.
func (p *plan) open() {
	if !p.judge.guardsWrites {
		return
	}
	declare.EachType(p.declaration.Method.Input(), func(of protoreflect.MessageDescriptor) {
		for _, path := range pathsTo(p.declaration.Method.Input(), of.FullName(), nil) {
			if reachesWrites(of) {
				p.written("with a field of "+string(of.FullName())+" that is not known", func(root protoreflect.Message) {
					at := messageAt(root, path)
					at.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, noField, protowire.VarintType), 1))
				})
			}
			if of.FullName() == "google.protobuf.Any" {
				p.packing(path)
			}
			protoregistry.GlobalTypes.RangeExtensionsByMessage(of.FullName(), func(extension protoreflect.ExtensionType) bool {
				p.written("with the extension "+string(extension.TypeDescriptor().FullName()), func(root protoreflect.Message) {
					messageAt(root, path).Set(extension.TypeDescriptor(), extended(extension))
				})
				return true
			})
		}
	}, nil)
}

// extended is a value of an extension: of a list one element.
func extended(extension protoreflect.ExtensionType) protoreflect.Value {
	value := extension.New()
	if !extension.TypeDescriptor().IsList() {
		return value
	}
	value.List().Append(value.List().NewElement())
	return value
}

// packing are calls whose requests have messages in an Any at a path.
func (p *plan) packing(path []protoreflect.FieldDescriptor) {
	packed := []proto.Message{&emptypb.Empty{}}
	for _, name := range p.writtenTypes() {
		if kind, err := protoregistry.GlobalTypes.FindMessageByName(name); err == nil {
			packed = append(packed, kind.New().Interface())
		}
	}
	for _, message := range packed {
		within, err := anypb.New(message)
		if err != nil {
			continue
		}
		name := string(message.ProtoReflect().Descriptor().FullName())
		p.pack("with a packed "+name, path, within)
		if twice, err := anypb.New(within); err == nil {
			p.pack("with a "+name+" that is packed twice", path, twice)
		}
	}
}

func (p *plan) pack(difference string, path []protoreflect.FieldDescriptor, what *anypb.Any) {
	p.written(difference, func(root protoreflect.Message) {
		setAny(messageAt(root, path), what.GetTypeUrl(), what.GetValue())
	})
}

// setAny sets what an Any holds.
func setAny(at protoreflect.Message, address string, value []byte) {
	fields := at.Descriptor().Fields()
	at.Set(fields.ByName("type_url"), protoreflect.ValueOfString(address))
	at.Set(fields.ByName("value"), protoreflect.ValueOfBytes(value))
}

// writtenTypes are the types of the contract that have a field which only some may write.
func (p *plan) writtenTypes() []protoreflect.FullName {
	var names []protoreflect.FullName
	for _, rule := range p.judge.rules {
		if !rule.AnyoneWrites() {
			names = append(names, rule.Field.ContainingMessage().FullName())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// displacing are calls whose requests write another member of a oneof than the one that leads
// to a field which only some may write.
func (p *plan) displacing() {
	input := p.declaration.Method.Input()
	for _, rule := range p.judge.writing().Rules {
		if rule.AnyoneWrites() {
			continue
		}
		for _, path := range pathsTo(input, rule.Field.ContainingMessage().FullName(), nil) {
			for i, field := range path {
				for _, mate := range matesOf(field) {
					p.displacedBy(rule, path, i, mate)
				}
			}
		}
	}
}

// displacedBy are calls whose requests write a mate of the field at a place of a path.
func (p *plan) displacedBy(rule *declare.FieldRule, path []protoreflect.FieldDescriptor, at int, mate protoreflect.FieldDescriptor) {
	name := fmt.Sprintf("writing %s, which takes the place of %s", mate.FullName(), rule.Field.FullName())
	set := func(root protoreflect.Message) {
		parent := messageAt(root, path[:at])
		parent.Set(mate, parent.NewField(mate))
	}
	p.written(name, set)
	masked := slices.IndexFunc(path[:at], func(field protoreflect.FieldDescriptor) bool { return p.judge.maskOf(field) != nil })
	if masked < 0 {
		return
	}
	for _, last := range []protoreflect.FieldDescriptor{mate, path[at]} {
		var names []string
		for _, field := range path[masked+1 : at] {
			names = append(names, string(field.Name()))
		}
		named := strings.Join(append(names, string(last.Name())), ".")
		p.written(name+", with a mask that names "+string(last.Name()), func(root protoreflect.Message) {
			set(root)
			setMask(messageAt(root, path[:masked]).Mutable(p.judge.maskOf(path[masked])).Message(), named)
		})
	}
}

// written plans calls with a request that was changed, of callers with every role and with none.
func (p *plan) written(difference string, change func(root protoreflect.Message)) {
	for _, base := range p.admitted {
		made := proto.Clone(base.requests[0])
		change(made.ProtoReflect())
		if !p.judge.valid(made) {
			continue
		}
		for _, caller := range p.callersLike(base) {
			call := caller.but(difference, func(a *attempt) { a.requests = []proto.Message{made} })
			p.add(call)
			p.later(call)
		}
	}
}
