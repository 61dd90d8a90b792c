package action_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// unknown imports every package as one that holds nothing. What is used of them is of
// one and the same invalid type, so that more converts than truly does.
type unknown struct{}

func (unknown) Import(name string) (*types.Package, error) {
	imported := types.NewPackage(name, strings.TrimSuffix(path.Base(name), "/v2"))
	imported.MarkComplete()
	return imported, nil
}

// checked type-checks the package of this folder by itself.
func checked(t *testing.T) *types.Package {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fileSet := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fileSet, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	config := types.Config{Importer: unknown{}, Error: func(error) {}, IgnoreFuncBodies: true}
	pkg, _ := config.Check("action", fileSet, files, nil)
	return pkg
}

// TestKindsDoNotConvert holds every kind of call and of stream against every other,
// and against itself with another message: Go must convert none into another, in
// either direction, as pointers or as values.
func TestKindsDoNotConvert(t *testing.T) {
	t.Parallel()
	pkg := checked(t)
	one, other := types.Typ[types.Int], types.Typ[types.String]
	kinds := map[string]types.Type{}
	for _, name := range []string{"Call", "AnonymousCall", "ClientStream", "AnonymousClientStream", "ServerStream", "BidiStream", "AnonymousBidiStream"} {
		object := pkg.Scope().Lookup(name)
		if object == nil {
			t.Fatalf("there is no %s", name)
		}
		generic, ok := object.Type().(*types.Named)
		if !ok {
			t.Fatalf("%s is %v", name, object.Type())
		}
		for _, message := range []types.Type{one, other} {
			arguments := make([]types.Type, generic.TypeParams().Len())
			for i := range arguments {
				arguments[i] = message
			}
			kind, err := types.Instantiate(nil, generic, arguments, true)
			if err != nil {
				t.Fatal(err)
			}
			kinds[types.TypeString(kind, types.RelativeTo(pkg))] = kind
		}
	}
	for from, a := range kinds {
		if !types.ConvertibleTo(types.NewPointer(a), types.NewPointer(a)) {
			t.Errorf("*%s does not convert into itself: the test asks wrongly", from)
		}
		for to, b := range kinds {
			if from == to {
				continue
			}
			if types.ConvertibleTo(a, b) {
				t.Errorf("%s converts into %s", from, to)
			}
			if types.ConvertibleTo(types.NewPointer(a), types.NewPointer(b)) {
				t.Errorf("*%s converts into *%s", from, to)
			}
		}
	}
}
