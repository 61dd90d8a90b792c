package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a peer that serves in a process of its own.
type process struct {
	command *exec.Cmd
	address string
}

// start starts a peer on one core, and returns when it listens.
func start(name, profile string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command("taskset", "-c", "0", self, "-serve", name, "-profile", profile) //nolint:gosec,noctx // it starts itself; run stops it
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", name, err), command.Process.Kill())
	}
	return &process{command, strings.TrimSpace(line)}, nil
}

func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	_ = p.command.Wait()
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
