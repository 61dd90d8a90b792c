package field

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
)

// Masks are read up to their bounds, and refused past them.
func TestMaskBounds(t *testing.T) {
	t.Parallel()
	repeated := func(path string, times int) []string {
		return strings.Split(strings.Repeat(path+",", times-1)+path, ",")
	}
	deep := func(names int) string { return strings.Repeat("manager.", names-1) + "name" }
	for name, test := range map[string]struct {
		paths []string
		ok    bool
	}{
		"paths":          {repeated("name", maxPaths), true},
		"too many paths": {repeated("name", maxPaths+1), false},
		"names":          {[]string{deep(maxDeep)}, true},
		"too many names": {[]string{deep(maxDeep + 1)}, false},
	} {
		mask := (&fieldmaskpb.FieldMask{Paths: test.paths}).ProtoReflect()
		named, err := readMask(mask.Get(mask.Descriptor().Fields().ByName("paths")).List(), (&fieldsv1.User{}).ProtoReflect().Descriptor())
		if test.ok && (named == nil || err != nil) || !test.ok && !errors.Is(err, ErrMask) {
			t.Errorf("%s: it is read: %t, %v, want %t", name, named != nil, err, test.ok)
		}
	}
}
