package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// Allocation sites: of so many calls, the functions that allocate most often.
const (
	siteCalls = 4_000
	mostSites = 25
)

// sites counts where a call of Connect over HTTP/1.1 allocates, in package server and below
// it, by what twice as many calls allocate more.
func (p plan) sites() (table raw.Table, err error) {
	table = raw.Table{Name: "allocation sites", Title: "allocations a call by function: guarded, Connect proto, HTTP/1.1, package server"}
	way, peer := ways[0], peers[0]
	server, err := way.start(peer.name, "GODEBUG=memprofilerate=1")
	if err != nil {
		return table, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	var before, after []site
	if _, err := way.load(peer, server, siteCalls/2); err != nil {
		return table, err
	}
	if err := server.answer(askProfile, &before); err != nil {
		return table, err
	}
	if _, err := way.load(peer, server, siteCalls); err != nil {
		return table, err
	}
	if err := server.answer(askProfile, &after); err != nil {
		return table, err
	}
	for _, found := range after {
		if strings.HasPrefix(found.Function, "main.own") || strings.HasPrefix(found.Function, "main.allocating") {
			continue // the counting
		}
		earlier := slices.IndexFunc(before, func(s site) bool { return s.Function == found.Function })
		objects := found.Objects
		if earlier >= 0 {
			objects -= before[earlier].Objects
		}
		if each := float64(objects) / siteCalls; each >= 0.05 {
			table.Rows = append(table.Rows, raw.Row{Name: found.Function, Samples: []raw.Sample{{raw.Sites: each}}})
		}
	}
	if len(table.Rows) == 0 {
		return table, errors.New("no allocation was counted")
	}
	table.Rows = table.Rows[:min(mostSites, len(table.Rows))]
	return table, nil
}
