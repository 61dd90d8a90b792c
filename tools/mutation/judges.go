package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// modulePath is the import path of the repository.
const modulePath = "github.com/sallyport-rpc/sallyport"

// readJudges reads which further packages judge the mutants of a package: its folder,
// a tab, and theirs with spaces between.
func readJudges(root string) (map[string][]string, error) {
	const name = "tools/mutation/judges.txt"
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	judges := map[string][]string{}
	line := 0
	for text := range strings.Lines(string(content)) {
		line++
		if strings.HasPrefix(text, "#") {
			continue
		}
		of, by, ok := strings.Cut(strings.TrimSpace(text), "\t")
		if !ok {
			return nil, fmt.Errorf("%s:%d: a line has a folder, a tab, and the folders whose tests judge it", name, line)
		}
		judges[of] = strings.Fields(by)
	}
	return judges, nil
}
