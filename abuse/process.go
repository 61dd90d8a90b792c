package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A process is this program once more: the server, or the bystander.
type process struct {
	stdout  *bufio.Reader
	logged  atomic.Int64 // bytes on its standard error
	command *exec.Cmd
	stdin   io.WriteCloser
	drained chan struct{}
}

// start starts this program with other arguments.
func start(arguments ...string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, arguments...) //nolint:gosec,noctx // it is this program, and ends with its input
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	process := &process{stdout: bufio.NewReader(stdout), command: command, stdin: stdin, drained: make(chan struct{})}
	go func() {
		defer close(process.drained)
		_, _ = io.Copy(process, stderr)
	}()
	return process, nil
}

// line reads a line of its standard output.
func (p *process) line() (string, error) {
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s says nothing: %w", strings.Join(p.command.Args, " "), err)
	}
	return strings.TrimSpace(line), nil
}

// Write counts what the process logs.
func (p *process) Write(line []byte) (int, error) {
	p.logged.Add(int64(len(line)))
	return len(line), nil
}

// stop ends the process, whether it wants to or not.
func (p *process) stop() {
	_ = p.command.Process.Kill()
	_ = p.stdin.Close()
	<-p.drained
	_ = p.command.Wait() // it was killed
}

// alive reports whether the process still runs.
func (p *process) alive() bool {
	_, err := p.peak()
	return err == nil
}

// peak returns the most memory that the process had, in bytes.
func (p *process) peak() (int64, error) { return p.memory("VmHWM:") }

// resident returns the memory that the process has, in bytes.
func (p *process) resident() (int64, error) { return p.memory("VmRSS:") }

// memory returns a figure of the process's status.
func (p *process) memory(name string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("there is no " + name + " the server has ended, or this is no Linux")
}

// heap returns how many bytes of the server's heap are in use.
func (p *process) heap() (int64, error) {
	if _, err := io.WriteString(p.stdin, "heap\n"); err != nil {
		return 0, err
	}
	line, err := p.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(line, 10, 64)
}

// ticksPerSecond is how the kernel counts time in /proc.
const ticksPerSecond = 100

// cpu returns the processor time that the process took.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name may hold spaces; what follows it does not. utime and stime are 14 and 15.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is too short")
	}
	var ticks int64
	for _, field := range fields[11:13] {
		value, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += value
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}
