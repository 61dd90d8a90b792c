package server

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// addressed is a port for gRPC that has an address, or a listener of its own.
type addressed struct {
	address  string
	listener net.Listener
}

func (a addressed) Address() string             { return a.address }
func (a addressed) Listener() net.Listener      { return a.listener }
func (a addressed) Start(port.Host) port.Server { return nil }

// A server is of a registry.
func TestNoRegistry(t *testing.T) {
	t.Parallel()
	if made, err := New(nil); made != nil || err == nil || err.Error() != "server: the registry is nil" {
		t.Errorf("%v, %v", made, err)
	}
}

// A server has one port for gRPC, at an address or by a listener.
func TestPortForGRPC(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []Option
		want    string
	}{
		"an address":      {[]Option{WithGRPC(addressed{address: "127.0.0.1:9090"})}, ""},
		"a listener":      {[]Option{WithGRPC(addressed{listener: one{}})}, ""},
		"no address":      {[]Option{WithGRPC(addressed{address: "9090"})}, `gRPC address "9090" is not HOST:PORT`},
		"none":            {[]Option{WithGRPC(nil)}, "the gRPC listener is nil"},
		"two":             {[]Option{WithGRPC(addressed{address: ":1"}), WithGRPC(addressed{address: ":2"})}, "WithGRPC is there twice"},
		"a delay":         {[]Option{WithStopDelay(time.Nanosecond)}, ""},
		"no delay":        {[]Option{WithStopDelay(0)}, ""},
		"a delay below 0": {[]Option{WithStopDelay(-1)}, "stop delay of -1ns is below zero"},
	} {
		settings, err := newSettings(test.options)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if name == "a delay" && settings.stopDelay != time.Nanosecond {
			t.Errorf("%s: %v", name, settings.stopDelay)
		}
	}
}
