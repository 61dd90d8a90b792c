package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/bench/many"
	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// register registers actions whose descriptors are there already, as they are in a program
// that links its generated code.
func register(actions int) (raw.Sample, error) {
	services := many.New(actions)
	debug.FreeOSMemory()
	// Writing 5 resets the process's peak (proc_pid_clear_refs(5)).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return nil, err
	}
	base, err := memory("VmRSS")
	if err != nil {
		return nil, err
	}
	before, err := cpu()
	if err != nil {
		return nil, err
	}
	registry, err := action.NewRegistry(authn.Schemes{"session": authn.AuthenticatorFunc(
		func(context.Context, *connect.CallInfo) (*authn.Principal, error) { return nil, authn.ErrNoCredential })})
	if err != nil {
		return nil, err
	}
	if err := services.Register(registry); err != nil {
		return nil, err
	}
	if _, err := registry.Methods(); err != nil { // as a server does
		return nil, err
	}
	after, err := cpu()
	if err != nil {
		return nil, err
	}
	peak, err := memory("VmHWM")
	runtime.KeepAlive(services)
	runtime.KeepAlive(registry)
	return raw.Sample{raw.StartCPU: after - before, raw.PeakMemory: peak, raw.BaseMemory: base}, err
}

// cpu is the user and system time of this process, in nanoseconds.
func cpu() (float64, error) {
	var times syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &times)
	return float64(times.Utime.Nano() + times.Stime.Nano()), err
}

// memory reads one of the figures of memory of this process, in bytes.
func memory(name string) (float64, error) {
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			kibibytes, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kibibytes * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", name)
}
