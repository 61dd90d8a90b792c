package policy

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Of a request is kept what the grants read, and all of it where a check is asked.
func TestKeep(t *testing.T) {
	t.Parallel()
	yes := func(context.Context, *authn.Principal, proto.Message) (bool, error) { return true, nil }
	for name, test := range map[string]struct{ authorize, want string }{
		"nothing":           {`allow: {any_role: "admin"}`, ``},
		"a field":           {`allow: {any_role: "admin"} allow: {cel: "principal.id == request.owner"}`, `owner: "bob"`},
		"a named condition": {`allow: {when: "own"}`, `owner: "bob"`},
		"of several grants": {`allow: {cel: "request.open && principal.id == 'x'"} allow: {cel: "principal.id == request.owner"}`, `owner: "bob" open: true`},
		"redacted":          {`allow: {cel: "request.secret == 'x' && principal.id == 'x'"}`, `secret: "planted"`},
		"a check":           {`allow: {any_role: "admin" check: "ok"} allow: {cel: "principal.id == request.owner"}`, filled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize)
			var kept Kept
			New(declaration, map[string]CheckFunc{"ok": yes}).Keep(&kept, request(t, declaration.Method.Input(), filled))
			if got, want := kept.Request(), request(t, declaration.Method.Input(), test.want); !proto.Equal(got, want) {
				t.Errorf("it keeps %v, want %v", got, want)
			}
		})
	}
}
