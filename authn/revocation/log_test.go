package revocation_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// What a bus logs: each change of a link once, and nothing when it is closed in order.
// This test is the only one that is not parallel, so that no other bus logs meanwhile.
func TestLog(t *testing.T) { //nolint:paralleltest // see above
	before := slog.Default()
	defer slog.SetDefault(before)
	var log bytes.Buffer // read when all goroutines of the bubble wait
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	expect := func(when string, want ...string) {
		t.Helper()
		synctest.Wait()
		var got []string
		for line := range strings.Lines(log.String()) {
			_, line, _ = strings.Cut(line, " level=")
			level, text, _ := strings.Cut(line, " ")
			text, _, _ = strings.Cut(strings.TrimPrefix(text, `msg="`), `"`)
			got = append(got, level+" "+text)
		}
		log.Reset()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	const (
		down        = "WARN the link for revocations is down: those of other processes take effect with a delay"
		up          = "INFO the link for revocations is up again"
		unpublished = "WARN revocations cannot be published: they take effect in other processes with a delay"
		given       = "WARN some revocations were not published to other processes"
		undelivered = "WARN the link for revocations does not deliver them: those of other processes take effect with a delay"
		delivers    = "INFO the link for revocations delivers them again"
	)
	synctest.Test(t, func(t *testing.T) {
		link := newHub()
		bus, _ := open(t, link)
		time.Sleep(time.Hour)
		expect("while all is well")
		link.turn(true)
		time.Sleep(time.Hour)
		expect("the link is down for an hour", down)
		bus.Publish(revocation.OfPrincipal("ada"))
		time.Sleep(time.Hour)
		expect("something is to be published meanwhile", unpublished)
		link.turn(false)
		time.Sleep(time.Hour)
		expect("the link is back", up)
		link.turn(true)
		time.Sleep(time.Second)
		expect("the link is down again", down)
		bus.Publish(revocation.OfPrincipal("ada"))
		time.Sleep(time.Second)
		expect("something is to be published again", unpublished)
		bus.Close()
		expect("the bus is closed with something unpublished", given)
	})
	synctest.Test(t, func(t *testing.T) {
		link := &pooler{hub: newHub()}
		bus, _ := open(t, link)
		link.loses.Store(true)
		time.Sleep(time.Hour)
		expect("the link loses what it takes for an hour", undelivered)
		link.loses.Store(false)
		time.Sleep(time.Hour)
		expect("the link delivers again", delivers)
		bus.Close()
		expect("the bus is closed")
	})
	synctest.Test(t, func(t *testing.T) {
		bus, _ := open(t, silent{})
		bus.Publish(revocation.OfPrincipal("ada"))
		time.Sleep(time.Second)
		bus.Close()
		expect("the bus is closed while it publishes", given)
	})
}
