package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A verdict is what came of a mutant.
type verdict struct {
	Mutant   mutant `json:"mutant"`
	Survived bool   `json:"survived"`
	Reached  bool   `json:"reached"`
	Stuck    bool   `json:"stuck"` // killed by time alone

	File    string `json:"digest"`  // the digest of the mutant's file
	Package string `json:"package"` // the digest of the package with its tests
	Nth     int    `json:"nth"`     // among the mutants of the file with the same key
}

// A memory holds the verdicts of former runs that are still true: that a mutant was
// killed, while its file is the same, and that it survived, while its package and the
// tests are. Tests that were removed or weakened are looked at anew where the memory
// is deleted.
type memory struct {
	target   *target
	file     *os.File
	known    map[string]bool
	verdicts []verdict
}

// recall reads what former runs have kept about a package.
func recall(kept string, of *target) (*memory, error) {
	m := &memory{target: of, known: map[string]bool{}}
	current := map[string]mutant{}
	for _, mutant := range of.mutants {
		current[m.name(mutant)] = mutant
	}
	name := filepath.Join(kept, strings.ReplaceAll(of.path, "/", "_")+".jsonl")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	m.file = file
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		var read verdict
		if json.Unmarshal(scanner.Bytes(), &read) != nil { // the last line may be cut
			continue
		}
		name := read.Mutant.key() + "\t" + read.File + "\t" + strconv.Itoa(read.Nth)
		now, ok := current[name]
		if !ok || m.known[name] || read.Survived && read.Package != of.digest {
			continue
		}
		read.Mutant, m.known[name] = now, true
		m.verdicts = append(m.verdicts, read)
	}
	if err := scanner.Err(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return m, nil
}

// name is what tells the mutants of a package apart, while their files are the same.
func (m *memory) name(of mutant) string {
	return of.key() + "\t" + of.digest + "\t" + strconv.Itoa(of.nth)
}

func (m *memory) knows(of mutant) bool { return m.known[m.name(of)] }

// note keeps a verdict.
func (m *memory) note(v verdict) error {
	v.File, v.Package, v.Nth = v.Mutant.digest, m.target.digest, v.Mutant.nth
	m.verdicts = append(m.verdicts, v)
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = m.file.Write(append(line, '\n'))
	return err
}

func (m *memory) close() { _ = m.file.Close() }
