package declare

import "google.golang.org/protobuf/reflect/protoreflect"

// accessService is the one service of this module's own schemas.
const accessService = "sallyport.v1.AccessService"

// IsOfProgram reports whether a service is declared by the program that serves it alone:
// sallyport.v1.AccessService, for which no code is generated and nothing is said in its
// .proto. What declarations from outside say of it is read as of any other.
func IsOfProgram(service protoreflect.ServiceDescriptor, given Given) bool {
	if service.FullName() != accessService {
		return false
	}
	for i := range service.Methods().Len() {
		if given.Actions[Procedure(service.Methods().Get(i))] != nil {
			return false
		}
	}
	return true
}
