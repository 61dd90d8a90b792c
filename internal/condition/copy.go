package condition

import "google.golang.org/protobuf/reflect/protoreflect"

// OfPrincipal is the read of a field of the principal, by its name in CEL: "roles".
func OfPrincipal(field string) Read {
	return Read{Name: "principal." + field, principal: field}
}

// OfRequest is the read of what a path leads to in the request.
func OfRequest(path Path) Read { return Read{Name: path.String(), path: path} }

// Principal returns the field of the principal that is read, by its name in CEL;
// "principal" where it is all of it, and "" where it is none.
func (r Read) Principal() string {
	if r.Name == "principal" {
		return r.Name
	}
	return r.principal
}

// OfRequest reports whether it is the request, or something of it, that is read.
func (r Read) OfRequest() bool { return r.path != nil || r.Name == "request" }

// OfSubject reports whether it is what the condition is about, or something of it, that is
// read: the message, or what a field would become.
func (r Read) OfSubject() bool { return r.ofSubject }

// CopyRequest sets in one message what is read of another of the same type, and
// nothing else: no field that is marked debug_redact or stands below one that is, no
// message in an Any, which may hold such fields, and no unknown field. complete is
// whether all that is read, and set, was copied.
func (r Read) CopyRequest(to, from protoreflect.Message) (complete bool) {
	return copyPath(r.path, to, from)
}

// CopyClaims is [Read.CopyRequest] for the principal's claims.
func (r Read) CopyClaims(to, from protoreflect.Message) (complete bool) {
	return copyPath(r.claims, to, from)
}

// copyPath copies what is at a path. A nil path is the whole message.
func copyPath(path Path, to, from protoreflect.Message) (complete bool) {
	if path == nil {
		return copyMessage(to, from)
	}
	// The message may be of another descriptor of the same name.
	field := from.Descriptor().Fields().ByName(path[0].Name())
	switch {
	case field == nil:
		return false
	case !from.Has(field):
		return true // unset here as there
	case isRedacted(field):
		return false
	case len(path) == 1:
		return copyField(to, from, field)
	case !hasFields(field):
		return false
	default:
		return copyPath(path[1:], to.Mutable(field).Message(), from.Get(field).Message())
	}
}

func copyMessage(to, from protoreflect.Message) (complete bool) {
	if from.Descriptor().FullName() == "google.protobuf.Any" {
		return false
	}
	complete = len(from.GetUnknown()) == 0
	from.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if isRedacted(field) || !copyField(to, from, field) {
			complete = false
		}
		return true
	})
	return complete
}

// copyField copies a field that is set.
func copyField(to, from protoreflect.Message, field protoreflect.FieldDescriptor) (complete bool) {
	complete = true
	value := from.Get(field)
	switch {
	case field.IsMap():
		entries := to.Mutable(field).Map()
		value.Map().Range(func(key protoreflect.MapKey, entry protoreflect.Value) bool {
			if field.MapValue().Message() == nil {
				entries.Set(key, entry)
				return true
			}
			complete = copyMessage(entries.Mutable(key).Message(), entry.Message()) && complete
			return true
		})
	case field.IsList():
		list := to.Mutable(field).List()
		list.Truncate(0) // another read may have copied it already
		for i := range value.List().Len() {
			if field.Message() == nil {
				list.Append(value.List().Get(i))
				continue
			}
			complete = copyMessage(list.AppendMutable().Message(), value.List().Get(i).Message()) && complete
		}
	case field.Message() != nil:
		complete = copyMessage(to.Mutable(field).Message(), value.Message())
	default:
		to.Set(field, value)
	}
	return complete
}
