package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
)

// strangers are classes of what strangers send, with the tests of each. Each of these
// asserts what is refused, its code, that no handler ran and what was recorded, and the
// nearest neighbours that pass.
var strangers = []struct {
	class string
	tests []string
}{
	// Way in.
	{"a path that is not quite the procedure's", []string{"TestOtherPaths", "TestOtherPathsOnHTTP2", "TestSameProcedure"}},
	{"a header that claims the check was done already", []string{"TestClaimsAreIgnored"}},
	{"the same call by every protocol", []string{"TestWaysIn"}},
	{"any streaming shape without credentials", []string{"TestStrangersDoNotHoldStreams"}},
	{"what is beside the registry without a declaration", []string{"TestOtherPaths", "TestRefusedBeforeTheGate", "TestEachOptionIsOn"}},
	// Payload and resources.
	{"duplicate keys, two spellings, nesting, null", []string{"TestAmbiguousJSON", "TestNesting"}},
	{"a gzip bomb, a dripped body, a length of 4 GiB", []string{"TestMessageSize", "TestNoAllocationAheadOfData", "TestEndlessMessage"}},
	{"slow headers, slow body, rapid resets, header floods", []string{"TestSlowHeader", "TestSlowBody", "TestSlowBodyOnHTTP2", "TestRapidResets", "TestLargeHeader", "TestConcurrentStreams"}},
	{"a message that breaks a rule many times", []string{"TestViolationsOnTheWire"}},
	{"a large value in a field of another type", []string{"TestAnswerDoesNotEcho", "TestStreamAnswerDoesNotEcho"}},
	{"many connections, each with a large message", []string{"TestPendingIsShed", "TestBudgetIsShared"}},
	{"malformed base64, a parameter twice, chunks, two lengths", []string{"TestMalformed", "TestTwoLengths", "TestNothingIsSmuggled"}},
	{"unknown fields", []string{"TestUnknownFields"}},
	{"a duration outside its own definition", []string{"TestDurationOutsideItsDefinition"}},
	{"a message of millions of elements", []string{"TestElements"}},
	{"more streams, unread answers and calls than one caller or the server may have", []string{
		"TestPrincipalStreams", "TestUnread", "TestReadIsNotCounted", "TestClientNeverReads", "TestOneCallTooMany", "TestSilentClientsDeadline", "TestMaxConnections",
	}},
	{"refusals and panics leave one line each", []string{"TestOneLineForEachRefusal", "TestPanic"}},
	{"a stream whose principal is revoked", []string{"TestStreamEndsWithItsPrincipal"}},
	// Browser.
	{"a cross-site form, text/plain and GET", []string{"TestRefusedBeforeTheGate", "TestCORSAnswers"}},
	{"origin null, suffix and port tricks, a wildcard with credentials", []string{"TestPreflight", "TestCORSWithCredentials", "TestCORSForEveryOrigin", "TestNewRefusesCORS"}},
	// What callers see.
	{"answers are private, and refusals of HTTP say something", []string{"TestGetAnswersArePrivate", "TestRefusalsOfHTTPSaySomething"}},
}

// TestEverythingOn runs the tests of what strangers send once more, where each server has
// telemetry, a strict audit log in SQLite, limits, health, reflection, an admin
// listener, TLS from files, a port for gRPC, and limits of connections and calls.
func TestEverythingOn(t *testing.T) {
	t.Parallel()
	if isEverythingOn() {
		t.Skip("it runs the others")
	}
	if testing.Short() {
		t.Skip("it runs for a minute, and the tests that it runs are run by themselves")
	}
	if raceDetector {
		t.Skip("it takes minutes under the race detector, which the tests that it runs are run by already: make everything")
	}
	var names []string
	for _, stranger := range strangers {
		names = append(names, stranger.tests...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], "-test.v", "-test.count=1", "-test.run=^("+strings.Join(names, "|")+")$")
	command.Env = append(os.Environ(), everythingOn+"=1")
	output, err := command.CombinedOutput()
	text := "\n" + string(output)
	if err != nil {
		t.Errorf("%v: %s", err, failures(text))
	}
	for _, stranger := range strangers {
		for _, name := range stranger.tests {
			if !strings.Contains(text, "\n--- PASS: "+name+" (") {
				t.Errorf("%s: %s did not pass", stranger.class, name)
			}
		}
	}
}

// failures returns what a test's output says of what failed.
func failures(output string) string {
	var kept []string
	for line := range strings.Lines(output) {
		if !strings.Contains(line, "=== ") && !strings.Contains(line, "--- PASS") && len(kept) < 100 {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Each option that TestEverythingOn gives is there: a test without it would prove nothing.
func TestEachOptionIsOn(t *testing.T) {
	t.Parallel()
	if !isEverythingOn() {
		t.Skip("it is run by TestEverythingOn")
	}
	served := serve(t, &directory{})
	client, err := grpc.NewClient(served.all.native, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: served.roots})))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if answer, err := healthv1.NewHealthClient(client).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil || answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health on the port for gRPC: %v, %v", answer, err)
	}
	served.take()
	reflected, err := reflectionv1.NewServerReflectionClient(client).ServerReflectionInfo(t.Context())
	if err == nil {
		_, err = reflected.Recv()
	}
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("reflection of a stranger: %v", err)
	}
	if denied := served.take(); len(denied) != 1 || denied[0].Code.String() != "unauthenticated" {
		t.Errorf("the events of that are %+v", denied)
	}
	if got := served.raw(t, "POST "+listUsers+" HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer admin", "{}"); got.status != http.StatusOK || served.handled.Load() != 1 {
		t.Errorf("a call over TLS: %+v", got)
	}
	response, err := http.Get(served.all.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`sallyport_decisions_total{code="ok",grant="allow[0]",kind="decided",outcome="allow",rpc_method="demo.v1.AccountService/ListUsers"`,
		`code="unauthenticated",grant="",kind="decided",outcome="deny",rpc_method="grpc.reflection.v1.ServerReflection/ServerReflectionInfo"`,
	} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("the metrics lack %s in\n%s", want, metrics)
		}
	}
}
