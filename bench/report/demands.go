package main

import (
	"fmt"
	"math"

	"github.com/sallyport-rpc/sallyport/bench/raw"
	"github.com/sallyport-rpc/sallyport/bench/tables"
)

const (
	sallyport  = "sallyport"
	native     = "sallyport, gRPC port"
	mounted    = "sallyport, connect's mount"
	bare       = "connect v2, bare"
	byHand     = "connect v2, by hand"
	intercept  = "connect v2, interceptors"
	grpcGo     = "grpc-go, interceptors"
	grpcGoBare = "grpc-go, bare"

	http1       = "Connect proto, HTTP/1.1"
	http1JSON   = "Connect JSON, HTTP/1.1"
	http1Denied = "Connect proto, HTTP/1.1, denied"
	grpc        = "gRPC, HTTP/2"
	grpcDenied  = "gRPC, HTTP/2, denied"
	messages    = "gRPC, messages of bidi streams"
)

func times(value float64) string { return fmt.Sprintf("%.2f ×", value) }

// tenths rounds allocations to a tenth: the runtime's own come on top, spread over calls.
func tenths(spread raw.Spread) raw.Spread {
	round := func(value float64) float64 { return math.Round(value*10) / 10 }
	return raw.Spread{Least: round(spread.Least), Median: round(spread.Median), Most: round(spread.Most)}
}

// demands are what the project asks of itself, with what was measured.
func (r runs) demands() []demand {
	return append(append(append(r.throughput(), r.expense()...), r.gate()...), r.scale()...)
}

// throughput compares calls/s over connections.
func (r runs) throughput() []demand {
	rate := func(what string, limit float64, way, ours, peer string) demand {
		table := r.wire.Table(way)
		return demand{what, limit, true, times, table.Row(ours).Ratio(table.Row(peer), raw.Rate)}
	}
	return []demand{
		rate("calls/s, "+http1+", against connect v2 by hand", 0.97, http1, sallyport, byHand),
		rate("calls/s, "+http1+", against connect v2 with interceptors", 1, http1, sallyport, intercept),
		rate("calls/s, "+http1JSON+", against connect v2 by hand", 0.97, http1JSON, sallyport, byHand),
		rate("calls/s, "+http1JSON+", against connect v2 with interceptors", 1, http1JSON, sallyport, intercept),
		rate("calls/s, gRPC on net/http, against connect v2 by hand", 1, grpc, sallyport, byHand),
		rate("calls/s, native gRPC, against grpc-go with interceptors", 0.95, grpc, native, grpcGo),
		rate("calls/s, native gRPC, against the same on net/http", 2.4, grpc, native, sallyport),
		rate("messages/s of guarded bidi streams on net/http, against connect v2 by hand", 0.95, messages, sallyport, byHand),
		rate("messages/s of guarded bidi streams, native gRPC, against grpc-go", 0.95, messages, native, grpcGo),
	}
}

// expense compares what a call costs the server.
func (r runs) expense() []demand {
	compare := func(what string, limit float64, way, measure, ours, peer string) demand {
		table := r.wire.Table(way)
		return demand{what, limit, false, times, table.Row(ours).Ratio(table.Row(peer), measure)}
	}
	mount := r.wire.Table(http1)
	denied := r.inProcess.Table("CallDenied")
	return []demand{
		compare("CPU a call, package server over connect's own mount", 1.03, http1, raw.CPU, sallyport, mounted),
		{"allocations a call, package server over connect's own mount", 3, false, tables.Decimal, tenths(mount.Row(sallyport).Difference(mount.Row(mounted), raw.Allocated))},
		compare("CPU of a denied call, HTTP/1.1, against connect v2 by hand", 1.1, http1Denied, raw.CPU, sallyport, byHand),
		compare("CPU of a denied call, HTTP/1.1, against connect v2 with interceptors", 1.1, http1Denied, raw.CPU, sallyport, intercept),
		compare("CPU of a denied call, native gRPC, against grpc-go with interceptors", 1.1, grpcDenied, raw.CPU, native, grpcGo),
		{"time of a denied call in process, every denial logged, against checks by hand", 1.1, false, times, denied.Row(sallyport).Ratio(denied.Row("checks by hand in the handler"), raw.Time)},
		compare("memory of an idle guarded stream on net/http, against an unguarded one", 1.15, "idle streams", raw.PerStream, sallyport, bare),
		compare("memory of an idle guarded stream, native gRPC, against an unguarded one of grpc-go", 1.15, "idle streams", raw.PerStream, native, grpcGoBare),
	}
}

