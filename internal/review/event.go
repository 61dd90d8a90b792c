package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// An Event is a recorded event of a call, in the form in which an audit log keeps it.
type Event struct {
	// Version is that of the form, 1.
	Version int `json:"v"`
	// Kind is the kind of the event, such as "decided" or "ended".
	Kind string `json:"kind"`
	// Time is when the call reached the gate.
	Time time.Time `json:"time"`
	// Call is the id that the server gave the call.
	Call string `json:"call"`
	// Contract is the fingerprint of the declarations that decided.
	Contract  string `json:"contract"`
	Procedure string `json:"procedure"`
	// Outcome is "allow" or "deny", Stage the step that decided, Grant what let the call
	// in, and Reason why it was denied.
	Outcome string `json:"outcome"`
	Stage   string `json:"stage"`
	Grant   string `json:"grant"`
	Reason  string `json:"reason"`
	// Principal is the id of the caller, or a pseudonym.
	Principal     string   `json:"principal"`
	Scheme        string   `json:"scheme"`
	Scoped        bool     `json:"scoped"`
	MissingScopes []string `json:"missing_scopes"`
	// Values are what conditions read, or nil where they were not recorded.
	Values *EventValues `json:"values"`

	// Log and Number say where the event stands. They are empty where that is not known.
	Log    string `json:"-"`
	Number int64  `json:"-"`
}

// EventValues are what the conditions of an action read of a call.
type EventValues struct {
	Reads            []string        `json:"reads"`
	Incomplete       []string        `json:"incomplete"`
	Roles            []string        `json:"roles"`
	Scopes           []string        `json:"scopes"`
	Scoped           bool            `json:"scoped"`
	CredentialScopes []string        `json:"credential_scopes"`
	Claims           json.RawMessage `json:"claims"`
	AuthenticatedAt  time.Time       `json:"authenticated_at"`
	ExpiresAt        time.Time       `json:"expires_at"`
	Request          json.RawMessage `json:"request"`
	Answers          map[string]bool `json:"answers"`
}

// ReadEvents reads events one after the other, each a JSON object: as
// `sallyport audit query -o json` prints them, or as a log keeps them. The sequence ends
// after an error.
func ReadEvents(from io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		decoder := json.NewDecoder(from)
		for count := 1; ; count++ {
			var text json.RawMessage
			err := decoder.Decode(&text)
			if errors.Is(err, io.EOF) {
				return
			}
			var event Event
			if err == nil {
				event, err = parseEvent(text)
			}
			if err != nil {
				yield(Event{}, fmt.Errorf("event %d: %w", count, err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

func parseEvent(text json.RawMessage) (Event, error) {
	var found struct {
		Log     string          `json:"log"`
		Number  int64           `json:"number"`
		Event   json.RawMessage `json:"event"`
		Message *string         `json:"msg"` // of a logger
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return Event{}, fmt.Errorf("%w: write events as sallyport audit query -o json prints them", err)
	}
	if found.Message != nil {
		return Event{}, errors.New("it is a line of a logger, which does not have what conditions read: take the events of an audit log")
	}
	if found.Event == nil {
		found.Event = text
	}
	var event Event
	if err := json.Unmarshal(found.Event, &event); err != nil {
		return Event{}, err
	}
	if event.Version != 1 || event.Kind == "" {
		return Event{}, errors.New(`it is no event of version 1: write events as sallyport audit query -o json prints them, such as {"log": "…", "number": 1, "event": {"v": 1, "kind": "decided", …}}`)
	}
	event.Log, event.Number = found.Log, found.Number
	return event, nil
}

// Allowed reports whether the event says that a call, or a message of it, was let in.
func (e *Event) Allowed() bool { return e.Outcome == "allow" }

// OfGrants reports whether the event is a decision by grants: what let a call in, or that
// no grant did.
func (e *Event) OfGrants() bool {
	return slices.Contains([]string{"decided", "opened", "message"}, e.Kind) && (e.Allowed() || e.Stage == "authorize")
}

// isPseudonym reports whether the principal's id is not in the event.
func (e *Event) isPseudonym() bool { return strings.HasPrefix(e.Principal, "hmac-sha256:") }

// knows reports whether the event has what a condition reads, by its name: the whole of
// it, or of what it is part of.
func (e *Event) knows(name string) bool {
	switch name {
	case "principal.id":
		return !e.isPseudonym()
	case "principal.scheme":
		return true
	}
	if e.Values == nil || e.Principal == "" && strings.HasPrefix(name, "principal") {
		return false
	}
	for {
		if slices.Contains(e.Values.Reads, name) {
			return !slices.Contains(e.Values.Incomplete, name) && (name != "principal" || !e.isPseudonym())
		}
		if strings.HasPrefix(name, "check ") || strings.HasPrefix(name, "relation ") {
			return false
		}
		at := strings.LastIndexByte(name, '.')
		if at < 0 {
			return false
		}
		name = name[:at]
	}
}
