package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// A wired call is one of a port for gRPC, as far as a stream sees it.
type wired struct {
	port.Call

	metadata          map[string][]string
	encoding, subtype string

	requests io.Reader
	broken   error // what reading says in place of the end
	expired  bool
	expires  []time.Time
	pieces   int // that were read and not freed

	refuses     error // what sending says
	compression []string
	header      []string // how the header was handed over
	trailer     map[string][]string
	sent        []string
	taken       []func(bool)
}

func (w *wired) Metadata() map[string][]string { return w.metadata }
func (w *wired) Encoding() string              { return w.encoding }
func (w *wired) Subtype() string               { return w.subtype }
func (w *wired) ExpireRead(at time.Time)       { w.expires = append(w.expires, at) }
func (w *wired) Expired() bool                 { return w.expired }

func (w *wired) Prefix(prefix *[5]byte) error {
	_, err := io.ReadFull(w.requests, prefix[:])
	if err != nil && w.broken != nil {
		return w.broken
	}
	return err
}

func (w *wired) Read(size int) (port.Piece, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(w.requests, data); err != nil {
		if w.broken != nil {
			return nil, w.broken
		}
		return nil, err
	}
	w.pieces++
	return piece{data, w}, nil
}

func (w *wired) Compression(name string) error {
	w.compression = append(w.compression, name)
	return w.refuses
}

func (w *wired) SendHeader(map[string][]string) error {
	w.header = append(w.header, "sent")
	return w.refuses
}

func (w *wired) SetHeader(map[string][]string) error {
	w.header = append(w.header, "set")
	return nil
}

func (w *wired) SetTrailer(trailer map[string][]string) { w.trailer = trailer }

func (w *wired) Send(message *[]byte, taken func(bool)) error {
	w.sent, w.taken = append(w.sent, string(*message)), append(w.taken, taken)
	return w.refuses
}

// piece is some of what a wired call reads.
type piece struct {
	data []byte
	of   *wired
}

func (p piece) ReadOnlyData() []byte { return p.data }
func (p piece) Free()                { p.of.pieces--; clear(p.data) }

// streamOf makes a stream of a call.
func streamOf(t *testing.T, call *wired, unary bool) *nativeStream {
	t.Helper()
	limits := defaultLimits
	limits.messageBytes = 4 * pieceBytes
	stream := &nativeStream{
		call: call, settings: &settings{limits: limits}, codecs: limits.codecs(), compressor: limits.newCompressor(),
		ctx: t.Context(), unary: unary, single: unary, private: true,
	}
	stream.incoming.charge.budget, stream.incoming.holdings = newBudget(1<<20), newHoldings(10, 1<<20)
	stream.incoming.turn.running = newRunning(1)
	stream.holding.Store(1)
	if err := stream.negotiate(); err != nil {
		t.Fatal(err)
	}
	return stream
}

// within makes the stream one of a context.
func (s *nativeStream) within(ctx context.Context) { s.ctx = ctx }

