package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/sallyport-rpc/sallyport/bench/raw"
	"github.com/sallyport-rpc/sallyport/bench/tables"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
}

func run() error {
	rounds := flag.Int("rounds", 3, "how often each number of actions is registered")
	file := flag.String("raw", "", "write what was measured to this `file`")
	actions := flag.Int("actions", 0, "register so many actions and print what it took, for the process that measures")
	flag.Parse()
	if *actions > 0 {
		sample, err := register(*actions)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(sample)
	}
	made := raw.Run{Environment: raw.Surroundings()}
	tables.Environment(os.Stdout, made.Environment)
	table := raw.Table{Name: "startup", Title: "actions registered, three ordinary rules and two grants each"}
	counts := []int{10, 100, 1_000, 10_000}
	for _, count := range counts {
		table.Rows = append(table.Rows, raw.Row{Name: strconv.Itoa(count)})
	}
	for range *rounds {
		for i, count := range counts {
			sample, err := inProcess(count)
			if err != nil {
				return err
			}
			table.Rows[i].Samples = append(table.Rows[i].Samples, sample)
		}
	}
	tables.Table(os.Stdout, table)
	made.Tables = []raw.Table{table}
	made.Environment.LoadNow()
	if *file == "" {
		return nil
	}
	return made.Write(*file)
}

// inProcess registers in a new process.
func inProcess(actions int) (raw.Sample, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, "-actions", strconv.Itoa(actions)) //nolint:gosec,noctx // it starts itself and waits
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, err
	}
	var sample raw.Sample
	return sample, json.Unmarshal(output, &sample)
}
