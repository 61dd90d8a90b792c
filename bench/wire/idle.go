package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// Idle streams: so many callers with so many streams each, over a connection of their own.
const (
	watchers    = 20
	streamsEach = 100
	idleRounds  = 3
)

// idlers are the peers whose streams are held: guarded and not, on each transport.
var idlers = []string{nameOurs, bare, nameGRPC, "grpc-go, bare"}

// idle measures what an idle stream of the server takes, the client being another process.
func (p plan) idle() (raw.Table, error) {
	table := raw.Table{Name: "idle streams", Title: fmt.Sprintf("%d idle server streams, by the server's process", watchers*streamsEach)}
	for _, name := range idlers {
		table.Rows = append(table.Rows, raw.Row{Name: name})
	}
	for range idleRounds {
		for i, name := range idlers {
			sample, err := idleStreams(name)
			if err != nil {
				return table, fmt.Errorf("%s: %w", name, err)
			}
			table.Rows[i].Samples = append(table.Rows[i].Samples, sample)
		}
	}
	return table, nil
}

func idleStreams(name string) (sample raw.Sample, err error) {
	server, err := bidi.start(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	peer := peers[slices.IndexFunc(peers, func(p peer) bool { return p.name == name })]
	if err := bidi.check(peer, server.address); err != nil {
		return nil, err
	}
	before, err := server.usage(askKept)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := range watchers {
		if err := watch(ctx, server.address, watcher(i)); err != nil {
			return nil, err
		}
	}
	after, err := server.usage(askKept)
	if err != nil {
		return nil, err
	}
	const streams = watchers * streamsEach
	return raw.Sample{
		raw.PerStream: (float64(after.Held) - float64(before.Held)) / streams,
		raw.Resident:  (float64(after.Resident) - float64(before.Resident)) / streams,
	}, nil
}

// watch opens the streams of one caller. They live as long as the context.
func watch(ctx context.Context, address, credential string) error {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	for range streamsEach {
		// An empty message in gRPC's frame.
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+watchNotes, bytes.NewReader(make([]byte, 5)))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
		request.Header.Set("Authorization", credential)
		response, err := transport.RoundTrip(request) //nolint:bodyclose // it ends with the context
		if err != nil {
			return err
		}
		if status := response.Header.Get("Grpc-Status"); response.StatusCode != http.StatusOK || status != "" {
			return fmt.Errorf("a stream was refused: %s, gRPC status %s %s", response.Status, status, response.Header.Get("Grpc-Message"))
		}
	}
	return nil
}
