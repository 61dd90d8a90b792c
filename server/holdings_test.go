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
