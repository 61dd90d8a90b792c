package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/pprof"
	"slices"
)

// serveAs serves as a peer, prints where, and answers questions on the standard input
// until that ends. If SALLYPORT_BENCH_PROFILE names a file, a CPU profile goes there.
func serveAs(name string) error {
	all := slices.Concat(peers, observedPeers)
	i := slices.IndexFunc(all, func(p peer) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("there is no peer %q", name)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is open at once
	if err != nil {
		return err
	}
	if profile := os.Getenv(profileVariable); profile != "" {
		file, err := os.Create(profile) //nolint:gosec // the user names it
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(listener.Addr())
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() { cancel(answerQuestions()) }()
	err = all[i].serve(ctx, listener)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return errors.Join(err, cause)
	}
	return err
}

// profileVariable names the file for a profile in the environment of a peer's process.
const profileVariable = "SALLYPORT_BENCH_PROFILE"

func answerQuestions() error {
	questions, answers := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for questions.Scan() {
		var answer any
		var err error
		switch question := questions.Text(); question {
		case askUsage, askKept:
			answer, err = ownUsage(question == askKept)
		case askProfile:
			answer = ownSites()
		default:
			err = fmt.Errorf("there is no question %q", question)
		}
		if err != nil {
			return err
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return questions.Err()
}
