package bench

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"testing"
)

var rounds = flag.Int("rounds", 40, "how often the rows of each table are measured, in turn; "+
	"0 runs them as plain benchmarks, for profiles and benchstat")

// roundTime is for how long a row is measured in a round, unless -benchtime says
// otherwise: short enough that some rounds meet a machine that does nothing else.
const roundTime = "10ms"

// gcPercent is when garbage is collected. Go's default counts all that a row allocates
// against it. A larger one is what a server with a large heap sees.
var gcPercent = flag.Int("gc", 100, "the garbage collector's target percentage, as in GOGC")

// tables are all that is measured. Each is made when its turn comes, so that none
// is measured beside the memory of another.
var tables = []struct {
	name string
	make func() table
}{
	{"Call", callTable},
	{"CallWithoutRules", ruleFreeTable},
	{"CallInProcess", inProcessTable},
	{"DecideAdmin", func() table { return decideTable(byAdmin) }},
	{"DecideOwner", func() table { return decideTable(byOwner) }},
	{"DecideDenied", func() table { return decideTable(byOther) }},
	{"DecideActions", actionsTable},
	{"DecideRoles", rolesTable},
	{"CallActions", callActionsTable},
	{"Register", registerTable},
}

// TestMain prints the tables where benchmarks are asked for. The pattern of -bench
// chooses among them by name.
func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(*gcPercent)
	pattern := flag.Lookup("test.bench").Value.String()
	if pattern == "" || *rounds == 0 {
		os.Exit(m.Run())
	}
	if set := flag.Lookup("test.benchtime"); set.Value.String() == set.DefValue {
		must(0, set.Value.Set(roundTime))
	}
	chosen := must(regexp.Compile(pattern))
	fmt.Printf("%s %s/%s, %d CPUs; the first quartile of %d rounds, and their median\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds)
	for _, table := range tables {
		if chosen.MatchString(table.name) {
			table.make().print(os.Stdout, table.name, *rounds)
		}
	}
}

// Benchmark has the rows as plain benchmarks: `go test -bench Decide -rounds 0`.
func Benchmark(b *testing.B) {
	for _, table := range tables {
		b.Run(table.name, func(b *testing.B) {
			for _, row := range table.make().rows {
				b.Run(row.name, row.benchmark)
			}
		})
	}
}

// What a row does must be what its name says, or its figure says nothing.
func TestRows(t *testing.T) {
	t.Parallel()
	for _, table := range tables {
		t.Run(table.name, func(t *testing.T) {
			t.Parallel()
			for _, row := range table.make().rows {
				if err := row.op(); err != nil {
					t.Errorf("%s: %v", row.name, err)
				}
			}
		})
	}
}

// must returns what was made without an error, and panics where there is one: a benchmark
// that cannot be set up measures nothing.
func must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}