// How messages are encoded and compressed is found from what the call says.
func TestNativeNegotiates(t *testing.T) {
	t.Parallel()
	accepts := func(lines ...string) map[string][]string { return map[string][]string{"grpc-accept-encoding": lines} }
	for name, test := range map[string]struct {
		call          *wired
		unary, public bool
		codec         string // "" is that it is refused
		packed, gzip  bool
		problem       string
	}{
		"nothing said":               {call: &wired{}, codec: "proto"},
		"proto":                      {call: &wired{subtype: "proto"}, codec: "proto"},
		"JSON":                       {call: &wired{subtype: "json", encoding: "identity"}, codec: "json"},
		"another":                    {call: &wired{subtype: "thrift"}, problem: "unsupported content type"},
		"gzip":                       {call: &wired{encoding: "gzip"}, codec: "proto", packed: true, gzip: true},
		"gzip, of a stranger":        {call: &wired{encoding: "gzip"}, public: true, codec: "proto", packed: true},
		"gzip, and takes none":       {call: &wired{encoding: "gzip", metadata: accepts("identity")}, codec: "proto", packed: true, gzip: true},
		"takes gzip":                 {call: &wired{metadata: accepts("identity,gzip")}, unary: true, codec: "proto", gzip: true},
		"takes gzip in another line": {call: &wired{metadata: accepts("br", "deflate gzip")}, unary: true, codec: "proto", gzip: true},
		"takes gzip, then another":   {call: &wired{metadata: accepts("gzip", "br")}, unary: true, codec: "proto", gzip: true},
		"takes another":              {call: &wired{metadata: accepts("br")}, unary: true, codec: "proto"},
		"takes gzip on a stream":     {call: &wired{metadata: accepts("gzip")}, codec: "proto"},
		"a stranger who takes gzip":  {call: &wired{metadata: accepts("gzip")}, unary: true, public: true, codec: "proto"},
		"a long compression":         {call: &wired{encoding: strings.Repeat("x", mostQuoted)}, problem: "unknown compression"},
		"a longer one":               {call: &wired{encoding: strings.Repeat("x", mostQuoted+1)}, problem: "too long"},
	} {
		stream := &nativeStream{call: test.call, settings: &settings{}, codecs: defaultLimits.codecs(), compressor: defaultLimits.newCompressor(), unary: test.unary, private: !test.public}
		err := stream.negotiate()
		if test.codec == "" {
			if err == nil || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("%s: %v, want %q", name, err, test.problem)
			}
			continue
		}
		if err != nil || stream.codec.Name() != test.codec || stream.packed != test.packed || stream.gzip != test.gzip {
			t.Errorf("%s: %v, packed %t, gzip %t", name, err, stream.packed, stream.gzip)
			continue
		}
		if answer := map[bool]string{false: "identity", true: "gzip"}[test.gzip]; stream.info.Codec != test.codec || stream.info.ResponseEncoding != answer {
			t.Errorf("%s: said to be %+v", name, &stream.info)
		}
	}
}

// framed is a message in gRPC's framing.
func framed(flags byte, data []byte) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(data)))) + string(data)
}

// bytesOf is a message of so many bytes.
func bytesOf(t *testing.T, size int) []byte {
	t.Helper()
	for frame := range 6 {
		if data, err := proto.Marshal(wrapperspb.Bytes(bytes.Repeat([]byte("x"), size-frame))); err != nil || len(data) == size {
			return data
		}
	}
	t.Fatalf("no message has %d bytes", size)
	return nil
}

func zipped(data []byte) []byte {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(data)
	_ = writer.Close()
	return packed.Bytes()
}

