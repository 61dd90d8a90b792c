package actiontest

import (
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// names says whether a principal may name what the fields of a request name.
func (j *judge) names(principal *authn.Principal, now time.Time, request proto.Message) connect.Code {
	if len(j.declaration.Names) == 0 {
		return Allowed
	}
	return j.namesIn(&condition.Input{Principal: principal, Now: now}, request.ProtoReflect())
}

func (j *judge) namesIn(input *condition.Input, message protoreflect.Message) connect.Code {
	for _, naming := range j.declaration.Names {
		if naming.Of == nil || naming.Field.ContainingMessage().FullName() != message.Descriptor().FullName() {
			continue
		}
		for _, name := range heldNames(message, naming.Field) {
			path, direction, _ := strings.Cut(strings.Trim(name, " "), " ")
			if declare.IsMask(naming.Field) {
				path, direction = name, ""
			}
			if !slices.Contains([]string{"", "asc", "desc"}, strings.TrimLeft(direction, " ")) {
				return connect.CodeInvalidArgument
			}
			if declare.IsMask(naming.Field) && path == "*" {
				continue
			}
			if code := j.named(input, naming, naming.Of, path); code != Allowed {
				return code
			}
		}
	}
	for i := range message.Descriptor().Fields().Len() {
		field := message.Descriptor().Fields().Get(i)
		if !message.Has(field) {
			continue
		}
		for within := range declare.MessagesIn(field, message.Get(field)) {
			if code := j.namesIn(input, within); code != Allowed {
				return code
			}
		}
	}
	return Allowed
}

// heldNames are the names that a field of a message holds.
func heldNames(message protoreflect.Message, field protoreflect.FieldDescriptor) []string {
	if field.Message() == nil && !field.IsList() {
		if text := message.Get(field).String(); text != "" {
			return strings.Split(text, ",")
		}
		return nil
	}
	if mask := field.Message(); mask != nil {
		message, field = message.Get(field).Message(), mask.Fields().ByName("paths")
	}
	var names []string
	for i := range message.Get(field).List().Len() {
		names = append(names, message.Get(field).List().Get(i).String())
	}
	return names
}

// named says whether a path may be named of a type.
func (j *judge) named(input *condition.Input, naming declare.Naming, of protoreflect.MessageDescriptor, path string) connect.Code {
	selects := declare.IsMask(naming.Field)
	name, rest, deeper := strings.Cut(path, ".")
	field := of.Fields().ByName(protoreflect.Name(name))
	if field == nil {
		return connect.CodeInvalidArgument
	}
	within := declare.MessageIn(field)
	code := Allowed
	if !j.readable(input, field, selects) || !selects && within != nil && (!deeper || field.IsMap()) && !j.readableBelow(input, within) {
		code = connect.CodePermissionDenied
	}
	if field.IsMap() && deeper {
		if _, rest, deeper = strings.Cut(rest, "."); !deeper {
			return code
		}
	}
	switch {
	case deeper && within == nil:
		return connect.CodeInvalidArgument
	case deeper:
		if below := j.named(input, naming, within, rest); below == connect.CodeInvalidArgument || code == Allowed {
			return below
		}
	}
	return code
}

// readableBelow reports whether all that a type can hold may be read of every message.
func (j *judge) readableBelow(input *condition.Input, of protoreflect.MessageDescriptor) bool {
	readable := true
	declare.EachType(of, func(of protoreflect.MessageDescriptor) {
		if of.FullName() == "google.protobuf.Any" || of.ExtensionRanges().Len() > 0 {
			readable = false
		}
		for i := range of.Fields().Len() {
			readable = readable && j.readable(input, of.Fields().Get(i), false)
		}
	}, nil)
	return readable
}

// readable reports whether a field may be read of every message or, where selects is true,
// of some.
func (j *judge) readable(input *condition.Input, field protoreflect.FieldDescriptor, selects bool) bool {
	all := slices.Concat(j.declaration.Fields, j.declaration.Details)
	at := slices.IndexFunc(all, func(rule *declare.FieldRule) bool { return rule.Field.FullName() == field.FullName() })
	if at < 0 || all[at].Anyone() {
		return !declare.Guards(field)
	}
	if input.Principal == nil {
		return false
	}
	var grants []surmise
	for _, grant := range all[at].Read {
		var conditions []surmise
		held, _ := hold(grant.Conditions, input, nil)
		for i, of := range grant.Conditions {
			switch of := of.(type) {
			case declare.CEL:
				conditions = append(conditions, surmised(of.Expression, input))
			case declare.When:
				conditions = append(conditions, surmised(of.Expression, input))
			default:
				conditions = append(conditions, surmiseOf(held[i]))
			}
		}
		grants = append(grants, joined(conditions, never, always))
	}
	found := joined(grants, always, never)
	return found == always || selects && found == depends
}
