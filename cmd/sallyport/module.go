package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A goModule is one version of a Go module.
type goModule struct {
	path, version string
	// sum is its checksum, as in go.sum: the very bytes that were looked at when
	// the version was chosen. A proxy that has others is refused.
	sum string
}

func (m goModule) String() string { return m.path + "@" + m.version }

// download has the go command fetch and verify the module, if it is not in the
// module cache yet, and returns its folder there.
func (m goModule) download(ctx context.Context) (string, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("it comes from the Go module %s, and there is no go command on the PATH: install Go", m)
	}
	command := exec.CommandContext(ctx, path, "mod", "download", "-json", m.String()) //nolint:gosec // the go command, and a module that is named in this package
	// The module or workspace in the current folder does not matter.
	command.Dir = os.TempDir()
	command.Env = append(os.Environ(), "GOWORK=off")
	command.WaitDelay = time.Second // git, or what else it started, may hold its output open
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()

	var answer struct {
		Dir   string `json:"Dir"`
		Sum   string `json:"Sum"`
		Error string `json:"Error"`
	}
	unread := json.Unmarshal(out.Bytes(), &answer)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil || unread != nil:
		why := cmp.Or(answer.Error, errs.String(), errors.Join(err, unread).Error())
		return "", fmt.Errorf("%s; \"go mod download %s\" must work, see \"go env GOPROXY\"", oneLine(why), m)
	case answer.Sum != m.sum:
		return "", fmt.Errorf("the Go module %s has the checksum %s, not %s: use another proxy, see \"go env GOPROXY\"", m, answer.Sum, m.sum)
	}
	return answer.Dir, nil
}

// oneLine puts what a command printed into one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
