package review

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// A Replay is what comes of recorded calls under another contract. Its zero value is of no
// event.
type Replay struct {
	// Same is how many calls are decided as they were, NowDenied and NowLetIn how many are
	// not, and Undecided of how many their events do not say enough.
	Same      int `json:"same"`
	NowDenied int `json:"now_denied"`
	NowLetIn  int `json:"now_let_in"`
	Undecided int `json:"undecided"`
	// Before is how many calls were denied before the grants were looked at, such as those
	// without a valid credential. They are not decided again.
	Before int `json:"denied_before_grants"`
	// Others is how many events are no decision, such as the ends of calls.
	Others int `json:"other_events"`
	// Groups are the calls that are decided in another way or not at all, those first of
	// which there are most.
	Groups []ReplayGroup `json:"groups"`

	groups map[groupKey]*ReplayGroup
}

// A ReplayOutcome says what comes of calls.
type ReplayOutcome string

// The outcomes of the groups of a replay.
const (
	NowDenied       ReplayOutcome = "now denied"
	NowLetIn        ReplayOutcome = "now let in"
	ReplayUndecided ReplayOutcome = "undecided"
)

// A ReplayGroup is calls of one action that are decided in another way for one reason.
type ReplayGroup struct {
	Procedure string        `json:"procedure"`
	Outcome   ReplayOutcome `json:"outcome"`
	// Because is the reason, or the grant that lets the calls in.
	Because string `json:"because"`
	// Calls is how many there are, and Principals of how many callers.
	Calls      int `json:"calls"`
	Principals int `json:"principals"`
	// First is the first of them in time.
	First ReplayedCall `json:"first"`
	// Last is when the last one came.
	Last time.Time `json:"last"`

	principals map[string]bool
}

// A ReplayedCall says which call it was.
type ReplayedCall struct {
	Log       string    `json:"log,omitempty"`
	Number    int64     `json:"number,omitempty"`
	Call      string    `json:"call,omitempty"`
	Time      time.Time `json:"time"`
	Principal string    `json:"principal,omitempty"`
}

type groupKey struct {
	procedure string
	outcome   ReplayOutcome
	because   string
}

// Replay decides recorded calls again by the contract. An event that the same contract
// decided is taken to be decided as it was. Limits, validation rules, checks in Go and
// credentials are not looked at again. An error is of an event that cannot be read.
func (c *Contract) Replay(ctx context.Context, events iter.Seq2[Event, error]) (*Replay, error) {
	replay := &Replay{Groups: []ReplayGroup{}, groups: map[groupKey]*ReplayGroup{}}
	recallers := map[string]*recaller{}
	for _, action := range c.Actions() {
		recallers[action.Procedure] = newRecaller(action)
	}
	for event, err := range events {
		if err != nil {
			return nil, err
		}
		switch {
		case !event.OfGrants() && (event.Kind == "decided" || event.Kind == "opened"):
			replay.Before++
		case !event.OfGrants():
			replay.Others++
		case event.Contract != "" && event.Contract == c.Fingerprint:
			replay.Same++
		default:
			replay.add(&event, recallers[event.Procedure].outcome(ctx, &event))
		}
	}
	for _, group := range replay.groups {
		group.Principals = len(group.principals)
		replay.Groups = append(replay.Groups, *group)
	}
	slices.SortFunc(replay.Groups, func(a, b ReplayGroup) int {
		return cmp.Or(b.Calls-a.Calls, strings.Compare(a.Procedure, b.Procedure), strings.Compare(string(a.Outcome), string(b.Outcome)), strings.Compare(a.Because, b.Because))
	})
	return replay, nil
}

// outcome decides an event. The recaller is nil for an action that the contract does not
// have.
func (r *recaller) outcome(ctx context.Context, event *Event) *Explanation {
	explained := &Explanation{Procedure: event.Procedure}
	if r == nil {
		explained.Because = "there is no such action"
		return explained
	}
	r.recall(ctx, event, explained)
	return explained
}

func (r *Replay) add(event *Event, explained *Explanation) {
	key := groupKey{procedure: event.Procedure, because: explained.Because}
	switch {
	case explained.Undecided:
		r.Undecided++
		key.outcome, key.because = ReplayUndecided, "the events lack "+strings.Join(explained.Lacks, ", ")
	case explained.Allowed == event.Allowed():
		r.Same++
		return
	case explained.Allowed:
		r.NowLetIn++
		key.outcome, key.because = NowLetIn, "by "+explained.Grant
	default:
		r.NowDenied++
		key.outcome = NowDenied
	}
	call := ReplayedCall{Log: event.Log, Number: event.Number, Call: event.Call, Time: event.Time, Principal: event.Principal}
	group := r.groups[key]
	if group == nil {
		group = &ReplayGroup{Procedure: key.procedure, Outcome: key.outcome, Because: key.because, principals: map[string]bool{}, First: call}
		r.groups[key] = group
	}
	if event.Time.Before(group.First.Time) {
		group.First = call
	}
	group.Calls++
	group.principals[event.Principal] = true
	if event.Time.After(group.Last) {
		group.Last = event.Time
	}
}

// Differs reports whether a call is decided in another way, or is undecided.
func (r *Replay) Differs() bool { return r.NowDenied+r.NowLetIn+r.Undecided > 0 }

// summary says in one line how many calls there are of each outcome.
func (r *Replay) summary() string {
	return fmt.Sprintf("%d decided as before, %d now denied, %d now let in, %d undecided; not decided again: %d denied before the grants, %d other events",
		r.Same, r.NowDenied, r.NowLetIn, r.Undecided, r.Before, r.Others)
}

// WriteText writes the replay for a terminal. What a caller chose is quoted.
func (r *Replay) WriteText(out io.Writer) error {
	var text strings.Builder
	for _, group := range r.Groups {
		fmt.Fprintf(&text, "%-10s  %s: %s\n            %s\n", group.Outcome, group.Procedure, group.Because, group.counts())
	}
	text.WriteString(r.summary() + "\n")
	_, err := io.WriteString(out, text.String())
	return err
}

func (g ReplayGroup) counts() string {
	return fmt.Sprintf("calls: %d, callers: %d; the first at %s by %q, call %q", g.Calls, g.Principals, g.First.Time.UTC().Format(time.RFC3339), g.First.Principal, g.First.Call)
}

// WriteMarkdown writes the replay for a comment on a pull request.
func (r *Replay) WriteMarkdown(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "### Recorded calls, decided again\n\n%s.\n", strings.ToUpper(r.summary()[:1])+r.summary()[1:])
	if len(r.Groups) > 0 {
		text.WriteString("\n| | Action | Because | Calls | Callers | First |\n|---|---|---|---|---|---|\n")
	}
	for _, group := range r.Groups {
		fmt.Fprintf(&text, "| **%s** | %s | %s | %d | %d | %s |\n", group.Outcome, code(group.Procedure), markup.Replace(group.Because),
			group.Calls, group.Principals, group.First.Time.UTC().Format(time.RFC3339))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WriteJSON writes the replay as one JSON object, indented.
func (r *Replay) WriteJSON(out io.Writer) error { return writeJSON(out, r) }
