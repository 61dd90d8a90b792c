package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// runs are what was measured, by the program that did.
type runs struct{ wire, inProcess, startup *raw.Run }

// read reads the runs in the folder of the bench.
func read(folder string) (all runs, err error) {
	for file, to := range map[string]**raw.Run{"wire": &all.wire, "inprocess": &all.inProcess, "startup": &all.startup} {
		if *to, err = raw.Read(filepath.Join(folder, "data", file+".json")); err != nil {
			return all, err
		}
	}
	return all, nil
}

// run writes the README and the plots.
func run(folder string) error {
	all, err := read(folder)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "README.md")
	old, err := os.ReadFile(file) //nolint:gosec // the folder is the bench's
	if err != nil {
		return err
	}
	written, err := all.readme(string(old))
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(written), 0o644); err != nil { //nolint:gosec // it is for everyone to read
		return err
	}
	for name, plot := range all.plots() {
		drawn, err := plot.draw()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "plots", name+".svg"), []byte(drawn), 0o644); err != nil { //nolint:gosec // it is for everyone to read
			return err
		}
	}
	return nil
}
