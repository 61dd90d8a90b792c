// Run makes COUNT calls of a KIND and ends, for a counter of instructions to look at:
//
//	run KIND COUNT
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/sallyport-rpc/sallyport/bench/calls"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("usage: run KIND COUNT; the kinds are %v", calls.Kinds())
	}
	count, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	call, err := calls.New(calls.Kind(arguments[0]))
	if err != nil {
		return err
	}
	return call(count)
}
