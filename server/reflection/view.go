package reflection

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect/v2"
	"connectrpc.com/grpcreflect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
)

// mostViews is how many views are kept. Callers of the same roles share one.
const mostViews = 64

// A view is what some callers see of a schema. It does not change.
type view struct {
	files    *protoregistry.Files
	types    *protoregistry.Types // the extensions of the files
	services []string             // that are listed, sorted
	server   *connect.Server      // answers questions about the files
	shown    string               // for [ShownHeader]
}

// view returns what a principal sees; nil is an anonymous caller.
func (r *reflector) view(principal *authn.Principal) (*view, error) {
	actions := r.registry.Actions()
	shown := map[protoreflect.FullName]bool{}
	key := make([]byte, len(actions))
	for i, action := range actions {
		if r.registry.Reaches(principal, action.Procedure) {
			shown[action.Method.FullName()] = true
			key[i] = 1
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.views[string(key)]; known != nil {
		return known, nil
	}
	made, err := newView(actions, shown, r.stripped)
	if err != nil {
		return nil, fmt.Errorf("describe what a caller reaches: %w", err)
	}
	for old := range r.views {
		if len(r.views) < mostViews {
			break
		}
		delete(r.views, old)
	}
	r.views[string(key)] = made
	return made, nil
}

// newView makes the view of some methods among the actions.
func newView(actions []action.Action, shown map[protoreflect.FullName]bool, stripped bool) (*view, error) {
	view := &view{files: &protoregistry.Files{}, types: &protoregistry.Types{}, shown: "all"}
	if stripped || len(shown) < len(actions) {
		view.shown = "part"
	}
	copier := &copier{into: view.files, shown: shown, stripped: stripped}
	for _, action := range actions {
		if !shown[action.Method.FullName()] {
			continue
		}
		if err := copier.file(action.Method.ParentFile()); err != nil {
			return nil, err
		}
		if name := string(action.Method.Parent().FullName()); !slices.Contains(view.services, name) {
			view.services = append(view.services, name)
		}
	}
	slices.Sort(view.services)
	var errs []error
	view.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		errs = append(errs, registerExtensions(view.types, file))
		return true
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	view.server = connect.NewServer()
	grpcreflect.Register(view.server,
		grpcreflect.WithNamer(grpcreflect.NamerFunc(func() []string { return view.services })),
		grpcreflect.WithDescriptorResolver(view.files),
		grpcreflect.WithExtensionResolver(view.types),
	)
	return view, nil
}

// answer answers the questions of a stream. The two versions of the protocol are the
// same on the wire.
func (v *view) answer(ctx context.Context, stream connect.ServerStream) error {
	info, _ := connect.CallInfoForServerContext(ctx)
	return v.server.Call(ctx, "/"+grpcreflect.ReflectV1ServiceName+"/ServerReflectionInfo", info, stream)
}

// container is a file or a message: what can define extensions.
type container interface {
	Messages() protoreflect.MessageDescriptors
	Extensions() protoreflect.ExtensionDescriptors
}

func registerExtensions(types *protoregistry.Types, in container) error {
	for i := range in.Extensions().Len() {
		if err := types.RegisterExtension(dynamicpb.NewExtensionType(in.Extensions().Get(i))); err != nil {
			return err
		}
	}
	for i := range in.Messages().Len() {
		if err := registerExtensions(types, in.Messages().Get(i)); err != nil {
			return err
		}
	}
	return nil
}

// A copier copies files with what they import, and without what is not shown.
type copier struct {
	into     *protoregistry.Files
	shown    map[protoreflect.FullName]bool // methods
	stripped bool
}

// file copies a file, unless that was done.
func (c *copier) file(file protoreflect.FileDescriptor) error {
	if _, err := c.into.FindFileByPath(file.Path()); err == nil || file.IsPlaceholder() {
		return nil
	}
	for i := range file.Imports().Len() {
		if err := c.file(file.Imports().Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	copied := proto.CloneOf(protodesc.ToFileDescriptorProto(file))
	c.prune(file, copied)
	if c.stripped {
		strip(file, copied)
	}
	// A file that is no longer imported for its options stays found by its path.
	made, err := protodesc.FileOptions{AllowUnresolvable: true}.New(copied, c.into)
	if err != nil {
		return err
	}
	return c.into.RegisterFile(made)
}
