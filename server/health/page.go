package health

import (
	"io"
	"net/http"

	"github.com/sallyport-rpc/sallyport/server"
)

// The reasons for which the pages need no gate.
const (
	liveReason  = "it says that the process answers, and no more"
	readyReason = "it says whether the server can be used, and not why"
)

// Pages returns the options for two pages that anyone can read: /healthz, as [Checks.Live]
// says, and /readyz, as [Checks.Ready] does. With [server.WithHosts] a prober that asks
// for an IP address must be named there.
func (c *Checks) Pages() []server.Option {
	return []server.Option{
		server.WithUnguardedHandler("GET /healthz", liveReason, c.Live()),
		server.WithUnguardedHandler("GET /readyz", readyReason, c.Ready()),
	}
}

// Live returns a page that answers 200 as long as the process answers at all.
// What the checks find does not count: what restarts a process must not do so because its database is gone.
func (c *Checks) Live() http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		answer(writer, http.StatusOK, "ok\n")
	})
}

// Ready returns a page that answers 200 where calls should come, and 503 while the
// server stops or a check of the whole server fails.
func (c *Checks) Ready() http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		switch ctx := request.Context(); {
		case isStopping(ctx):
			answer(writer, http.StatusServiceUnavailable, "stopping\n")
		case !c.works(ctx, ""):
			answer(writer, http.StatusServiceUnavailable, "not ready\n")
		default:
			answer(writer, http.StatusOK, "ok\n")
		}
	})
}

func answer(writer http.ResponseWriter, status int, text string) {
	writer.Header().Set("Content-Type", "text/plain; charset=utf-8")
	writer.Header().Set("Cache-Control", "no-store")
	writer.WriteHeader(status)
	_, _ = io.WriteString(writer, text) // the client may be gone
}
