package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a peer that serves in a process of its own.
type process struct {
	name    string
	command *exec.Cmd
	output  *bufio.Reader
	address string
}

// start starts a peer on its cores, and returns when it listens.
func (w way) start(name, profile string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cores, threads := "0", "GOMAXPROCS=1"
	if w.shared {
		cores, threads = "0,1", "GOMAXPROCS=2"
	}
	command := exec.Command("taskset", "-c", cores, self, "-serve", name, "-profile", profile) //nolint:gosec,noctx // it starts itself; run stops it
	command.Env = append(os.Environ(), threads)
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(output)
	line, err := lines.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", name, err), command.Process.Kill())
	}
	return &process{name, command, lines, strings.TrimSpace(line)}, nil
}

// stop stops the peer, and prints what it says at its end.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	said, err := io.ReadAll(p.output)
	if len(said) > 0 {
		fmt.Printf("%s: %s", p.name, said)
	}
	if err := errors.Join(err, p.command.Wait()); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// clockTick is the unit of a process's times in /proc (USER_HZ, which Linux fixes).
const clockTick = time.Second / 100

// cpu returns what the process has used of its core so far.
func (p *process) cpu() (time.Duration, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(after)
	var ticks int
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
