package account_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// TestBadInput sends what must be refused, over a real connection. Each request is
// next to one that the admin may make and that would delete another member.
func TestBadInput(t *testing.T) {
	f := newFixture(t)
	f.serve(t)
	sound := `{"userId":"` + f.ids["other"] + `"}`
	binaryOf := func(id string) string {
		encoded, err := proto.Marshal(&demov1.DeleteUserRequest{UserId: id})
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	framed := func(message string) string {
		return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + message
	}
	as := func(name string) map[string]string {
		return map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + f.tokens[name]}
	}
	with := func(header map[string]string, name, value string) map[string]string {
		header[name] = value
		return header
	}
	const procedure = demov1client.AccountServiceDeleteUserProcedure
	f.expire(t, "auditor")

	for _, test := range []struct {
		name   string
		path   string // the procedure, by default
		header map[string]string
		body   string
		status int
		code   connect.Code
		// detail is the type of the one detail, "" for none. Those of gRPC are not read.
		detail string
		// challenged says whether there is a WWW-Authenticate header.
		challenged bool
		// ungated is true of what never comes to a gate, and so leaves no decision.
		ungated bool
	}{
		// Decode.
		{name: "bad JSON", header: as("admin"), body: `{"userId":`, status: 400, code: connect.CodeInvalidArgument},
		{name: "JSON of another shape", header: as("admin"), body: `{"userId":["` + f.ids["other"] + `"]}`, status: 400, code: connect.CodeInvalidArgument},
		{name: "a field twice", header: as("admin"), body: `{"userId":"` + f.ids["other"] + `","user_id":"` + f.ids["other"] + `"}`, status: 400, code: connect.CodeInvalidArgument},
		{name: "more than JSON", header: as("admin"), body: sound + sound, status: 400, code: connect.CodeInvalidArgument},
		{name: "no body", header: as("admin"), status: 400, code: connect.CodeInvalidArgument},
		{name: "bad proto", header: with(as("admin"), "Content-Type", "application/proto"), body: binaryOf(f.ids["other"])[:20], status: 400, code: connect.CodeInvalidArgument},
		{name: "JSON for proto", header: with(as("admin"), "Content-Type", "application/proto"), body: sound, status: 400, code: connect.CodeInvalidArgument},
		{name: "bad proto in gRPC", header: with(as("admin"), "Content-Type", "application/grpc"), body: framed(binaryOf(f.ids["other"])[:20]), status: 200, code: connect.CodeInvalidArgument},
		{name: "no UTF-8", header: with(as("admin"), "Content-Type", "application/proto"), body: "\x0a\x02\xff\xfe", status: 400, code: connect.CodeInvalidArgument},
		{name: "too large", header: as("admin"), body: `{"userId":"` + f.ids["other"] + `"` + strings.Repeat(" ", 4<<20) + `}`, status: 429, code: connect.CodeResourceExhausted},
		{name: "too large in gRPC", header: with(as("admin"), "Content-Type", "application/grpc"), body: framed(strings.Repeat("\x12\x00", 2<<20+1)), status: 200, code: connect.CodeResourceExhausted},
		{name: "wrong content type", header: with(as("admin"), "Content-Type", "text/plain"), body: sound, status: 415, ungated: true},
		{name: "a form", header: with(as("admin"), "Content-Type", "application/x-www-form-urlencoded"), body: "user_id=" + f.ids["other"], status: 415, ungated: true},
		{name: "unknown encoding", header: with(as("admin"), "Content-Encoding", "br"), body: sound, status: 501, code: connect.CodeUnimplemented, ungated: true},
		{name: "no procedure", path: procedure + "/", header: as("admin"), body: sound, status: 404, code: connect.CodeUnimplemented, ungated: true},

		// Validate: also anonymous callers.
		{name: "a broken rule", header: as("admin"), body: `{"userId":"other"}`, status: 400, code: connect.CodeInvalidArgument, detail: "buf.validate.Violations"},
		{name: "a broken rule by an anonymous caller", header: map[string]string{"Content-Type": "application/json"}, body: `{"userId":"other"}`, status: 400, code: connect.CodeInvalidArgument, detail: "buf.validate.Violations"},

		// Authenticate.
		{name: "no credential", header: map[string]string{"Content-Type": "application/json"}, body: sound, status: 401, code: connect.CodeUnauthenticated, challenged: true},
		{name: "no credential in gRPC", header: map[string]string{"Content-Type": "application/grpc"}, body: framed(binaryOf(f.ids["other"])), status: 200, code: connect.CodeUnauthenticated, challenged: true},
		{name: "an unknown session", header: with(as("admin"), "Authorization", "Bearer ses_"+strings.Repeat("A", 43)), body: sound, status: 401, code: connect.CodeUnauthenticated, challenged: true},
		{name: "an expired session", header: as("auditor"), body: sound, status: 401, code: connect.CodeUnauthenticated, challenged: true},
		{name: "a session's token cut off", header: with(as("admin"), "Authorization", "Bearer "+f.tokens["admin"][:20]), body: sound, status: 401, code: connect.CodeUnauthenticated, challenged: true},
		{name: "a password", header: with(as("admin"), "Authorization", "Basic YWRtaW5AZXhhbXBsZS5jb206Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="), body: sound, status: 401, code: connect.CodeUnauthenticated, challenged: true},
		{name: "a cookie of another site", header: map[string]string{
			"Content-Type": "application/json", "Cookie": "session=" + f.tokens["admin"], "Sec-Fetch-Site": "cross-site",
		}, body: sound, status: 401, code: connect.CodeUnauthenticated, challenged: true},
		{name: "two callers", header: with(as("admin"), "Cookie", "session="+f.tokens["member"]), body: sound, status: 401, code: connect.CodeUnauthenticated, challenged: true},

		// Authorize.
		{name: "a wrong role", header: as("member"), body: sound, status: 403, code: connect.CodePermissionDenied, detail: "google.rpc.ErrorInfo"},
		{name: "a wrong role in gRPC", header: with(as("member"), "Content-Type", "application/grpc"), body: framed(binaryOf(f.ids["other"])), status: 200, code: connect.CodePermissionDenied},
		{name: "a claim to be let through", header: with(as("member"), "X-Forwarded-User", f.ids["admin"]), body: sound, status: 403, code: connect.CodePermissionDenied, detail: "google.rpc.ErrorInfo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, ran := f.dump(t), f.handler.ran.Load()
			path := procedure
			if test.path != "" {
				path = test.path
			}
			reply := f.send(t, http.MethodPost, path, test.header, bytes.NewBufferString(test.body))
			got := failure{}
			if status := reply.header.Get("Grpc-Status"); status != "" {
				code, err := strconv.Atoi(status)
				if err != nil {
					t.Fatal(err)
				}
				got.Code = connect.Code(code)
			} else if reply.status != http.StatusUnsupportedMediaType {
				if err := json.Unmarshal([]byte(reply.body), &got); err != nil {
					t.Errorf("the answer is no JSON: %s", reply.body)
				}
			}
			if reply.status != test.status || got.Code != test.code || got.types() != test.detail {
				t.Errorf("got %d, %s, %q: %s", reply.status, got.Code, got.types(), reply.body)
			}
			if challenge := reply.header.Get("WWW-Authenticate"); (challenge != "") != test.challenged {
				t.Errorf("the challenge is %q", challenge)
			}
			if f.handler.ran.Load() != ran {
				t.Error("the handler ran")
			}
			if diff := cmp.Diff(before, f.dump(t)); diff != "" {
				t.Errorf("the database has changed: %s", diff)
			}
			if denials := f.recorder.takeDenials(); len(denials) != 1 && !test.ungated || len(denials) > 0 && test.ungated {
				t.Errorf("the denials recorded: %q", denials)
			}
		})
	}

	// What all of them stand next to.
	if reply := f.send(t, http.MethodPost, procedure, as("admin"), strings.NewReader(sound)); reply.status != http.StatusOK {
		t.Errorf("the sound request: %d %s", reply.status, reply.body)
	}
}
