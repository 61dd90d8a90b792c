package bearer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Bounds of a fetch. The issuer is trusted to say who people are, not to be in good
// health.
const (
	maxBody        = 1 << 20
	maxHeaderBytes = 64 << 10
	maxRedirects   = 3
)

// A fetcher gets documents over HTTP. It starts no goroutine that outlives close.
type fetcher struct {
	client *http.Client
	own    bool // the client's connections are ours to close
}

// newFetcher returns a fetcher that uses a copy of the given client, or a client of
// its own if there is none.
func newFetcher(given *http.Client) *fetcher {
	fetcher := &fetcher{client: new(http.Client), own: given == nil}
	if given != nil {
		*fetcher.client = *given
	} else if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxResponseHeaderBytes = maxHeaderBytes
		fetcher.client.Transport = transport
	} else {
		fetcher.client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: maxHeaderBytes}
	}
	fetcher.client.Jar = nil
	fetcher.client.Timeout = maxFetch
	fetcher.client.CheckRedirect = stay
	return fetcher
}

// stay follows redirects within an origin. To let an address lead elsewhere would
// let everyone who controls a redirect there choose the keys.
func stay(next *http.Request, past []*http.Request) error {
	if first := past[0].URL; next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		return errors.New("it redirects to another origin")
	}
	if len(past) > maxRedirects {
		return errors.New("it redirects too often")
	}
	return nil
}

// fetch returns the document at an address.
func (f *fetcher) fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: status %d", address, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", address, err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("get %s: more than %d bytes", address, maxBody)
	}
	return body, nil
}

// keys returns the JWK Set at an address.
func (f *fetcher) keys(ctx context.Context, address string) (keySet, error) {
	text, err := f.fetch(ctx, address)
	if err != nil {
		return nil, err
	}
	return parseKeySet(text)
}

func (f *fetcher) close() {
	if f.own {
		f.client.CloseIdleConnections()
	}
}
