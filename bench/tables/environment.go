package tables

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// Environment writes what a run was made in.
func Environment(to io.Writer, environment raw.Environment) {
	_, _ = fmt.Fprintf(to, "%s, commit %s, %s, %s, %d CPUs (%s), load %s.\n",
		environment.Time.Format("2006-01-02 15:04 MST"), environment.Commit, environment.Go, environment.OS,
		environment.CPUs, environment.Processor, strings.Join(environment.Load, " to "))
	modules := slices.Sorted(maps.Keys(environment.Modules))
	for i, module := range modules {
		modules[i] += " " + environment.Modules[module]
	}
	if len(modules) > 0 {
		_, _ = fmt.Fprintf(to, "Versions: %s.\n", strings.Join(modules, ", "))
	}
}
