package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// An Accepted is a change that people have looked at and that may stay.
type Accepted struct {
	// Subject and Kind are those of the change.
	Subject string `json:"subject"`
	Kind    string `json:"kind"`
	// Reason is why it may stay. Required.
	Reason string `json:"reason"`
	// Until is the last day on which it is accepted: "2027-01-31". Required.
	Until string `json:"until"`
}

// ReadAccepted reads accepted changes from a JSON array. An error says which is wrong.
func ReadAccepted(from io.Reader) ([]Accepted, error) {
	decoder := json.NewDecoder(from)
	decoder.DisallowUnknownFields()
	var accepted []Accepted
	if err := decoder.Decode(&accepted); err != nil {
		return nil, fmt.Errorf(`%w: write a JSON array such as [{"subject": "/acme.v1.Notes/Read", "kind": "scheme-added", "reason": "why", "until": "2027-01-31"}]`, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the array")
	}
	for i, entry := range accepted {
		_, err := time.Parse(time.DateOnly, entry.Until)
		switch {
		case entry.Subject == "" || entry.Kind == "":
			return nil, fmt.Errorf("entry %d has no subject or no kind", i+1)
		case strings.TrimSpace(entry.Reason) == "":
			return nil, fmt.Errorf("entry %d has no reason", i+1)
		case err != nil:
			return nil, fmt.Errorf("entry %d: until is %q: write the last day on which the change is accepted, such as 2027-01-31", i+1, entry.Until)
		}
	}
	return accepted, nil
}

// Accept marks the changes that are accepted on a day. It returns the entries that no
// change needs: they can go.
func Accept(changes []Change, accepted []Accepted, now time.Time) (unneeded []Accepted) {
	today := now.UTC().Format(time.DateOnly)
	for _, entry := range accepted {
		at := slices.IndexFunc(changes, func(change Change) bool { return change.Subject == entry.Subject && change.Kind == entry.Kind })
		switch {
		case at < 0:
			unneeded = append(unneeded, entry)
		case today <= entry.Until:
			changes[at].Accepted = entry.Reason
		}
	}
	return unneeded
}
