package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// proofHeader is the first line of a proof (https://c2sp.org/tlog-proof).
const proofHeader = "c2sp.org/tlog-proof@v1"

// Prove returns an event of a log as it is stored, and a proof, in the form of
// https://c2sp.org/tlog-proof, that it stands there: with the proof and the key alone
// [CheckProof] shows so, and no other event of the log is needed. The proof holds the
// log's last checkpoint; an event that none covers yet cannot be proved.
func (s *Store) Prove(ctx context.Context, log string, number int64, keys note.Verifiers) (event, proof []byte, err error) {
	var signed []byte
	for last, err := range s.sealed(ctx, log) {
		if err != nil {
			return nil, nil, err
		}
		signed = last
	}
	if signed == nil {
		return nil, nil, fmt.Errorf("audit: the database has no checkpoint of a log %q", log)
	}
	said, err := openCheckpoint(signed, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("audit: the last checkpoint of %s: %w", log, err)
	}
	if number < 0 || number >= said.Size {
		return nil, nil, fmt.Errorf("audit: event %d is not covered by the last checkpoint of %s, which covers 0 to %d", number, log, said.Size-1)
	}
	found, err := s.row(ctx, log, number) // without it the proof is refused below
	if err != nil {
		return nil, nil, err
	}
	event = found.event
	hashes, err := tlog.ProveRecord(said.Size, number, treeReader{ctx, s, log})
	if err != nil {
		return nil, nil, fmt.Errorf("audit: prove event %d of %s: %w", number, log, err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\nindex %d\n", proofHeader, number)
	for _, hash := range hashes {
		text.WriteString(base64.StdEncoding.EncodeToString(hash[:]) + "\n")
	}
	text.WriteString("\n" + string(signed))
	proof = []byte(text.String())
	// What the database has may be other than what was signed.
	if _, _, err := CheckProof(event, proof, keys); err != nil {
		return nil, nil, err
	}
	return event, proof, nil
}

// CheckProof returns the checkpoint of a proof and the number that it proves the event
// to have in that log. The error says why it proves nothing.
func CheckProof(event, proof []byte, keys note.Verifiers) (Checkpoint, int64, error) {
	head, signed, found := strings.Cut(string(proof), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != proofHeader {
		return Checkpoint{}, 0, errors.New("audit: it is no proof: it begins with " + proofHeader)
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") && len(lines) > 1 {
		lines = lines[1:]
	}
	digits, found := strings.CutPrefix(lines[0], "index ")
	number, err := strconv.ParseInt(digits, 10, 64)
	if !found || err != nil || number < 0 {
		return Checkpoint{}, 0, errors.New("audit: the proof has no index")
	}
	var hashes tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return Checkpoint{}, 0, errors.New("audit: a hash of the proof is malformed")
		}
		hashes = append(hashes, tlog.Hash(hash))
	}
	said, err := openCheckpoint([]byte(signed), keys)
	if err != nil {
		return Checkpoint{}, 0, fmt.Errorf("audit: the checkpoint of the proof: %w", err)
	}
	if number >= said.Size {
		return Checkpoint{}, 0, fmt.Errorf("audit: the proof is of event %d, and its checkpoint covers %d events", number, said.Size)
	}
	if err := tlog.CheckRecord(hashes, said.Size, said.Root, number, tlog.RecordHash(event)); err != nil {
		return Checkpoint{}, 0, fmt.Errorf("audit: the event is not event %d of %s as it was signed: %w", number, said.Origin, err)
	}
	return said, number, nil
}

// A treeReader reads the hashes inside a tree by making them from those of the events.
type treeReader struct {
	ctx   context.Context //nolint:containedctx // tlog.HashReader has none
	store *Store
	log   string
}

// ReadHashes implements [tlog.HashReader].
func (r treeReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(indexes))
	for _, index := range indexes {
		level, number := tlog.SplitStoredHashIndex(index)
		from, until := number<<level, (number+1)<<level
		var tree frontier
		for hash, err := range r.store.hashes(r.ctx, r.log, from, until) {
			if err != nil {
				return nil, err
			}
			tree.add(hash)
		}
		if tree.size != until-from {
			return nil, fmt.Errorf("of the events %d to %d there are %d", from, until-1, tree.size)
		}
		hashes = append(hashes, tree.root())
	}
	return hashes, nil
}
