package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint says how large a log was and what it held: no other events have the
// same root. Its signed text is what the transparency log community calls a checkpoint
// (https://c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	// Origin names the log.
	Origin string
	// Size is how many events the log had.
	Size int64
	// Root is the root of the Merkle tree over them (RFC 6962, section 2.1).
	Root tlog.Hash
}

// text is what is signed.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// sign returns the signed text.
func (c Checkpoint) sign(signer note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("audit: sign a checkpoint of %s: %w", c.Origin, err)
	}
	return signed, nil
}

var errNoCheckpoint = errors.New("it is no checkpoint: its lines are the log's name, the number of events and the root in base64")

// openCheckpoint returns what a signed text says, and an error where none of the keys
// signed it or it is no checkpoint.
func openCheckpoint(signed []byte, keys note.Verifiers) (Checkpoint, error) {
	opened, err := note.Open(signed, keys)
	if err != nil {
		return Checkpoint{}, err
	}
	return parseCheckpoint(opened.Text)
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return Checkpoint{}, errNoCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, errNoCheckpoint
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, errNoCheckpoint
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: tlog.Hash(root)}, nil
}

// splitCheckpoints returns the checkpoints of a file that has any number of them, one
// after the other, as a witness file has. Each ends with its signature lines, which
// begin with a dash.
func splitCheckpoints(file []byte) [][]byte {
	var all [][]byte
	var current strings.Builder
	signatures := false
	flush := func() {
		if strings.TrimSpace(current.String()) != "" {
			all = append(all, []byte(current.String()))
		}
		current.Reset()
		signatures = false
	}
	for line := range strings.Lines(string(file)) {
		isSignature := strings.HasPrefix(line, "— ")
		if signatures && !isSignature {
			flush()
		}
		if current.Len() == 0 && strings.TrimSpace(line) == "" {
			continue
		}
		signatures = isSignature
		current.WriteString(line)
	}
	flush()
	return all
}

// readCheckpoint returns what a signed text says without looking at its signatures.
func readCheckpoint(signed []byte) (Checkpoint, error) {
	return parseCheckpoint(string(signed))
}
