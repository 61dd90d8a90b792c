package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

const listUsers = demov1client.AccountServiceListUsersProcedure

// A reply is a response that has been read.
type reply struct {
	status          int
	header, trailer http.Header
	body            string
}

// raw writes a request as it stands and reads the response.
func (s *served) raw(t *testing.T, head, body string) reply {
	t.Helper()
	conn := s.dial(t)
	if _, err := fmt.Fprintf(conn, "%s\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(head, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, response.Trailer, string(answer)}
}

// paths are ways to write a path that is not the procedure's, and might be taken
// for it by something between.
func paths() []string {
	paths := []string{
		"/", "//", "/*", "/" + listUsers, listUsers + "/", listUsers + "//", listUsers + "/.", "/." + listUsers,
		"/x/.." + listUsers, listUsers + "/../ListUsers", strings.Replace(listUsers, "/List", "//List", 1),
		strings.ToLower(listUsers), strings.ToUpper(listUsers), strings.Replace(listUsers, "ListUsers", "listUsers", 1),
		strings.Replace(listUsers, "ListUsers", "List%55sers", 1), strings.Replace(listUsers, "demo", "%64emo", 1),
		strings.Replace(listUsers, "/List", "%2FList", 1), strings.Replace(listUsers, "/List", "%2fList", 1),
		strings.Replace(listUsers, "/List", "%5CList", 1), strings.Replace(listUsers, "/List", `\List`, 1),
		listUsers + "%00", listUsers + "%20", listUsers + "%0d%0a", listUsers + ";x=y", listUsers + ".json", listUsers + "%3Fx",
		listUsers + "x", listUsers[:len(listUsers)-1], "/demo.v1.AccountService/", "/demo.v1.AccountService", "/demo.v1.AccountService/Unknown",
		"/demo.v1.Unknown/ListUsers", "/api" + listUsers, "/grpc.health.v1.Health/Check",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/debug/pprof/", "/healthz", "/metrics", "/favicon.ico",
	}
	if isEverythingOn() { // gRPC's own services are declared then
		paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasPrefix(path, "/grpc.") })
	}
	return paths
}

func TestOtherPaths(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	served.raw(t, "GET /healthz HTTP/1.1", "")
	refused := served.takeRefused()
	if len(refused) != 1 || refused[0].Procedure != "/healthz" || refused[0].Code != connect.CodeUnimplemented ||
		refused[0].Reason != "refused before the gate, with HTTP status 404" || !refused[0].Peer.Address.IsLoopback() || refused[0].CallID == "" {
		t.Errorf("the events of refusals are %+v", refused)
	}

	heads := map[string]string{
		"JSON": "Content-Type: application/json\r\n", "gRPC": "Content-Type: application/grpc\r\nTE: trailers\r\n",
		"gRPC-Web": "Content-Type: application/grpc-web+proto\r\n", "nothing": "",
	}
	for _, path := range paths() {
		for name, head := range heads {
			for _, method := range []string{"POST", "GET", "OPTIONS", "HEAD", "DELETE"} {
				got := served.raw(t, fmt.Sprintf("%s %s HTTP/1.1\r\n%sAuthorization: Bearer admin", method, path, head), "")
				refused := got.status == http.StatusNotFound ||
					got.status == http.StatusOK && (got.header.Get("Grpc-Status") == "12" || got.trailer.Get("Grpc-Status") == "12")
				if !refused {
					t.Errorf("%s %s as %s: %+v", method, path, name, got)
				}
				if location := got.header.Get("Location"); location != "" {
					t.Errorf("%s %s as %s: redirected to %s", method, path, name, location)
				}
			}
		}
	}
	if got := served.handled.Load(); got != 0 {
		t.Errorf("the handler ran %d times", got)
	}
	if decisions := served.take(); len(decisions) != 0 {
		t.Errorf("a gate decided %d times", len(decisions))
	}
	// They leave hundreds of events, and the server logs none besides.
	if events, log := len(served.takeRefused()), served.log.take(); events < 500 || strings.Contains(log, "refused") {
		t.Errorf("%d events; the log has %.300s", events, log)
	}
}

// On HTTP/2 a path need not look like one at all.
func TestOtherPathsOnHTTP2(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	paths := append(paths(), listUsers[1:], "demo.v1.AccountService", "x"+listUsers, "http://x"+listUsers, "", "*", " "+listUsers, "/ "+listUsers)
	for _, path := range paths {
		frames := served.dialFrames(t)
		frames.send(frame{kind: frameHeaders, flags: flagEndHeaders | flagEndStream, stream: 1, payload: served.post(path)})
		got, err := frames.next(frameHeaders, frameReset, frameGoAway)
		if err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		switch {
		case got.kind == frameReset && got.payload[3] == codeProtocol: // no path to net/http
		case got.kind == frameHeaders && got.payload[0] == statusOK: // gRPC says no in the trailer
		default:
			t.Errorf("%q: %+v", path, got)
		}
		frames.Close()
	}
	if got := served.handled.Load(); got != 0 {
		t.Errorf("the handler ran %d times", got)
	}
	// The frames are sound: the very path comes through.
	frames := served.dialFrames(t)
	frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: 1, payload: served.post(listUsers)})
	frames.send(frame{kind: frameData, flags: flagEndStream, stream: 1, payload: make([]byte, 5)})
	if _, err := frames.next(frameData); err != nil || served.handled.Load() != 1 {
		t.Errorf("the plain path: %v, and the handler ran %d times", err, served.handled.Load())
	}
}

