package action_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/writes/v1/writesv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/writes/v1/writesv1client"
)

// letters keeps one letter.
type letters struct {
	mu   sync.Mutex
	kept *writesv1.Letter
}

func (l *letters) set(kept *writesv1.Letter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = kept
}

func (l *letters) get() *writesv1.Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

func (l *letters) Get(context.Context, *action.Call[writesv1.GetLetterRequest]) (*writesv1.LetterResponse, error) {
	return &writesv1.LetterResponse{Letter: l.get()}, nil
}

func (l *letters) Replace(_ context.Context, call *action.Call[writesv1.LetterRequest]) (*writesv1.WriteLetterResponse, error) {
	l.set(call.Message().GetLetter())
	return &writesv1.WriteLetterResponse{}, nil
}

func (l *letters) Change(_ context.Context, call *action.Call[writesv1.ChangeLetterRequest]) (*writesv1.WriteLetterResponse, error) {
	if !slices.Equal(call.Message().GetUpdateMask().GetPaths(), []string{"title"}) {
		l.set(call.Message().GetLetter()) // all of it
		return &writesv1.WriteLetterResponse{}, nil
	}
	changed := proto.CloneOf(l.get())
	changed.Title = call.Message().GetLetter().GetTitle()
	l.set(changed)
	return &writesv1.WriteLetterResponse{}, nil
}

// A client that reads a message, changes it and sends all of it back empties nothing that was
// cleared from its answer: it is refused, whether or not it may write that, and by each way in.
func TestWriteBack(t *testing.T) {
	t.Parallel()
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		name, role, _ := strings.Cut(call.RequestHeader().Get("Authorization"), " ")
		return authn.NewPrincipal(name, authn.Details{Unscoped: true, Roles: []string{role}}), nil
	})
	kept := &letters{}
	registry := must(action.NewRegistry(authn.Schemes{"session": sessions}))
	if err := writesv1action.RegisterLetterService(registry, kept); err != nil {
		t.Fatal(err)
	}
	ways, _, _ := waysTo(t, registry)
	whole := func() *writesv1.Letter { return &writesv1.Letter{Title: "t", Secret: "s", Note: "n"} }
	for name, test := range map[string]struct {
		as      string
		change  func(*writesv1.Letter)
		paths   []string
		replace bool
		refused string // the field
		want    func(*writesv1.Letter)
	}{
		"all, by who reads and writes":           {as: "alice admin", replace: true},
		"all, by who writes and reads not":       {as: "bob admin", replace: true, refused: "Letter.secret"},
		"all, by who reads and writes not":       {as: "alice member", replace: true, refused: "Letter.secret"},
		"all with a new secret, without a note":  {as: "bob admin", replace: true, change: func(l *writesv1.Letter) { l.Secret = "new" }, refused: "Letter.note"},
		"* with a new secret, without a note":    {as: "bob admin", paths: []string{"*"}, change: func(l *writesv1.Letter) { l.Secret = "new" }, refused: "Letter.note"},
		"*, by who writes and reads not":         {as: "bob admin", paths: []string{"*"}, refused: "Letter.secret"},
		"no mask, by who writes and reads not":   {as: "bob admin", refused: "Letter.secret"},
		"*, by who reads and writes":             {as: "alice admin", paths: []string{"*"}},
		"what was changed, by who reads nothing": {as: "bob member", paths: []string{"title"}, change: func(l *writesv1.Letter) { l.Title = "new" }, want: func(l *writesv1.Letter) { l.Title = "new" }},
	} {
		for way, client := range ways {
			if way == "connect-json" && slices.Contains(test.paths, "*") {
				continue // JSON has no such mask
			}
			kept.set(whole())
			caller := writesv1client.NewLetterServiceClient(client)
			read, err := caller.Get(asNoteCaller(t, test.as), &writesv1.GetLetterRequest{})
			if err != nil {
				t.Fatal(err)
			}
			letter := read.GetLetter()
			if test.change != nil {
				test.change(letter)
			}
			if test.replace {
				_, err = caller.Replace(asNoteCaller(t, test.as), &writesv1.LetterRequest{Letter: letter})
			} else {
				_, err = caller.Change(asNoteCaller(t, test.as), &writesv1.ChangeLetterRequest{Letter: letter, UpdateMask: &fieldmaskpb.FieldMask{Paths: test.paths}})
			}
			if test.refused == "" && err != nil || test.refused != "" && (connect.CodeOf(err) != connect.CodePermissionDenied || !strings.Contains(err.Error(), test.refused)) {
				t.Errorf("%s, by %s: got %v, want %q refused", name, way, err, test.refused)
			}
			want := whole()
			if test.want != nil {
				test.want(want)
			}
			if difference := cmp.Diff(want, kept.get(), protocmp.Transform()); difference != "" {
				t.Errorf("%s, by %s: kept, -want +got\n%s", name, way, difference)
			}
		}
	}
}
