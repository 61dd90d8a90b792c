package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// TLSFiles are the files of a server's TLS, in PEM.
type TLSFiles struct {
	// Certificate is the path of the certificate, with those that issued it after it.
	// Required.
	Certificate string
	// Key is the path of its private key. Required.
	Key string
	// ClientCAs is the path of the certificates that client certificates must be issued
	// by. Empty asks for no client certificate.
	ClientCAs string
	// ClientsOptional lets clients connect that show no certificate, where ClientCAs is
	// set. One that they show is verified either way. By default every client must show
	// one.
	ClientsOptional bool
	// Interval is how often the files are looked at. 0 stands for ten seconds; it must
	// not be below 10 milliseconds.
	Interval time.Duration
}

// WithTLSFiles makes the server speak TLS as [WithTLS] does, with a certificate and
// client CAs from files that are read again when they change. Connections that are
// open stay open. A handshake that begins after the interval uses the new files; a session
// from before them is not resumed, so that what they no longer trust must be shown
// again. Of [WithTLS] and this option the last one counts.
//
// Files that cannot be read or do not fit together are refused by [New]. Later they are
// logged, and the server goes on with what it has: write the new files beside the old and
// rename them into place, key and certificate one after the other. Open connections of
// clients whose CA is gone are not looked at again.
func WithTLSFiles(files TLSFiles) Option {
	return option.Func[settings](func(s *settings) error {
		if files.Interval == 0 {
			files.Interval = 10 * time.Second
		}
		if files.Interval < 10*time.Millisecond {
			return fmt.Errorf("server: interval of %v of TLS files is below 10ms", files.Interval)
		}
		reloaded := &reloadedTLS{files: files, log: s.log}
		config, err := reloaded.read()
		if err != nil {
			return fmt.Errorf("server: TLS files: %w", err)
		}
		reloaded.config, reloaded.seen, reloaded.looked = config, reloaded.states(), time.Now()
		s.tls = config.Clone()
		s.tls.GetConfigForClient = reloaded.current
		s.encrypted = true
		return nil
	})
}

// A fileState tells whether a file is still the one that was read.
type fileState struct {
	size     int64
	modified time.Time
	file     os.FileInfo
}

// reloadedTLS is a TLS configuration from files. It is safe for concurrent use.
type reloadedTLS struct {
	files TLSFiles
	log   func() *slog.Logger

	mu     sync.Mutex
	config *tls.Config
	seen   [3]fileState
	looked time.Time
}

// current returns the configuration for a handshake. It looks at the files where that
// was not done for an interval.
func (r *reloadedTLS) current(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.looked) < r.files.Interval {
		return r.config, nil
	}
	r.looked = time.Now()
	states := r.states()
	if same(states, r.seen) {
		return r.config, nil
	}
	ctx := context.Background()
	if hello != nil && hello.Context() != nil {
		ctx = hello.Context()
	}
	config, err := r.read()
	if err != nil {
		// It is tried again after the interval: the files may have been half replaced.
		r.log().LogAttrs(ctx, slog.LevelError, "the TLS files cannot be used; the old ones stay", slog.String("error", short(err.Error())))
		return r.config, nil
	}
	r.config, r.seen = config, states
	r.log().LogAttrs(ctx, slog.LevelInfo, "the TLS files were read again", slog.Time("not_after", config.Certificates[0].Leaf.NotAfter))
	return config, nil
}

// states returns what the files look like now. What is not there looks like nothing.
func (r *reloadedTLS) states() [3]fileState {
	var states [3]fileState
	for i, path := range []string{r.files.Certificate, r.files.Key, r.files.ClientCAs} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			states[i] = fileState{info.Size(), info.ModTime(), info}
		}
	}
	return states
}

func same(a, b [3]fileState) bool {
	for i := range a {
		if a[i].size != b[i].size || !a[i].modified.Equal(b[i].modified) || (a[i].file == nil) != (b[i].file == nil) ||
			a[i].file != nil && !os.SameFile(a[i].file, b[i].file) {
			return false
		}
	}
	return true
}

var errNoClientCA = errors.New("it has no certificate that clients could be issued by")

// read reads the files.
func (r *reloadedTLS) read() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(r.files.Certificate, r.files.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", r.files.Certificate, r.files.Key, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if r.files.ClientCAs != "" {
		text, err := os.ReadFile(r.files.ClientCAs)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: %w", r.files.ClientCAs, errNoClientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if r.files.ClientsOptional {
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	// A key for session tickets of its own: net/http would use that of the first
	// configuration, and a session would outlive the CA that it was verified by.
	var key [32]byte
	_, _ = rand.Read(key[:]) // it never fails
	config.SetSessionTicketKeys([][32]byte{key})
	return config, nil
}