// The same procedure in other words: each comes to the gate, which decides.
func TestSameProcedure(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	for _, target := range []string{listUsers, listUsers + "?x=y", listUsers + "?", "http://elsewhere" + listUsers} {
		for credential, want := range map[string]int{"Bearer admin": 200, "Bearer member": 403, "none": 401} {
			got := served.raw(t, fmt.Sprintf("POST %s HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: %s", target, credential), "{}")
			if got.status != want {
				t.Errorf("%s by %s: status %d, want %d", target, credential, got.status, want)
			}
		}
	}
}

// Headers by which something in front of a server may claim to have decided.
func TestClaimsAreIgnored(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	claims := []string{
		"X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET", "X-Original-URL: " + listUsers,
		"X-Rewrite-URL: " + listUsers, "X-Forwarded-User: the-admin", "X-Forwarded-Email: admin@example.com", "X-Remote-User: the-admin",
		"Remote-User: the-admin", "X-Auth-Request-User: the-admin", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1",
		"X-Forwarded-Client-Cert: Subject=\"CN=the-admin\"", "X-Middleware-Subrequest: middleware:middleware", "X-User-Id: the-admin",
		"X-Roles: admin", "X-Principal: the-admin", "Connect-Protocol-Version: 1",
	}
	for _, claim := range claims {
		for _, target := range []struct {
			method, path string
			want         int
		}{
			{"POST", listUsers, http.StatusUnauthorized},
			{"POST", demov1client.AccountServiceDeleteUserProcedure, http.StatusBadRequest},
			{"GET", demov1client.AccountServiceDeleteUserProcedure + "?encoding=json&message=%7B%7D", http.StatusMethodNotAllowed},
			{"POST", "/nowhere", http.StatusNotFound},
		} {
			got := served.raw(t, fmt.Sprintf("%s %s HTTP/1.1\r\nContent-Type: application/json\r\n%s",
				target.method, target.path, claim), map[string]string{"POST": "{}"}[target.method])
			if got.status != target.want {
				t.Errorf("%s %s with %q: status %d, want %d", target.method, target.path, claim, got.status, target.want)
			}
		}
	}
	if got := served.handled.Load(); got != 0 {
		t.Errorf("the handler ran %d times", got)
	}
}

// What connect refuses before a gate is reached leaves an event.
func TestRefusedBeforeTheGate(t *testing.T) {
	t.Parallel()
	const deleteUser = demov1client.AccountServiceDeleteUserProcedure
	tests := []struct {
		name, head, body string
		status           int
		code             connect.Code
	}{
		{"text", "POST %s HTTP/1.1\r\nContent-Type: text/plain", "{}", 415, connect.CodeUnimplemented},
		{"a form", "POST %s HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", "a=b", 415, connect.CodeUnimplemented},
		{"a form with files", "POST %s HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x", "--x--", 415, connect.CodeUnimplemented},
		{"no type", "POST %s HTTP/1.1", "{}", 415, connect.CodeUnimplemented},
		{"two types", "POST %s HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Type: application/json", "{}", 415, connect.CodeUnimplemented},
		{"types in one", "POST %s HTTP/1.1\r\nContent-Type: text/plain, application/json", "{}", 415, connect.CodeUnimplemented},
		{"other characters", "POST %s HTTP/1.1\r\nContent-Type: application/json; charset=utf-7", "{}", 415, connect.CodeUnimplemented},
		{"PUT", "PUT %s HTTP/1.1\r\nContent-Type: application/json", "{}", 405, connect.CodeUnimplemented},
		{"preflight", "OPTIONS %s HTTP/1.1\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST", "", 405, connect.CodeUnimplemented},
		{"GET with side effects", "GET %s?encoding=json&message={} HTTP/1.1", "", 405, connect.CodeUnimplemented},
		{"compression", "POST %s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: zip", "{}", 501, connect.CodeUnimplemented},
		{"compression twice", "POST %s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip, gzip", "{}", 501, connect.CodeUnimplemented},
		{"deadline", "POST %s HTTP/1.1\r\nContent-Type: application/json\r\nConnect-Timeout-Ms: soon", "{}", 400, connect.CodeInvalidArgument},
		{"version", "POST %s HTTP/1.1\r\nContent-Type: application/json\r\nConnect-Protocol-Version: 2", "{}", 400, connect.CodeInvalidArgument},
		{"gRPC's compression", "POST %s HTTP/1.1\r\nContent-Type: application/grpc\r\nGrpc-Encoding: zip", "", 200, connect.CodeUnimplemented},
		{"gRPC-Web's deadline", "POST %s HTTP/1.1\r\nContent-Type: application/grpc-web\r\nGrpc-Timeout: soon", "", 200, connect.CodeInvalidArgument},
	}
	served := serve(t, &directory{})
	for _, test := range tests {
		got := served.raw(t, fmt.Sprintf(test.head, deleteUser)+"\r\nAuthorization: Bearer admin", test.body)
		if got.status != test.status {
			t.Errorf("%s: status %d, want %d: %s", test.name, got.status, test.status, got.body)
		}
		if decisions := served.take(); len(decisions) != 0 || served.handled.Load() != 0 {
			t.Errorf("%s: it came to the gate: %+v, and the handler ran %d times", test.name, decisions, served.handled.Load())
		}
		events, want := served.takeRefused(), fmt.Sprintf("refused before the gate, with HTTP status %d", test.status)
		if len(events) != 1 || events[0].Procedure != deleteUser || events[0].Code != test.code || events[0].Reason != want {
			t.Errorf("%s: the events are %+v, want one with code %v", test.name, events, test.code)
		}
	}
}
