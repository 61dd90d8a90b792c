package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A process is a peer that serves in a process of its own, which says what it has used
// when it is asked.
type process struct {
	name    string
	command *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Reader
	address string
}

// start starts a peer on its cores, and returns when it listens. What it logs is formatted
// and written, to a file that keeps nothing.
func (w way) start(name string, environment ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cores, threads := "0", "GOMAXPROCS=1"
	if w.shared {
		cores, threads = "0,1", "GOMAXPROCS=2"
	}
	command := exec.Command("taskset", "-c", cores, self, "-serve", name) //nolint:gosec,noctx // it starts itself; stop stops it
	command.Env = append(append(os.Environ(), threads), environment...)
	ask, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	answers := bufio.NewReader(output)
	line, err := answers.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", name, err), command.Process.Kill())
	}
	return &process{name, command, ask, answers, strings.TrimSpace(line)}, nil
}

// stop ends the process, which does so when it can be asked nothing more, and prints what
// it says at its end.
func (p *process) stop() error {
	err := p.ask.Close()
	said, reading := io.ReadAll(p.answers)
	if len(said) > 0 {
		fmt.Printf("%s: %s", p.name, said)
	}
	if err := errors.Join(err, reading, p.command.Wait()); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// usage asks what the process has used: after collecting its garbage, if so.
func (p *process) usage(question string) (use usage, err error) {
	return use, p.answer(question, &use)
}

func (p *process) answer(question string, to any) error {
	if _, err := fmt.Fprintln(p.ask, question); err != nil {
		return err
	}
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, to)
}
