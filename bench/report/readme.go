package main

import (
	"fmt"
	"strings"

	"github.com/sallyport-rpc/sallyport/bench/raw"
	"github.com/sallyport-rpc/sallyport/bench/tables"
)

// The sections that are made, by the name in their markers.
func (r runs) sections() map[string]string {
	return map[string]string{
		"asked":     r.asked(),
		"wire":      section(r.wire),
		"inprocess": section(r.inProcess),
		"startup":   section(r.startup),
	}
}

func section(run *raw.Run) string {
	var text strings.Builder
	tables.Environment(&text, run.Environment)
	for _, table := range run.Tables {
		tables.Table(&text, table)
	}
	return text.String()
}

// readme returns the README with its sections made anew.
func (r runs) readme(old string) (string, error) {
	for name, content := range r.sections() {
		begin, end := fmt.Sprintf("<!-- begin %s -->\n", name), fmt.Sprintf("<!-- end %s -->\n", name)
		before, rest, found := strings.Cut(old, begin)
		if !found {
			return "", fmt.Errorf("README.md has no marker %q", strings.TrimSpace(begin))
		}
		_, after, found := strings.Cut(rest, end)
		if !found {
			return "", fmt.Errorf("README.md has no marker %q", strings.TrimSpace(end))
		}
		old = before + begin + "\n" + content + "\n" + end + after
	}
	return old, nil
}
