package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/bench/raw"
	"github.com/sallyport-rpc/sallyport/bench/tables"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "wire:", err)
		os.Exit(1)
	}
}

// leastCalls keep every connection of h2load busy.
const leastCalls = 1_000

// A plan is what is measured, and how often.
type plan struct {
	rounds, calls int
	profile       string   // a folder
	names         []string // of peers; none: all
	peers         []peer
}

func run() error {
	serve := flag.String("serve", "", "serve as this `peer`, for the process that measures")
	rounds := flag.Int("rounds", 5, "how often each peer is called in each way")
	calls := flag.Int("calls", 10_000, "how many calls a round makes")
	file := flag.String("raw", "", "write what was measured to this `file`")
	profile := flag.String("profile", "", "write a CPU profile of each server into this `folder`")
	only := flag.String("only", "", "measure what has this `text` in its name")
	observed := flag.Bool("observed", false, "measure what telemetry and the audit log cost instead")
	flag.Parse()
	if *serve != "" {
		return serveAs(*serve)
	}
	if *rounds < 1 || *calls < leastCalls {
		return fmt.Errorf("at least one round of %d calls is needed", leastCalls)
	}
	plan := plan{*rounds, *calls, *profile, flag.Args(), peers}
	made := raw.Run{Environment: raw.Surroundings()}
	tables.Environment(os.Stdout, made.Environment)
	parts := plan.parts()
	if *observed {
		plan.peers = observedPeers
		parts = plan.partsOf(observedWays)
	}
	var missed []error
	for _, part := range parts {
		if !strings.Contains(part.name, *only) {
			continue
		}
		table, err := part.measure()
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		tables.Table(os.Stdout, table)
		made.Tables = append(made.Tables, table)
		if *observed {
			missed = append(missed, reportObserved(os.Stdout, table))
		}
	}
	made.Environment.LoadNow()
	if *file != "" {
		missed = append(missed, made.Write(*file))
	}
	return errors.Join(missed...)
}

// A part is a table in the making.
type part struct {
	name    string
	measure func() (raw.Table, error)
}

func (p plan) parts() []part {
	return append(p.partsOf(ways), part{"idle streams", p.idle}, part{"allocation sites", p.sites})
}

func (p plan) partsOf(ways []way) []part {
	parts := make([]part, 0, len(ways))
	for _, way := range ways {
		parts = append(parts, part{way.name, func() (raw.Table, error) { return p.measure(way) }})
	}
	return parts
}

// profileOf is the environment that has a peer profiled as it is called in a way.
func (p plan) profileOf(way way, peer peer) string {
	if p.profile == "" {
		return profileVariable + "="
	}
	name := strings.NewReplacer(" ", "-", ",", "", "/", "-", "'", "").Replace(way.name + " " + peer.name)
	return profileVariable + "=" + filepath.Join(p.profile, name+".pprof")
}

// A contender is a peer at work.
type contender struct {
	peer
	*process
}

// measure calls the peers in turns, each in a process of its own that has served a few
// calls before, there and back: what else the machine does then falls on all of them.
func (p plan) measure(way way) (table raw.Table, err error) {
	table = raw.Table{Name: way.name, Title: way.name, Ours: []string{p.peers[0].name}}
	if way.grpc && !way.shared {
		table.Ours = append(table.Ours, nameGRPC)
	}
	var contenders []contender
	defer func() {
		for _, contender := range contenders {
			err = errors.Join(err, contender.stop())
		}
	}()
	for _, peer := range p.peers {
		if !way.reaches(peer) || peer.needs != "" && os.Getenv(peer.needs) == "" || len(p.names) > 0 && !slices.Contains(p.names, peer.name) {
			continue
		}
		server, err := way.start(peer.name, p.profileOf(way, peer))
		if err != nil {
			return table, err
		}
		contenders = append(contenders, contender{peer, server})
		table.Rows = append(table.Rows, raw.Row{Name: peer.name})
		if !peer.unchecked {
			if err := way.check(peer, server.address); err != nil {
				return table, fmt.Errorf("%s: %w", peer.name, err)
			}
		}
		if _, err := way.load(peer, server, max(leastCalls, p.calls/4)); err != nil {
			return table, fmt.Errorf("%s: %w", peer.name, err)
		}
	}
	for round := range p.rounds {
		for i := range contenders {
			if round%2 == 1 {
				i = len(contenders) - 1 - i
			}
			sample, err := way.load(contenders[i].peer, contenders[i].process, p.calls)
			if err != nil {
				return table, fmt.Errorf("%s: %w", contenders[i].peer.name, err)
			}
			table.Rows[i].Samples = append(table.Rows[i].Samples, sample)
		}
	}
	return table, nil
}
