// Command abuse attacks a server, which it runs in a process of its own with the
// defaults, in the ways in which a stranger could make one spend. For each attack, from
// one connection and from many, it prints what went in and out, what the server took,
// and how long a bystander's calls took meanwhile. It fails where a bound is passed.
//
// With -load it measures how a server bears slow clients, more calls than it can do, and
// clients that are gone, and fails where one of the figures is missed.
//
// Everything happens on the loopback interface. It needs Linux: the server's memory and
// processor time come from /proc.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

func main() {
	serves := flag.Bool("serve", false, "be the server that is attacked")
	beside := flag.String("bystander", "", "be the bystander of the server at this address")
	lasts := flag.Duration("for", 600*time.Millisecond, "how long each attack lasts")
	only := flag.String("run", "", "a regular expression: only the attacks whose names match")
	many := flag.Int("connections", 64, "how many connections attack, besides one")
	plain := flag.Bool("plain", false, "be a server of net/http alone, to compare with")
	loads := flag.Bool("load", false, "measure how the server bears load, in place of the attacks")
	long := flag.Bool("long", false, "with -load: ten thousand slow connections, a minute of twice the capacity, forty thousand streams")
	var serving serving
	serving.flags()
	flag.Parse()
	var err error
	switch {
	case *serves:
		err = serving.serve()
	case *plain:
		err = servePlain()
	case *loads:
		err = loadAll(*only, *long)
	case *beside != "":
		err = standBy(*beside)
	default:
		err = attackAll(*lasts, *only, *many)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "abuse:", err)
		os.Exit(1)
	}
}

// attackAll runs the attacks one after the other and prints the table.
func attackAll(lasts time.Duration, only string, many int) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	fmt.Printf("%-22s %5s %8s %9s %9s %9s %8s %7s %9s %8s  %s\n",
		"attack", "conns", "calls", "bytes in", "bytes out", "largest", "peak RSS", "CPU", "log", "p99", "bounds")
	passed := 0
	for _, attack := range attacks() {
		if !pattern.MatchString(attack.name) {
			continue
		}
		for _, connections := range []int{1, many} {
			result, err := run(attack, connections, lasts)
			if err != nil {
				return fmt.Errorf("%s, %d connections: %w", attack.name, connections, err)
			}
			verdict := result.verdict()
			fmt.Printf("%-22s %5d %8d %9s %9s %9s %8s %7s %9s %8s  %s\n", attack.name, connections, result.calls,
				size(result.sent), size(result.received), size(result.largest), size(result.peak),
				result.cpu.Round(10*time.Millisecond), size(result.logged), result.p99.Round(time.Millisecond), verdict)
			if verdict != within {
				passed++
			}
		}
	}
	if passed > 0 {
		return fmt.Errorf("%d bounds were passed", passed)
	}
	return nil
}

// size says a number of bytes.
func size(bytes int64) string {
	const kilo, mega = 1 << 10, 1 << 20
	switch {
	case bytes < 0:
		return "-" + size(-bytes)
	case bytes >= mega:
		return strconv.FormatFloat(float64(bytes)/mega, 'f', 1, 64) + "M"
	case bytes >= kilo:
		return strconv.FormatFloat(float64(bytes)/kilo, 'f', 1, 64) + "K"
	default:
		return strconv.FormatInt(bytes, 10)
	}
}
