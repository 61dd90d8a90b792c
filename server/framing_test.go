package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/server"
)

// A proxy may read the length of a request in another way than the server does. What
// follows such a request on its connection is never taken for the next one: the
// connection is closed (RFC 9112, section 6.1).
func TestTwoLengths(t *testing.T) {
	t.Parallel()
	const chunks = "2\r\n{}\r\n0\r\n\r\n"
	next := "POST " + listUsers + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		"Authorization: Bearer admin\r\nContent-Length: 2\r\n\r\n{}"
	for name, test := range map[string]struct {
		version, head, body string
		status              int // of the first answer
		second              bool
	}{
		"a length":                          {"1.1", "Content-Length: 2", "{}", 200, true},
		"a length twice, which is the same": {"1.1", "Content-Length: 2\r\nContent-Length: 2", "{}", 200, true},
		"chunks":                            {"1.1", "Transfer-Encoding: chunked", chunks, 200, false},
		"both":                              {"1.1", "Content-Length: 2\r\nTransfer-Encoding: chunked", chunks, 200, false},
		"both, the other way around":        {"1.1", "Transfer-Encoding: chunked\r\nContent-Length: 2", chunks, 200, false},
		"both, in other letters":            {"1.1", "content-length: 2\r\ntRANSFER-eNCODING: Chunked", chunks, 200, false},
		"a length of all that follows":      {"1.1", fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked", len(chunks)+len(next)), chunks, 200, false},
		"an encoding that is not known":     {"1.1", "Content-Length: 2\r\nTransfer-Encoding: identity", "{}", 501, false},
		"two encodings":                     {"1.1", "Transfer-Encoding: gzip, chunked", chunks, 501, false},
		"chunks twice":                      {"1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunks, 501, false},
		"a vertical tab":                    {"1.1", "Content-Length: 2\r\nTransfer-Encoding: \vchunked", chunks, 400, false},
		"a space before the colon":          {"1.1", "Content-Length: 2\r\nTransfer-Encoding : chunked", chunks, 400, false},
		"two lengths":                       {"1.1", "Content-Length: 2\r\nContent-Length: 3", "{}", 400, false},
		"a length with a sign":              {"1.1", "Content-Length: +2", "{}", 400, false},
		"HTTP/1.0 with both":                {"1.0", "Connection: keep-alive\r\nContent-Length: 2\r\nTransfer-Encoding: chunked", "{}", 200, false},
		"HTTP/1.0 with a length":            {"1.0", "Connection: keep-alive\r\nContent-Length: 2", "{}", 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, &directory{}, server.WithIdleTimeout(short))
			conn := served.dial(t)
			if _, err := fmt.Fprintf(conn, "POST %s HTTP/%s\r\nHost: x\r\nContent-Type: application/json\r\n"+
				"Authorization: Bearer admin\r\n%s\r\n\r\n%s%s", listUsers, test.version, test.head, test.body, next); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(long))
			said, _ := io.ReadAll(conn)
			answers := bytes.Count(said, []byte("HTTP/1."))
			want := map[bool]int{true: 2, false: 1}[test.second]
			if !strings.HasPrefix(string(said[min(len("HTTP/1.1 "), len(said)):]), strconv.Itoa(test.status)) || answers != want {
				t.Errorf("there are %d answers, want %d, the first with %d: %q", answers, want, test.status, said)
			}
			handled := want
			if test.status != http.StatusOK {
				handled = 0
			}
			if got := int(served.handled.Load()); got != handled {
				t.Errorf("the handler ran %d times, want %d", got, handled)
			}
			if !test.second && !bytes.Contains(bytes.ToLower(said), []byte("\r\nconnection: close\r\n")) && test.version != "1.0" {
				t.Errorf("the answer does not say that the connection ends: %q", said)
			}
		})
	}
}
