package raw

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
)

// A Run is what one program measured.
type Run struct {
	Environment Environment `json:"environment"`
	Tables      []Table     `json:"tables"`
}

// A Table is what is measured beside each other, in alternating rounds: sample i of one
// row was taken next to sample i of the others.
type Table struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Ours are the rows whose ratio to each other row is of interest.
	Ours []string `json:"ours,omitempty"`
	// Base is the row that the time of each other row is compared with.
	Base string `json:"base,omitempty"`
	Rows []Row  `json:"rows"`
	// Apart is what the table was measured in, where that was another run than the others'.
	Apart *Environment `json:"apart,omitempty"`
}

// A Row is one thing that is measured.
type Row struct {
	Name    string   `json:"name"`
	Samples []Sample `json:"samples"`
}

// A Sample is what was measured in one round, by the name of its measure.
type Sample map[string]float64

// The measures. Each name says its unit.
const (
	Rate       = "calls/s"        // calls, or messages of a stream, in a second
	CPU        = "cpu-ns/call"    // user and system time of the server's process
	Median     = "p50-ns"         // latency as the client sees it
	P99        = "p99-ns"         // the same, of the slowest in a hundred
	Time       = "ns/op"          // CPU time of this process where rows run in it
	Allocated  = "allocs/op"      // allocations of the server's process, or of this one
	Bytes      = "B/op"           // bytes that those have
	PerStream  = "B/stream"       // heap and stacks that an idle stream keeps, once garbage is collected
	Resident   = "resident-B"     // resident memory that an idle stream adds
	StartCPU   = "start-cpu-ns"   // user and system time of a registration
	PeakMemory = "peak-B"         // most resident memory of the process until the registration was done
	BaseMemory = "base-B"         // resident memory of the process before the registration
	Sites      = "allocs/op-site" // allocations of one function
)

// Row returns a row by its name. A row that is not there has no samples.
func (t Table) Row(name string) Row {
	for _, row := range t.Rows {
		if row.Name == name {
			return row
		}
	}
	return Row{Name: name}
}

// Table returns a table by its name. A table that is not there has no rows.
func (r *Run) Table(name string) Table {
	for _, table := range r.Tables {
		if table.Name == name {
			return table
		}
	}
	return Table{Name: name}
}

// Put puts the tables of another run in place of those of the same names, or behind all.
func (r *Run) Put(other *Run) {
	for _, table := range other.Tables {
		table.Apart = &other.Environment
		at := slices.IndexFunc(r.Tables, func(known Table) bool { return known.Name == table.Name })
		if at < 0 {
			r.Tables = append(r.Tables, table)
			continue
		}
		r.Tables[at] = table
	}
}

// Write writes the run to a file.
func (r *Run) Write(file string) error {
	content, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644) //nolint:gosec // it is for everyone to read
}

// Read reads the run that was written to a file.
func Read(file string) (*Run, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the caller names it
	if err != nil {
		return nil, err
	}
	run := new(Run)
	if err := json.Unmarshal(content, run); err != nil {
		return nil, errors.Join(errors.New("read "+file), err)
	}
	return run, nil
}