// gate compares what a gate adds to the same method without one.
func (r runs) gate() []demand {
	const (
		validated, anew       = "unguarded, validated", "sallyport, principal made anew"
		onRequest, onResource = "the rule on the request", "the rule on a resource"
	)
	more := func(what string, limit float64, table, measure, row, over string) demand {
		write := tables.Decimal
		if measure == raw.Time {
			write = tables.Duration
		}
		measured := r.inProcess.Table(table)
		return demand{what, limit, false, write, tenths(measured.Row(row).Difference(measured.Row(over), measure))}
	}
	stream := r.inProcess.Table("Messages")
	return []demand{
		more("gate in process over an unguarded, validated method", 250, "Call", raw.Time, sallyport, validated),
		more("its allocations", 0, "Call", raw.Allocated, sallyport, validated),
		more("the same of a request without rules", 250, "CallWithoutRules", raw.Time, sallyport, "unguarded"),
		more("its allocations", 0, "CallWithoutRules", raw.Allocated, sallyport, "unguarded"),
		more("the same through a client in process", 250, "CallInProcess", raw.Time, sallyport, validated),
		more("its allocations", 0, "CallInProcess", raw.Allocated, sallyport, validated),
		more("gate in process, principal made anew", 250, "Call", raw.Time, anew, validated),
		more("its allocations", 2, "Call", raw.Allocated, anew, validated),
		more("a rule on a resource over the same rule on the request, with the copy of the object and without its load", 200, "CallAboutResource", raw.Time, onResource, onRequest),
		more("its allocations", 1, "CallAboutResource", raw.Allocated, onResource, onRequest),
		{"time by hand of a message that is checked ÷ that of a guarded one, in process", 0.95, true, times, stream.Row("checks by hand of each message").Ratio(stream.Row(sallyport), raw.Time)},
		more("allocations of a guarded message over one checked by hand", 0, "Messages", raw.Allocated, sallyport, "checks by hand of each message"),
	}
}

// scale has what grows with actions and roles.
func (r runs) scale() []demand {
	startup := r.startup.Table("startup")
	decision := func(what, table, row string) demand {
		return demand{what, 60, false, tables.Duration, r.inProcess.Table(table).Row(row).Spread(raw.Time)}
	}
	return []demand{
		{"CPU of registering 10,000 actions", 1.5e9, false, tables.Duration, startup.Row("10000").Spread(raw.StartCPU)},
		{"memory at peak of a process that registers 10,000 actions", 150 << 20, false, tables.Mebibytes, startup.Row("10000").Spread(raw.PeakMemory)},
		{"CPU of 10,000 actions ÷ CPU of 1,000 (linear: 10)", 10, false, times, startup.Row("10000").Ratio(startup.Row("1000"), raw.StartCPU)},
		decision("decision \"admin or owner\", asked by an admin", "DecideAdmin", sallyport),
		decision("decision \"admin or owner\", asked by the owner", "DecideOwner", sallyport),
		decision("decision with 1,000 roles held", "DecideRoles", "1000"),
		{"allocations of a decision", 0, false, tables.Decimal, tenths(r.inProcess.Table("DecideOwner").Row(sallyport).Spread(raw.Allocated))},
	}
}
