package server

import (
	"bytes"
	"context"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// BenchmarkDecode is what decoding a small request takes, by connect's codecs and by
// those of a server, which count first and hold the call to its share.
func BenchmarkDecode(b *testing.B) {
	request := &testv1.Request{Owner: "alice", First: 1, Last: 2, Tags: []string{"a", "b"}, Labels: map[string]string{"k": "v"}}
	binary, _ := proto.Marshal(request)
	json, _ := protojson.Marshal(request)
	limits := defaultLimits
	ours := limits.codecs()
	for _, test := range []struct {
		name  string
		codec connect.Codec
		data  []byte
	}{
		{"binary/connect", connectproto.NewBinaryCodec(), binary},
		{"binary/server", ours[0], binary},
		{"JSON/connect", connectproto.NewJSONCodec(), json},
		{"JSON/server", ours[1], json},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			exchange := &exchange{}
			exchange.charge.budget = newBudget(1 << 30)
			ctx := context.WithValue(b.Context(), incomingKey{}, &exchange.incoming)
			var buffer bytes.Buffer
			for b.Loop() {
				buffer.Reset()
				buffer.Write(test.data)
				if err := test.codec.UnmarshalRead(ctx, &buffer, &testv1.Request{}); err != nil {
					b.Fatal(err)
				}
				exchange.charge.authenticate()
			}
		})
	}
}
