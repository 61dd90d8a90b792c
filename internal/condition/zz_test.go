package condition

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
)

func TestZZ(t *testing.T) {
	for _, shape := range [][2]int{{1, 2000}, {200, 10}} {
		src := map[string]string{}
		var names []string
		for f := range shape[0] {
			var b strings.Builder
			fmt.Fprintf(&b, "syntax = \"proto3\"; package t%d;\n", f)
			for i := range shape[1] {
				fmt.Fprintf(&b, "message In%d { string id = 1; int64 n = 2; repeated string tags = 3; }\n", i)
			}
			name := fmt.Sprintf("t%d.proto", f)
			src[name] = b.String()
			names = append(names, name)
		}
		c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(src)})}
		fs, err := c.Compile(context.Background(), names...)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		s := time.Now()
		e, _ := NewEnvironment()
		var keep []*Expression
		for _, f := range fs {
			for i := range f.Messages().Len() {
				x, err := e.Compile("request.id == principal.id", f.Messages().Get(i))
				if err != nil {
					t.Fatal(err)
				}
				keep = append(keep, x)
			}
		}
		d := time.Since(s)
		runtime.GC()
		runtime.ReadMemStats(&m1)
		fmt.Println(shape, len(keep), d, (m1.HeapAlloc-m0.HeapAlloc)>>20, "MiB")
		runtime.KeepAlive(keep)
		runtime.KeepAlive(e)
	}
}
