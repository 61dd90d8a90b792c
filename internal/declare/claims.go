package declare

import (
	"fmt"

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
	for _, message := range messages(file.Messages()) {
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

// refusedClaims returns what is wrong with the claims of a view: there may be one type of
// them.
func (v View) refusedClaims() []Refusal {
	var refusals []Refusal
	first := v.Claims()
	for _, file := range v.files {
		read := v.reader.fileClaims(file)
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
