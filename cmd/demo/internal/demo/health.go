package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sallyport-rpc/sallyport/server"
)

// healthReason says why the health page needs no gate.
const healthReason = "it says whether the demo works, and nothing about its users"

// healthPatience is how long the page waits for an answer of each thing it looks at.
const healthPatience = 2 * time.Second

// A component is something that the demo needs.
type component struct {
	name string
	// check returns an error if the component does not work now.
	check func(context.Context) error
	// problem is what the page says then. The error itself is not for strangers.
	problem string
	// required says that the demo cannot serve any caller without it.
	required bool
}

// withHealth serves a page that says whether the components work.
func withHealth(components ...component) server.Option {
	return server.WithUnguardedHandler("GET /healthz", healthReason, healthPage(components))
}

// healthPage answers with a line for each component. The status is 503 where a required
// one does not work.
func healthPage(components []component) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		status, text := http.StatusOK, ""
		for _, component := range components {
			ctx, cancel := context.WithTimeout(request.Context(), healthPatience)
			err := component.check(ctx)
			cancel()
			state := "ok"
			if err != nil {
				state = component.problem
				if component.required {
					status = http.StatusServiceUnavailable
				}
			}
			text += component.name + ": " + state + "\n" //nolint:perfsprint // three lines
		}
		writer.Header().Set("Content-Type", "text/plain; charset=utf-8")
		writer.Header().Set("Cache-Control", "no-store")
		writer.WriteHeader(status)
		_, _ = fmt.Fprint(writer, text) // the client may be gone
	})
}
