package server

import (
	"math"
	"strings"
	"testing"
	"time"
)

// A limit is refused where it is out of its range, and taken at its ends.
func TestLimitsHaveRanges(t *testing.T) {
	t.Parallel()
	times := map[string]func(time.Duration) Option{
		"header timeout": WithHeaderTimeout, "read timeout": WithReadTimeout, "write timeout": WithWriteTimeout,
		"idle timeout": WithIdleTimeout, "ping interval": WithPingInterval, "stream idle timeout": WithStreamIdleTimeout,
		"shutdown timeout": WithShutdownTimeout,
	}
	numbers := map[string]struct {
		option func(int) Option
		most   int
	}{
		"message size": {WithMaxMessageBytes, mostBytes}, "header size": {WithMaxHeaderBytes, mostBytes},
		"number of elements of a message": {WithMaxMessageElements, mostBytes},
		"number of concurrent streams":    {WithMaxConcurrentStreams, math.MaxInt32},
		"number of connections":           {WithMaxConnections, math.MaxInt32}, "number of running calls": {WithMaxRunningCalls, math.MaxInt32},
		"number of messages on a stream":        {func(n int) Option { return WithMaxStreamMessages(int64(n)) }, math.MaxInt64},
		"number of bytes on a stream":           {func(n int) Option { return WithMaxStreamBytes(int64(n)) }, math.MaxInt64},
		"number of unread bytes of a principal": {func(n int) Option { return WithMaxUnreadBytes(int64(n)) }, math.MaxInt64},
		"number of streams of a principal":      {WithMaxPrincipalStreams, math.MaxInt32},
	}
	refused := func(name string, option Option, want bool) {
		t.Helper()
		_, err := newSettings([]Option{option})
		if said := err != nil && strings.Contains(err.Error(), name+" of "); said != want {
			t.Errorf("%s: %v, want it refused: %t", name, err, want)
		}
	}
	for name, option := range times {
		refused(name, option(0), true)
		refused(name, option(-1), true)
		refused(name, option(time.Nanosecond), false)
	}
	for name, test := range numbers {
		refused(name, test.option(-1), true)
		refused(name, test.option(0), true)
		refused(name, test.option(1), false)
		refused(name, test.option(test.most), false)
		if test.most < math.MaxInt64 {
			refused(name, test.option(test.most+1), true)
		}
	}
}
