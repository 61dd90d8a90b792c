package declare

import (
	"fmt"
	"iter"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// fileClaims is what one file says of claims.
type fileClaims struct {
	found    []protoreflect.MessageDescriptor
	refusals []Refusal
}

// fileClaims reads which messages of a file are marked (sallyport.v1.claims), nested ones
// included.
func (r *Reader) fileClaims(file protoreflect.FileDescriptor) fileClaims {
	if known, ok := r.claims[file]; ok {
		return known
	}
	var read fileClaims
	for message := range messages(file.Messages()) {
		marked, found, err := findOption(message.Options(), sallyportv1.E_Claims)
		if err != nil {
			refusal := refuse(RuleClaimsUnresolved, string(message.FullName()), positionOf(message), "(sallyport.v1.claims): %v", err)
			refusal.At = message
			read.refusals = append(read.refusals, refusal)
		} else if found && marked.Bool() {
			read.found = append(read.found, message)
		}
	}
	r.claims[file] = read
	return read
}

// Claims returns the message that the declarations of a file read as
// `principal.claims`, or nil where none is marked.
func (r *Reader) Claims(file protoreflect.FileDescriptor) protoreflect.MessageDescriptor {
	for _, visible := range r.visible(file) {
		if found := r.fileClaims(visible).found; len(found) > 0 {
			return found[0]
		}
	}
	return nil
}

// refusedClaims returns what is wrong with the claims that a file sees: there may be one
// type of them.
func (r *Reader) refusedClaims(file protoreflect.FileDescriptor) []Refusal {
	var refusals []Refusal
	first := r.Claims(file)
	for _, visible := range r.visible(file) {
		read := r.fileClaims(visible)
		refusals = append(refusals, read.refusals...)
		for _, message := range read.found {
			if message == first {
				continue
			}
			refusal := refuse(RuleClaimsTwice, string(message.FullName()), positionOf(message),
				"the claims are a %s already (%s)", first.FullName(), positionOf(first))
			refusal.At = message
			refusal.Fix = fmt.Sprintf("remove option (sallyport.v1.claims) from %s, and add its fields to %s", message.Name(), first.FullName())
			refusals = append(refusals, refusal)
		}
	}
	return refusals
}

// messages are messages and those within them.
func messages(of protoreflect.MessageDescriptors) iter.Seq[protoreflect.MessageDescriptor] {
	return func(yield func(protoreflect.MessageDescriptor) bool) {
		for i := range of.Len() {
			if !yield(of.Get(i)) {
				return
			}
			for nested := range messages(of.Get(i).Messages()) {
				if !yield(nested) {
					return
				}
			}
		}
	}
}
