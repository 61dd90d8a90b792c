package server

import (
	"errors"
	"testing"
)

func TestHoldings(t *testing.T) {
	t.Parallel()
	holdings := newHoldings(2, 100)
	for stream := 1; stream <= 3; stream++ {
		if opened := holdings.open("alice"); opened != (stream <= 2) {
			t.Errorf("stream %d of a principal who may have two: %v", stream, opened)
		}
	}
	if !holdings.open("bob") {
		t.Error("another principal has none")
	}
	if !holdings.take("alice", 60) || !holdings.take("alice", 40) || holdings.take("alice", 1) {
		t.Error("a principal leaves not exactly 100 bytes unread")
	}
	holdings.give("alice", 2, 100)
	if !holdings.take("bob", 1000) || holdings.take("bob", 1) {
		t.Error("a principal who has read everything does not get exactly one large message")
	}
	holdings.give("bob", 1, 1000)
	if len(holdings.by) != 0 {
		t.Errorf("what was given back is held: %v", holdings.by)
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	holdings := newHoldings(1, 100)
	var stranger, first, second, unary account
	if err := stranger.send(1000); err != nil {
		t.Errorf("a call without a principal: %v", err)
	}
	stranger.end()
	if err := first.authenticate(holdings, "alice", true); err != nil {
		t.Fatal(err)
	}
	if err := first.authenticate(holdings, "alice", true); err != nil {
		t.Errorf("the gate after the front door: %v", err)
	}
	if err := second.authenticate(holdings, "alice", true); !errors.Is(err, errManyStreams) {
		t.Errorf("a second stream: %v", err)
	}
	if err := unary.authenticate(holdings, "alice", false); err != nil {
		t.Errorf("a unary call: %v", err)
	}
	if err := first.send(60); err != nil {
		t.Error(err)
	}
	if err := unary.send(41); !errors.Is(err, errUnread) {
		t.Errorf("more than may be unread: %v", err)
	}
	if err := unary.send(40); err != nil {
		t.Error(err)
	}
	if !unary.isShed() || !second.isShed() || first.isShed() {
		t.Error("the calls do not know which of them had no room")
	}
	first.sent()
	if err := second.send(60); err != nil {
		t.Errorf("after it was read: %v", err)
	}
	first.end()
	first.end()
	second.end()
	unary.end()
	if err := first.send(1); err != nil || len(holdings.by) != 0 {
		t.Errorf("after the calls ended %v is held: %v", holdings.by, err)
	}
}

// What the connection takes of an answer is the principal's again, piece by piece, and no more
// than was sent.
func TestAccountIsTaken(t *testing.T) {
	t.Parallel()
	holdings := newHoldings(1, 100)
	var call, other account
	for _, one := range []*account{&call, &other} {
		if err := one.authenticate(holdings, "alice", false); err != nil {
			t.Fatal(err)
		}
	}
	if err := call.send(100); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ took, left int64 }{{0, 100}, {30, 70}, {30, 40}, {100, 0}, {5, 0}} {
		call.took(step.took)
		if got := holdings.by["alice"].unread; got != step.left || call.unread != step.left {
			t.Errorf("once %d were taken %d are unread, %d of the principal, want %d", step.took, call.unread, got, step.left)
		}
	}
	other.took(10)
	if err := other.send(100); err != nil {
		t.Errorf("of what was taken there is no room: %v", err)
	}
	if len(holdings.by) != 1 || holdings.by["alice"].unread != 100 {
		t.Errorf("%v is held", holdings.by)
	}
	other.sent()
	if len(holdings.by) != 0 {
		t.Errorf("%v is held", holdings.by)
	}
}

// A call counts what it sends for its principal, or for its address where there is none, until
// the connection has it.
func TestIncomingCountsAnswers(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{false, true} {
		call := &incoming{}
		call.charge.budget = newBudget(1 << 20)
		holdings := newHoldings(1, 1<<20)
		if known {
			call.charge.authenticate()
			if err := call.account.authenticate(holdings, "alice", true); err != nil {
				t.Fatal(err)
			}
		}
		counts := func(when string, want int64) {
			t.Helper()
			ofAddress, ofPrincipal := want, int64(0)
			if known {
				ofAddress, ofPrincipal = 0, want
			}
			if call.charge.budget.used != ofAddress || holdings.by["alice"].unread != ofPrincipal {
				t.Errorf("known %t, %s: %d of the address and %d of the principal, want %d", known, when, call.charge.budget.used, holdings.by["alice"].unread, want)
			}
		}
		if err := call.send(3 * granule); err != nil {
			t.Fatal(err)
		}
		counts("sent", 3*granule)
		call.took(granule)
		counts("a third taken", 2*granule)
		call.sent()
		counts("all taken", 0)
	}
}
