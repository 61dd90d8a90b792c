package demo

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// asProgram is set in the environment to make the test binary run the demo.
const asProgram = "DEMO_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		Main(nil)
		return
	}
	os.Exit(m.Run())
}

// buffer is written to by one goroutine and read by another.
type buffer struct {
	mu      sync.Mutex
	content bytes.Buffer
}

func (b *buffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.Write(data)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}

// A program is the demo, running as a process of its own.
type program struct {
	command *exec.Cmd
	// welcome is all that it printed at the start, and url where it serves.
	welcome, url string
	log          *buffer
	// temp is its folder for temporary files.
	temp  string
	ended chan error
}

// start starts the demo and waits until it has printed its welcome. It is killed at
// the end of the test.
func start(t *testing.T, arguments ...string) *program {
	t.Helper()
	// The demo prints paths as words of a shell.
	p := &program{log: &buffer{}, temp: filepath.Join(t.TempDir(), "it's $(a) \"folder\""), ended: make(chan error, 1)}
	if err := os.Mkdir(p.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	p.command = exec.CommandContext(ctx, os.Args[0], arguments...)
	p.command.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+p.temp, "XDG_CACHE_HOME="+p.temp)
	p.command.Stderr = p.log
	output, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	welcomed := make(chan string, 1)
	go func() {
		welcomed <- readWelcome(output)
		_, _ = io.Copy(io.Discard, output)
		p.ended <- p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		cancel()
		for range p.ended {
		}
	})
	p.welcome = <-welcomed
	var found bool
	if _, p.url, found = strings.Cut(p.welcome, "Serving "); !found || len(p.commands()) != commandsOf(p.welcome) {
		t.Fatalf("it printed:\n%s\nand logged:\n%s", p.welcome, p.log)
	}
	p.url, _, _ = strings.Cut(p.url, ",")
	return p
}

// commandsOf is how many commands a welcome has, once the first was read.
func commandsOf(welcome string) int {
	if strings.Contains(welcome, "Sign in as the admin") {
		return len(asAdminPrinted)
	}
	return len(asStrangerPrinted)
}

// readWelcome reads up to the last command, or to the end.
func readWelcome(output io.Reader) string {
	var text strings.Builder
	lines, commands := bufio.NewScanner(output), 0
	for (commands == 0 || commands < commandsOf(text.String())) && lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "curl ") {
			commands++
		}
	}
	return text.String()
}

// commands returns the commands that were printed.
func (p *program) commands() []string {
	var commands []string
	for line := range strings.Lines(p.welcome) {
		if strings.HasPrefix(line, "curl ") {
			commands = append(commands, strings.TrimSuffix(line, "\n"))
		}
	}
	return commands
}

// end sends a signal and returns what the process ended with.
func (p *program) end(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	if err := p.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return <-p.ended
}

// client returns a generated client that sends the token, if there is one.
func (p *program) client(t *testing.T, token string) demov1client.AccountServiceClient {
	t.Helper()
	return demov1client.NewAccountServiceClient(p.connection(t, token))
}

// documents is client for documents.
func (p *program) documents(t *testing.T, token string) demov1client.DocumentServiceClient {
	t.Helper()
	return demov1client.NewDocumentServiceClient(p.connection(t, token))
}

// connection returns a connection that sends the token, if there is one.
func (p *program) connection(t *testing.T, token string) *connect.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	bearer := func(next connect.ClientFunc) connect.ClientFunc {
		return func(ctx context.Context, spec connect.Spec) (connect.ClientStream, error) {
			if call, ok := connect.CallInfoForClientContext(ctx); ok && token != "" {
				call.RequestHeader().Set("Authorization", "Bearer "+token)
			}
			return next(ctx, spec)
		}
	}
	return connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, p.url), bearer)
}

// try runs the printed commands in order, each in a shell of its own, and compares what
// they print against patterns.
func (p *program) try(t *testing.T, want ...string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	for i, command := range p.commands() {
		if got := shell(t, command); !regexp.MustCompile(want[i]).MatchString(got) {
			t.Errorf("%s\nprinted: %s", command, got)
		}
	}
}

// shell runs a command in a shell of its own, and returns what it printed.
func shell(t *testing.T, command string) string {
	t.Helper()
	sh := exec.CommandContext(t.Context(), "sh", "-c", command)
	sh.Env = append(os.Environ(), "no_proxy=*")
	output, err := sh.Output()
	if err != nil {
		t.Fatalf("%v from: %s", err, command)
	}
	return string(output)
}

// contents returns every file below a folder.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
