package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// putPair writes a new certificate and its key.
func putPair(t *testing.T, files TLSFiles) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		files.Certificate: {Type: "CERTIFICATE", Bytes: certificate}, files.Key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}

// The files are looked at once an interval, read where they have changed, and what cannot be
// used is said.
func TestTLSFilesAreLookedAt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const interval = 10 * time.Second
		files := TLSFiles{Certificate: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key")}
		putPair(t, files)
		var log bytes.Buffer
		settings, err := newSettings([]Option{WithLogger(slog.New(slog.NewTextHandler(&log, nil))), WithTLSFiles(files)})
		if err != nil {
			t.Fatal(err)
		}
		current := func(hello *tls.ClientHelloInfo) *tls.Config {
			t.Helper()
			config, err := settings.tls.GetConfigForClient(hello)
			if err != nil || config == nil {
				t.Fatalf("got %v, %v", config, err)
			}
			return config
		}
		expect := func(when string, got, want *tls.Config, logged string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: another configuration", when)
			}
			if !strings.Contains(log.String(), logged) || logged == "" && log.Len() > 0 {
				t.Errorf("%s: logged %q, want %q", when, log.String(), logged)
			}
			log.Reset()
		}
		first := current(nil)
		time.Sleep(interval)
		expect("unchanged", current(nil), first, "")
		putPair(t, files)
		time.Sleep(interval - time.Nanosecond)
		expect("before the interval is over", current(nil), first, "")
		time.Sleep(time.Nanosecond)
		second := current(nil)
		if second == first {
			t.Error("changed files were not read")
		}
		expect("changed", second, second, "the TLS files were read again")
		if err := os.WriteFile(files.Key, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			time.Sleep(interval)
			expect("broken", current(&tls.ClientHelloInfo{}), second, "the TLS files cannot be used; the old ones stay")
		}
		expect("within the interval", current(nil), second, "")
		putPair(t, files)
		time.Sleep(interval)
		if third := current(&tls.ClientHelloInfo{}); third == second {
			t.Error("files that can be used again were not read")
		}
	})
}

// Clients show a certificate where the files name who issues them, unless it is left to them.
func TestClientsOfTLSFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pair := TLSFiles{Certificate: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key")}
	putPair(t, pair)
	for name, test := range map[string]struct {
		issuers  string
		optional bool
		want     tls.ClientAuthType
		refused  bool
	}{
		"none":             {"", false, tls.NoClientCert, false},
		"none, and so":     {"", true, tls.NoClientCert, false},
		"issued by":        {"tls.crt", false, tls.RequireAndVerifyClientCert, false},
		"issued by, or no": {"tls.crt", true, tls.VerifyClientCertIfGiven, false},
		"not there":        {"gone.crt", false, 0, true},
		"no certificate":   {"tls.key", false, 0, true},
	} {
		files := pair
		files.ClientsOptional = test.optional
		if test.issuers != "" {
			files.ClientCAs = filepath.Join(folder, test.issuers)
		}
		config, err := (&reloadedTLS{files: files}).read()
		if name == "not there" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if (err != nil) != test.refused || err == nil && config.ClientAuth != test.want {
			t.Errorf("%s: %v, %v", name, config, err)
		}
	}
}

// A file is the same where its size, its time and itself are.
func TestSameFiles(t *testing.T) {
	t.Parallel()
	folder, at := t.TempDir(), time.Now()
	state := func(name string) fileState {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fileState{1, at, info}
	}
	one, other := state("one"), state("other")
	for name, test := range map[string]struct {
		a, b fileState
		want bool
	}{
		"itself":       {one, state("one"), true},
		"nothing":      {fileState{}, fileState{}, true},
		"another size": {one, fileState{2, at, one.file}, false},
		"another time": {one, fileState{1, at.Add(1), one.file}, false},
		"one gone":     {one, fileState{1, at, nil}, false},
		"one come":     {fileState{1, at, nil}, one, false},
		"another file": {one, other, false},
	} {
		for place := range 3 {
			var a, b [3]fileState
			a[place], b[place] = test.a, test.b
			if got := same(a, b); got != test.want {
				t.Errorf("%s: %t", name, got)
			}
		}
	}
	pair := &ecdsa.PrivateKey{}
	for name, test := range map[string]struct {
		certificate tls.Certificate
		want        bool
	}{
		"a pair":         {tls.Certificate{Certificate: [][]byte{{1}}, PrivateKey: pair}, true},
		"no certificate": {tls.Certificate{PrivateKey: pair}, false},
		"no key":         {tls.Certificate{Certificate: [][]byte{{1}}}, false},
	} {
		if got := usable(test.certificate); got != test.want {
			t.Errorf("%s can be shown: %t", name, got)
		}
	}
}

// undrained is a port that cannot be drained.
type undrained struct {
	noNative

	err error
}

func (u undrained) Drain(context.Context) error { return u.err }

var _ port.Server = undrained{}

// What a port says that cannot be drained is what the shutdown says, and it does not wait.
func TestPortThatIsNotDrained(t *testing.T) {
	t.Parallel()
	broken := errors.New("the port is broken")
	for _, err := range []error{nil, broken} {
		stopped := &Server{settings: &settings{shutdown: time.Hour}, draining: make(chan struct{}), endStreams: func() {}}
		got := stopped.stop(&http.Server{}, undrained{err: err}, func(error) { t.Error("calls were cut off") })
		if !errors.Is(got, err) || (got == nil) != (err == nil) {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}

// A context of signals ends when it is stopped, and when its parent ends.
func TestSignalContextEnds(t *testing.T) {
	t.Parallel()
	ctx, stop := SignalContext(t.Context())
	if ctx.Err() != nil {
		t.Error(ctx.Err())
	}
	stop()
	if ctx.Err() == nil {
		t.Error("it goes on once it is stopped")
	}
	parent, cancel := context.WithCancel(t.Context())
	ctx, stop = SignalContext(parent)
	defer stop()
	cancel()
	<-ctx.Done()
}