// A message is read within the server's limits, and what is wrong with one is said as connect
// says it.
func TestNativeReceives(t *testing.T) {
	t.Parallel()
	const limit = 4 * pieceBytes
	var (
		small = bytesOf(t, 100)
		gone  = errors.New("the transport is gone")
	)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		requests string
		stream   bool
		zips     bool
		broken   error
		expired  bool
		ctx      context.Context
		size     int // of the message that is received
		code     connect.Code
		want     error
	}{
		"one":                          {requests: framed(0, small), size: 100},
		"none":                         {want: errNoMessage, code: connect.CodeUnimplemented},
		"two":                          {requests: framed(0, small) + framed(0, small), want: errMessages, code: connect.CodeUnimplemented},
		"the end of a stream":          {stream: true, want: errEnd, code: connect.CodeUnknown},
		"without content":              {requests: framed(0, nil)},
		"in one piece":                 {requests: framed(0, bytesOf(t, pieceBytes)), size: pieceBytes},
		"in two pieces":                {requests: framed(0, bytesOf(t, pieceBytes+1)), size: pieceBytes + 1},
		"as large as it may be":        {requests: framed(0, bytesOf(t, limit)), size: limit},
		"larger":                       {requests: framed(0, bytesOf(t, limit+1)), code: connect.CodeResourceExhausted},
		"flags":                        {requests: framed(2, small), code: connect.CodeInternal},
		"packed, which was not said":   {requests: framed(1, zipped(small)), want: errNotPacked, code: connect.CodeInternal},
		"packed":                       {requests: framed(1, zipped(small)), zips: true, size: 100},
		"not packed, which may be":     {requests: framed(0, small), zips: true, size: 100},
		"packed as large as it may be": {requests: framed(1, zipped(bytesOf(t, limit))), zips: true, size: limit},
		"packed and larger":            {requests: framed(1, zipped(bytesOf(t, limit+1))), zips: true, code: connect.CodeResourceExhausted},
		"no gzip":                      {requests: framed(1, small), zips: true, want: errPacked, code: connect.CodeInvalidArgument},
		"gzip that is cut":             {requests: framed(1, zipped(small)[:30]), zips: true, want: errPacked, code: connect.CodeInvalidArgument},
		"no message":                   {requests: framed(0, []byte{0xff}), code: connect.CodeInvalidArgument},
		"a prefix that is cut":         {requests: framed(0, small)[:3], want: errCut, code: connect.CodeInternal},
		"a message that is not there":  {requests: framed(0, small)[:5], want: errCut, code: connect.CodeInternal},
		"a message that is cut":        {requests: framed(0, small)[:50], want: errCut, code: connect.CodeInternal},
		"a second prefix that is cut":  {requests: framed(0, small) + "\x00", want: errCut, code: connect.CodeInternal, size: 100},
		"too slow":                     {broken: gone, expired: true, want: errSlow, code: connect.CodeDeadlineExceeded},
		"too slow within a message":    {requests: framed(0, small)[:50], broken: gone, expired: true, want: errSlow, code: connect.CodeDeadlineExceeded},
		"ended":                        {broken: gone, ctx: ended, want: context.Canceled},
		"ended by its deadline":        {broken: gone, ctx: expiredContext(t), want: context.DeadlineExceeded},
		"gone":                         {broken: gone, want: context.Canceled},
		"gone after the one":           {requests: framed(0, small), broken: gone, want: context.Canceled, size: 100},
	} {
		call := &wired{requests: strings.NewReader(test.requests), broken: test.broken, expired: test.expired}
		if test.zips {
			call.encoding = "gzip"
		}
		stream := streamOf(t, call, !test.stream)
		if test.ctx != nil {
			stream.within(test.ctx)
		}
		message := &wrapperspb.BytesValue{}
		err := stream.Receive(message)
		if test.want == nil && test.code == 0 {
			if err != nil || proto.Size(message) != test.size || stream.info.ReceiveStats.Size != test.size || (stream.info.ReceiveStats.CompressedSize > 0) != strings.HasPrefix(test.requests, "\x01") {
				t.Errorf("%s: %d bytes, %+v: %v", name, proto.Size(message), stream.info.ReceiveStats, err)
			}
			if err := stream.Receive(message); !errors.Is(err, io.EOF) {
				t.Errorf("%s: once more: %v", name, err)
			}
		} else if err == nil || test.want != nil && !errors.Is(err, test.want) || test.code != 0 && connect.CodeOf(err) != test.code {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if call.pieces != 0 || len(stream.compressor.places) != 0 {
			t.Errorf("%s: %d pieces and %d places are held", name, call.pieces, len(stream.compressor.places))
		}
		if limited := len(call.expires); limited != map[bool]int{true: 0, false: 2}[test.stream] || limited > 0 && (call.expires[0].IsZero() || !call.expires[1].IsZero()) {
			t.Errorf("%s: reading was limited to %v", name, call.expires)
		}
	}
}

func expiredContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	t.Cleanup(cancel)
	return ctx
}

// Messages of a stream come one by one, each with its own size, and what cannot be received
// into is a fault of the program.
func TestNativeReceivesStream(t *testing.T) {
	t.Parallel()
	call := &wired{requests: strings.NewReader(framed(0, bytesOf(t, 100)) + framed(0, nil) + framed(0, bytesOf(t, 50)))}
	stream := streamOf(t, call, false)
	for _, size := range []int{100, 0, 50} {
		message := &wrapperspb.BytesValue{}
		if err := stream.Receive(message); err != nil || proto.Size(message) != size || stream.info.ReceiveStats.Size != size {
			t.Errorf("%d bytes, said to be %d: %v", proto.Size(message), stream.info.ReceiveStats.Size, err)
		}
	}
	if err := stream.Receive(&wrapperspb.BytesValue{}); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := stream.Receive("no message"); connect.CodeOf(err) != connect.CodeInternal || errors.Is(err, io.EOF) {
		t.Errorf("into no message: %v", err)
	}
	full := streamOf(t, &wired{requests: strings.NewReader(framed(0, bytesOf(t, 100)))}, true)
	full.incoming.charge.budget = newBudget(granule)
	if err := full.Receive(&wrapperspb.BytesValue{}); !errors.Is(err, errBusy) {
		t.Errorf("without room: %v", err)
	}
}
