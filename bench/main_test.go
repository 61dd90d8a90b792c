package bench

import (
	"flag"
	"os"
	"regexp"
	"testing"

	"github.com/sallyport-rpc/sallyport/bench/raw"
	"github.com/sallyport-rpc/sallyport/bench/tables"
)

var (
	rounds = flag.Int("rounds", 10, "how often the rows of each table are measured, in turn; "+
		"0 runs them as plain benchmarks, for profiles and benchstat")
	file = flag.String("raw", "", "write what was measured to this `file`")
	into = flag.String("into", "", "put the tables that were measured into this `file`, in place of those that it has")
)

// roundTime is for how long a row is measured in a round, unless -benchtime says
// otherwise: long enough that garbage is collected many times, as often as by default.
const roundTime = "100ms"

// everything is what is measured. Each table is made when its turn comes, so that none
// is measured beside the memory of another.
var everything = []struct {
	name string
	make func() table
}{
	{"Call", callTable},
	{"CallWithoutRules", ruleFreeTable},
	{"CallInProcess", inProcessTable},
	{"CallDenied", deniedTable},
	{"CallAboutResource", resourceTable},
	{"Messages", messageTable},
	{"Tokens", tokenTable},
	{"DecideAdmin", func() table { return decideTable(byAdmin) }},
	{"DecideOwner", func() table { return decideTable(byOwner) }},
	{"DecideDenied", func() table { return decideTable(byOther) }},
	{"DecideActions", actionsTable},
	{"DecideRoles", rolesTable},
}

// TestMain prints the tables where benchmarks are asked for. The pattern of -bench
// chooses among them by name.
func TestMain(m *testing.M) {
	flag.Parse()
	pattern := flag.Lookup("test.bench").Value.String()
	if pattern == "" || *rounds == 0 {
		os.Exit(m.Run())
	}
	if set := flag.Lookup("test.benchtime"); set.Value.String() == set.DefValue {
		must(0, set.Value.Set(roundTime))
	}
	chosen := must(regexp.Compile(pattern))
	run := raw.Run{Environment: raw.Surroundings()}
	tables.Environment(os.Stdout, run.Environment)
	for _, table := range everything {
		if chosen.MatchString(table.name) {
			measured := table.make().measure(table.name, *rounds)
			tables.Table(os.Stdout, measured)
			run.Tables = append(run.Tables, measured)
		}
	}
	run.Environment.LoadNow()
	if *file != "" {
		must(0, run.Write(*file))
	}
	if *into != "" {
		whole := must(raw.Read(*into))
		whole.Put(&run)
		must(0, whole.Write(*into))
	}
}

// Benchmark has the rows as plain benchmarks: `go test -bench Decide -rounds 0`.
func Benchmark(b *testing.B) {
	for _, table := range everything {
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
	for _, table := range everything {
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
