// Command refusalsdoc prints docs/refusals.md from the table of rules. `make generate`
// writes the file with it, and `make check` compares.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

func main() {
	if err := write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "refusalsdoc:", err)
		os.Exit(1)
	}
}

func write(to io.Writer) error {
	page := bufio.NewWriter(to)
	fmt.Fprint(page, `<!-- Made by make generate from the table of rules in internal/declare. Edit that. -->
# Refusals

This page lists every reason for which Sallyport refuses a declaration or a registration, by the id that stands in
brackets at the end of a refusal. Ids are stable. A refusal names the place, says what is wrong, and has a fix for the
very input; the fixes here say what to do in general.
`)
	for _, section := range declare.Sections() {
		fmt.Fprintf(page, "\n## %s\n\nApplied by %s.\n\n| Rule | Refused | Fix |\n|---|---|---|\n", section.Title, section.Walls)
		for _, rule := range section.Rules {
			fmt.Fprintf(page, "| `%s` | %s | %s |\n", rule.ID, rule.Refuses, rule.Fix)
		}
	}
	return page.Flush()
}
