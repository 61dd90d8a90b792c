package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/docs/v1/docsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/docs/v1/docsv1client"
	"github.com/sallyport-rpc/sallyport/server"
)

const (
	others  = "document-of-others"
	missing = "document-of-no-one"
)

// archive has one document, of someone else. It is in memory: the time of a load is the
// application's own.
type archive struct {
	docsv1action.DocumentServiceHandler

	document *docsv1.Document
}

func (archive) EditIsOpen(context.Context, *authn.Principal, *docsv1.DocumentRequest) (bool, error) {
	return false, nil
}

func (a archive) LoadDocument(_ context.Context, _ *authn.Principal, id string) (*docsv1.Document, error) {
	if id != others {
		return nil, action.NotFound()
	}
	return a.document, nil
}

func (archive) LoadFolder(context.Context, *authn.Principal, int64) (*docsv1.Folder, error) {
	return nil, action.NotFound()
}

func main() {
	pairs := flag.Int("pairs", 50_000, "how often each of the two is asked for")
	readers := flag.Int("readers", 3, "how many readers the document has: the gate copies what was loaded, so a large one takes longer")
	unshared := flag.Bool("unshared", false, "say that no loader keeps what it returns, so that it is not copied")
	flag.Parse()
	var options []action.RegistryOption
	if *unshared {
		options = append(options, action.WithUnsharedResources())
	}
	if err := run(max(*pairs, 1), max(*readers, 0), options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(pairs, readers int, options []action.RegistryOption) (err error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	address, served, err := serve(ctx, readers, options)
	if err != nil {
		return err
	}
	defer func() {
		stop()
		err = errors.Join(err, <-served)
	}()
	asks := asker{client: &http.Client{}, url: "http://" + address + docsv1client.DocumentServiceReadConcealedProcedure}
	times := map[string][]time.Duration{others: make([]time.Duration, 0, pairs), missing: make([]time.Duration, 0, pairs)}
	warm := min(pairs, 1_000)
	for i := range pairs + warm {
		order := []string{others, missing}
		if rand.IntN(2) == 0 { //nolint:gosec // it guards nothing
			slices.Reverse(order)
		}
		for _, id := range order {
			took, err := asks.ask(ctx, id)
			if err != nil {
				return err
			}
			if i >= warm {
				times[id] = append(times[id], took)
			}
		}
	}
	found := compare(times[others], times[missing])
	copied := "copied"
	if len(options) > 0 {
		copied = "not copied"
	}
	fmt.Printf("%d pairs, %d readers, %s; each answer has the same %d bytes\n", pairs, readers, copied, len(asks.answer))
	for _, id := range []string{others, missing} {
		of := times[id]
		fmt.Printf("%-20s median %v, a quarter below %v and above %v\n", id, quantile(of, 0.5), quantile(of, 0.25), quantile(of, 0.75))
	}
	fmt.Printf("medians differ by %v; the first is slower in %.2f %% of all pairs, z = %.1f (within noise: from -3.3 to 3.3)\n",
		quantile(times[others], 0.5)-quantile(times[missing], 0.5), 100*found.slower, found.z)
	return nil
}

// serve serves the document on a loopback connection.
func serve(ctx context.Context, readers int, options []action.RegistryOption) (address string, served chan error, err error) {
	// Denials are written as text, and not thinned out.
	log := slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // formatting is measured
	caller := authn.NewPrincipal("caller", authn.Details{Unscoped: true})
	registry, err := action.NewRegistry(authn.Schemes{"session": authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
		return caller, nil
	})}, append(slices.Clone(options), action.WithRecorder(event.LogRecorder(log)))...)
	if err != nil {
		return "", nil, err
	}
	has := archive{document: &docsv1.Document{
		Id: others, OwnerId: "someone-else", ReaderIds: slices.Repeat([]string{"a-reader"}, readers), State: docsv1.State_STATE_DRAFT, Folder: "f",
	}}
	if err := docsv1action.RegisterDocumentService(registry, has, has, has); err != nil {
		return "", nil, err
	}
	srv, err := server.New(registry, server.WithAddress("127.0.0.1:0"), server.WithLogger(log))
	if err != nil {
		return "", nil, err
	}
	listener, err := srv.Listen(ctx)
	if err != nil {
		return "", nil, err
	}
	served = make(chan error, 1)
	go func() { served <- srv.Serve(ctx, listener) }()
	return listener.Addr().String(), served, nil
}

// An asker asks for documents, and holds the answers against the first one.
type asker struct {
	client *http.Client
	url    string
	answer []byte
}

// ask returns how long the answer took, headers and body.
func (a *asker) ask(ctx context.Context, id string) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, strings.NewReader(`{"documentId":"`+id+`","folder":"f"}`))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := a.client.Do(request)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(response.Body)
	took := time.Since(began)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return 0, err
	}
	response.Header.Del("Date")
	answer := fmt.Appendf(nil, "%d %v %s", response.StatusCode, response.Header, body)
	if a.answer == nil {
		a.answer = answer
	}
	if response.StatusCode != http.StatusNotFound || !bytes.Equal(answer, a.answer) {
		return 0, fmt.Errorf("%s is answered %q, and another %q", id, answer, a.answer)
	}
	return took, nil
}
