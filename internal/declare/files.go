package declare

import (
	"runtime"
	"slices"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// Files reads files one after another as [Reader.File] does, with as many services at a
// time as the program has processors.
func (r *Reader) Files(files []protoreflect.FileDescriptor, given Given) (declarations []*Declaration, refusals []Refusal) {
	type found struct {
		service      protoreflect.ServiceDescriptor
		declarations []*Declaration
		refusals     []Refusal
	}
	var all []*found
	for _, file := range files {
		for _, service := range services(file) {
			if !IsOfProgram(service, given) {
				all = append(all, &found{service: service})
			}
		}
	}
	queue := make(chan *found)
	var readers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		reader := r.fork()
		readers.Go(func() {
			for of := range queue {
				of.declarations, of.refusals = reader.service(of.service, given)
			}
		})
	}
	for _, of := range all {
		queue <- of
	}
	close(queue)
	readers.Wait()
	for _, file := range files {
		refused := r.View(file).refused()
		var declared []*Declaration
		for len(all) > 0 && all[0].service.ParentFile() == file {
			declared, refused = append(declared, all[0].declarations...), append(refused, all[0].refusals...)
			all = all[1:]
		}
		if refusals = append(refusals, refused...); len(refused) == 0 {
			declarations = append(declarations, declared...)
		}
	}
	return declarations, slices.Clip(refusals)
}

// fork returns a reader that reads the same, and remembers by itself.
func (r *Reader) fork() *Reader {
	return fresh(&Reader{files: r.files, goPackage: r.goPackage, validator: r.validator, requests: validation.New(), conditions: r.conditions})
}
