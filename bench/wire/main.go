package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "wire:", err)
		os.Exit(1)
	}
}

func run() error {
	serve := flag.String("serve", "", "serve as this `peer`, for the process that measures")
	rounds := flag.Int("rounds", 5, "how often each peer is called in each way")
	calls := flag.Int("calls", 40_000, "how many calls a round makes")
	raw := flag.String("json", "", "write what was measured to this `file`")
	observed := flag.Bool("observed", false, "measure what telemetry and the audit log cost instead")
	profile := flag.String("profile", "", "write a CPU profile of each server into this `folder`")
	flag.Parse()
	if *serve != "" {
		return serveAs(*serve, *profile)
	}
	if *rounds < 1 || *calls < 100 {
		return errors.New("at least one round of 100 calls is needed")
	}
	versions(os.Stdout)
	var all []result
	set, in, show := peers, ways, report
	if *observed {
		set, in, show = observedPeers, observedWays, reportObserved
	}
	var missed []error
	for _, way := range in {
		results, err := measure(set, way, flag.Args(), *profile, *rounds, *calls)
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		missed = append(missed, show(os.Stdout, way.name, results))
		all = append(all, results...)
	}
	return errors.Join(append(missed, writeJSON(*raw, all))...)
}

// writeJSON writes what was measured to a file, where one is named.
func writeJSON(file string, all []result) error {
	if file == "" {
		return nil
	}
	content, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644) //nolint:gosec // for everyone to read
}

// profileOf is the file for a profile of a peer that is called in a way.
func profileOf(folder string, way way, peer peer) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(way.name+" "+peer.name)+".pprof")
}

// serveAs serves as a peer until it is asked to stop, and prints where.
func serveAs(name, profile string) error {
	all := slices.Concat(peers, observedPeers)
	i := slices.IndexFunc(all, func(p peer) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("there is no peer %q", name)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is open at once
	if err != nil {
		return err
	}
	stopped, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if profile != "" {
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
	return all[i].serve(stopped, listener)
}

// measure calls the peers in turns, each in a process of its own that has served as many
// calls before.
func measure(peers []peer, way way, names []string, profile string, rounds, calls int) (results []result, err error) {
	var servers []*process
	defer func() {
		for _, server := range servers {
			err = errors.Join(err, server.stop())
		}
	}()
	for _, peer := range peers {
		if peer.grpcOnly && !way.grpc || len(names) > 0 && !slices.Contains(names, peer.name) ||
			peer.needs != "" && os.Getenv(peer.needs) == "" {
			continue
		}
		if peer.name == "connect, bare" && way.user == other {
			continue // it denies nothing
		}
		server, err := way.start(peer.name, profileOf(profile, way, peer))
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
		results = append(results, result{Way: way.name, Peer: peer.name})
		if peer.name != "connect, bare" {
			if err := way.check(server.address); err != nil {
				return nil, fmt.Errorf("%s: %w", peer.name, err)
			}
		}
		if _, err := way.load(server, calls/4); err != nil {
			return nil, fmt.Errorf("%s: %w", peer.name, err)
		}
	}
	for range rounds {
		for i, server := range servers {
			round, err := way.load(server, calls)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", results[i].Peer, err)
			}
			results[i].Rounds = append(results[i].Rounds, round)
		}
	}
	return results, nil
}
