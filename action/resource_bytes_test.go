package action_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"connectrpc.com/connect/v2"
	"github.com/sallyport-rpc/sallyport/action/event"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
)

// answered is all of what a caller is sent, but for the date.
func (h *docsFixture) answered(t *testing.T, contentType, procedure, as string, request proto.Message) string {
	t.Helper()
	body := must(proto.Marshal(request))
	if strings.HasPrefix(contentType, "application/grpc") {
		body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
	}
	call := must(http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+procedure, bytes.NewReader(body)))
	call.Header.Set("Content-Type", contentType)
	call.Header.Set("TE", "trailers")
	call.Header.Set("Authorization", "session "+planted+"-"+as)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(call)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text := must(io.ReadAll(response.Body))
	response.Header.Del("Date")
	return fmt.Sprintf("%s %v %q %v", response.Status, response.Header, text, response.Trailer)
}

// Who may not read an object is answered the very same bytes as for one that is not there,
// and for what has no name, over every protocol.
func TestNotYoursAndNotThereAreTheSame(t *testing.T) {
	t.Parallel()
	fixture := newDocsFixture(t)
	for _, contentType := range []string{"application/proto", "application/grpc", "application/grpc-web"} {
		for _, method := range []string{"Read", "ReadConcealed", "Edit"} {
			fixture.alone(t, contentType+" "+method, func(t *testing.T) {
				denied := fixture.answered(t, contentType, docs(method), "stranger", docOf("doc"))
				for name, request := range map[string]*docsv1.DocumentRequest{
					"not there": docOf("gone"), "no name": docOf(""), "nothing at all": {},
				} {
					if got := fixture.answered(t, contentType, docs(method), "stranger", request); got != denied {
						t.Errorf("%s: not there: %s\nnot theirs: %s", name, got, denied)
					}
				}
				// The neighbour, so that the two differ from what is let in.
				if let := fixture.answered(t, contentType, docs(method), "alice", docOf("doc")); let == denied {
					t.Errorf("what is let in is the same: %s", let)
				}
				if method != "ReadConcealed" {
					return
				}
				// One who may read all learns of what is not there by the same bytes.
				if got := fixture.answered(t, contentType, docs(method), "admin", docOf("gone")); got != denied {
					t.Errorf("for an admin: %s\nnot theirs: %s", got, denied)
				}
			})
		}
	}
}

// The steps of a call that is about an object come in their order, in every shape and way
// in: the answer is always that of the first step that refuses, and no later one has run.
func TestOrderWithResource(t *testing.T) {
	t.Parallel()
	fixture := newDocsFixture(t)
	steps := []gateStep{atDecode, atValidate, atAuthenticate, {stage: event.StageLoad, code: connect.CodeUnavailable, event: "load doc"}, atAuthorize}
	for _, method := range []string{"Read", "Watch", "Collect", "Chat"} {
		fixture.alone(t, method, func(t *testing.T) {
			fixture.through(t, docs(method), func(t *testing.T, way way) {
				for from := range len(steps) + 1 {
					fixture.askDocsRefusedFrom(t, way, docs(method), steps, from)
				}
			})
		})
	}
}

// askDocsRefusedFrom makes the call for which all steps from the given one on refuse.
func (h *docsFixture) askDocsRefusedFrom(t *testing.T, way way, procedure string, steps []gateStep, from int) {
	t.Helper()
	refuses := func(stage event.Stage) bool {
		return slices.ContainsFunc(steps[from:], func(of gateStep) bool { return of.stage == stage })
	}
	request, as := docOf("doc"), "alice"
	if refuses(event.StageAuthorize) {
		as = "stranger"
	}
	h.library.loadWith(nil)
	if refuses(event.StageLoad) {
		h.library.loadWith(loadsNothing)
	}
	if refuses(event.StageAuthenticate) {
		as = "unknown"
	}
	if refuses(event.StageValidate) {
		request.Folder = strings.Repeat("f", 41)
	}
	var message any = request
	if refuses(event.StageDecode) {
		message = raw("\x0a\xff" + planted)
	}
	h.take()
	_, err := h.call(t, way, procedure, as, message)
	var want []string
	for _, step := range steps[:min(from+1, len(steps))] {
		if step.event != "" {
			want = append(want, step.event)
		}
	}
	if from < len(steps) {
		h.expect(t, append(want, "deny at "+steps[from].stage.String())...)
		if connect.CodeOf(err) != steps[from].code || err == nil {
			t.Errorf("refused at %s: got %v, want %s", steps[from].stage, err, steps[from].code)
		}
		return
	}
	want = append(want, "allow at handle", "handle doc of alice")
	if methodName(procedure) == "Collect" {
		want = append(want, "received, about doc")
	}
	h.expect(t, want...)
	if err != nil {
		t.Errorf("refused by no step: got %v", err)
	}
}
