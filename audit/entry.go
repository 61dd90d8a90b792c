package audit

import (
	"encoding/json"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// An Entry is one event of a log, as it is stored and hashed: a JSON object. Fields
// that are empty are left out. What it does not have, no log keeps.
type Entry struct {
	// Version is the version of this form, 1.
	Version int `json:"v"`
	// Kind is the kind of the event, such as "decided" or "ended", or one of this
	// package's own: "log opened", "log closed", "lost".
	Kind string `json:"kind"`
	// Time is when the call reached the gate, or when the log was opened and so on.
	Time time.Time `json:"time"`
	// Call is the id that the server gave the call, the same in all its events.
	Call string `json:"call,omitempty"`
	// RequestID is what the caller sent as X-Request-Id.
	RequestID string `json:"request_id,omitempty"`
	// Peer is the address that the call came from.
	Peer string `json:"peer,omitempty"`
	// Contract is the fingerprint of the declarations.
	Contract string `json:"contract,omitempty"`
	// Procedure is the RPC, such as "/demo.v1.AccountService/GetUser".
	Procedure string `json:"procedure,omitempty"`
	// Outcome is "allow" or "deny".
	Outcome string `json:"outcome,omitempty"`
	// Stage is the step that decided.
	Stage string `json:"stage,omitempty"`
	// Code is what the caller was answered where the call failed.
	Code string `json:"code,omitempty"`
	// Principal is the id of the caller. With [WithPseudonyms] it is the caller's
	// pseudonym: "hmac-sha256:" and 64 hexadecimal digits.
	Principal string `json:"principal,omitempty"`
	// Scheme is the scheme that authenticated the caller.
	Scheme string `json:"scheme,omitempty"`
	// Scoped is whether the credential carried no more than its scopes.
	Scoped bool `json:"scoped,omitempty"`
	// Grant is the grant that let the call in.
	Grant string `json:"grant,omitempty"`
	// Reason is why the call was denied, for an operator.
	Reason string `json:"reason,omitempty"`
	// Load is what came of loading what the action is about: "found", "not_found",
	// "skipped", "failed" or "given". It is empty where the action names no resource.
	Load string `json:"load,omitempty"`
	// Shadow is what the shadow of the action would have decided: "same", "would_allow",
	// "would_deny" or "undecided".
	Shadow string `json:"shadow,omitempty"`
	// MissingScopes are the scopes that a denied caller lacked.
	MissingScopes []string `json:"missing_scopes,omitempty"`
	// MaxAge is how long ago the caller may have authenticated, in nanoseconds, where
	// it was longer ago.
	MaxAge time.Duration `json:"max_age_ns,omitempty"`
	// Duration is how long the gate took, or the call where this is its end, in
	// nanoseconds.
	Duration time.Duration `json:"duration_ns,omitempty"`
	// Error is the fault behind a denial or an end, if any.
	Error string `json:"error,omitempty"`
	// Cleared are the fields that were cleared from what was answered, of which there were
	// others where ClearedMore is set; Undecided is why a rule about one could not be decided.
	Cleared     []string `json:"cleared,omitempty"`
	ClearedMore bool     `json:"cleared_more,omitempty"`
	Undecided   string   `json:"undecided,omitempty"`
	// NotRecorded is how many denials were left out before this one.
	NotRecorded int `json:"not_recorded,omitempty"`
	// Values are what the conditions read, with [action.WithEventValues].
	Values *Values `json:"values,omitempty"`

	// Log is, in the first entry of a log, the name of that log.
	Log string `json:"log,omitempty"`
	// Logs are, in the first entry of a log, the other logs of the database that had
	// grown since another log named them.
	Logs []Link `json:"logs,omitempty"`
	// Lost is, in an entry of kind "lost", how many events could not be kept.
	Lost int `json:"lost,omitempty"`
}

// A Link says, in one log, how large another was and what it held. Like a checkpoint,
// it shows that the other was cut or rewritten since.
type Link struct {
	Log  string `json:"log"`
	Size int64  `json:"size"`
	Root string `json:"root"`
}

// Values are what the conditions of an action read of a call. See [event.Values].
type Values struct {
	Reads            []string        `json:"reads,omitempty"`
	Incomplete       []string        `json:"incomplete,omitempty"`
	Roles            []string        `json:"roles,omitempty"`
	Scopes           []string        `json:"scopes,omitempty"`
	Scoped           bool            `json:"scoped,omitempty"`
	CredentialScopes []string        `json:"credential_scopes,omitempty"`
	Claims           json.RawMessage `json:"claims,omitempty"`
	AuthenticatedAt  *time.Time      `json:"authenticated_at,omitempty"`
	ExpiresAt        *time.Time      `json:"expires_at,omitempty"`
	Request          json.RawMessage `json:"request,omitempty"`
	Answers          map[string]bool `json:"answers,omitempty"`
}

// Kinds of this package's own entries.
const (
	kindOpened = "log opened"
	kindClosed = "log closed"
	kindLost   = "lost"
)

// How many bytes an entry has of texts whose length a caller or a handler chose, and of
// the values as a whole.
const (
	mostReason = 512
	mostError  = 1024
	mostValues = 16 << 10
)

// own returns an entry of one of this package's kinds.
func own(kind string) Entry { return Entry{Version: 1, Kind: kind, Time: time.Now().UTC()} }

// entryOf returns what is kept of an event.
func entryOf(e *event.Event) Entry {
	entry := Entry{
		Version:       1,
		Kind:          e.Kind.String(),
		Time:          e.Time.UTC(),
		Call:          e.CallID,
		RequestID:     e.RequestID,
		Contract:      e.Contract,
		Procedure:     e.Procedure,
		Outcome:       e.Outcome.String(),
		Stage:         e.Stage.String(),
		Principal:     e.PrincipalID,
		Scheme:        e.Scheme,
		Scoped:        e.Scoped,
		Grant:         e.Grant,
		Reason:        cut(e.Reason, mostReason),
		Load:          e.Load.String(),
		Shadow:        e.Shadow.String(),
		MissingScopes: e.MissingScopes,
		MaxAge:        e.MaxAge,
		Duration:      e.Duration,
		NotRecorded:   e.NotRecorded,
		Values:        valuesOf(e.Values),
	}
	if e.Peer != nil && e.Peer.Address.IsValid() {
		entry.Peer = e.Peer.Address.String()
	}
	if e.Code != 0 {
		entry.Code = e.Code.String()
	}
	if e.Err != nil {
		entry.Error = cut(e.Err.Error(), mostError)
	}
	if cleared := e.Cleared; cleared != nil {
		entry.Cleared, entry.ClearedMore = cleared.Fields, cleared.More
		if cleared.Undecided != nil {
			entry.Undecided = cut(cleared.Undecided.Error(), mostError)
		}
	}
	return entry
}

func valuesOf(values *event.Values) *Values {
	if values == nil {
		return nil
	}
	kept := &Values{
		Reads:            values.Reads,
		Incomplete:       values.Incomplete,
		Roles:            values.Roles,
		Scopes:           values.Scopes,
		Scoped:           values.Scoped,
		CredentialScopes: values.CredentialScopes,
		Answers:          values.Answers,
	}
	if !values.AuthenticatedAt.IsZero() {
		kept.AuthenticatedAt = &values.AuthenticatedAt
	}
	if !values.ExpiresAt.IsZero() {
		kept.ExpiresAt = &values.ExpiresAt
	}
	kept.Request, kept.Claims = messageOf(values.Request), messageOf(values.Claims)
	return kept
}

// messageOf returns a message as JSON, or nil where there is none.
func messageOf(message proto.Message) json.RawMessage {
	if message == nil {
		return nil
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		return nil
	}
	return text
}

// encode returns the bytes that are stored and hashed. Values that are too large are
// left out as a whole, and what they read is incomplete then.
func (e Entry) encode() ([]byte, error) {
	if e.Values != nil {
		if values, err := json.Marshal(e.Values); err != nil || len(values) > mostValues {
			e.Values = &Values{Reads: e.Values.Reads, Incomplete: e.Values.Reads}
		}
	}
	return json.Marshal(e)
}

// cut returns a text of at most so many bytes, with an ellipsis where some were cut.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// decodeEntry returns an event as it was stored.
func decodeEntry(event []byte) (Entry, error) {
	var entry Entry
	err := json.Unmarshal(event, &entry)
	return entry, err
}
