package telemetry_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
)

// adminAddress finds where the admin pages are served.
var adminAddress = regexp.MustCompile(`serving the admin pages" address=(\S+)`)

// TestGuide serves as docs/guides/telemetry.md does, and reads the metrics.
func TestGuide(t *testing.T) {
	t.Parallel()
	collector := httptest.NewServer(http.NotFoundHandler())
	defer collector.Close()
	registry, err := action.NewRegistry(authn.Schemes{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log, ended := &lines{}, make(chan error, 1)
	go func() {
		ended <- observed(ctx, registry, "127.0.0.1:0", "127.0.0.1:0", collector.URL+"/v1/traces", log)
	}()
	for adminAddress.FindStringSubmatch(log.String()) == nil {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+adminAddress.FindStringSubmatch(log.String())[1]+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(metrics), "sallyport_contract_info{") {
		t.Errorf("%v; no metrics of the contract in\n%s", err, metrics)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
