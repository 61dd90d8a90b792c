package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/limit"
	"github.com/sallyport-rpc/sallyport/server"
)

// The table shows everything that a declaration can say, also what no action of the
// demo says.
func TestTable(t *testing.T) {
	t.Parallel()
	session := []string{"session"}
	var out strings.Builder
	printTable(&out, []action.Action{
		{Procedure: "/acme.v1.Notes/Front", Anyone: true, Limits: []limit.Limit{
			{Per: limit.Address, Requests: 10, Window: time.Second, Burst: 20}, {Per: limit.Action, Requests: 100, Window: time.Minute, Burst: 50},
		}},
		{Procedure: "/acme.v1.Notes/Home", Schemes: session, Anyone: true},
		{Procedure: "/acme.v1.Notes/List", Schemes: session, Anyone: true, Each: []action.Each{
			{Name: "notes", Who: "item.owner_id == principal.id; or principal.id in item.shared_with"}, {Name: "tags", Who: "admin"},
		}},
		{Procedure: "/acme.v1.Notes/Read", Schemes: session, Who: "admin", Conceal: true, CredentialScopes: []string{"notes.read", "notes.list"}},
		{Procedure: "/acme.v1.Notes/Drop", Schemes: []string{"session", "bearer", "apikey"}, Who: "admin", MaxAge: 90 * time.Minute, Conceal: true},
		{Procedure: "/acme.v1.Notes/Share", Schemes: session, Who: "admin and scope notes.share; or principal.id == request.note.owner_id"},
		{Procedure: "/acme.v1.Streams/Watch", Schemes: session, Who: "admin", StreamAuthorize: sallyportv1.Stream_OPEN, Recheck: time.Hour},
		{Procedure: "/acme.v1.Streams/Collect", Schemes: session, Who: "admin", StreamAuthorize: sallyportv1.Stream_FIRST_MESSAGE, Recheck: 30 * time.Second},
		{Procedure: "/acme.v1.Streams/Chat", Schemes: session, Who: "admin", StreamAuthorize: sallyportv1.Stream_EVERY_MESSAGE, Recheck: 5 * time.Minute},
		{Procedure: "/acme.v1.Streams/Clock", Anyone: true, StreamAuthorize: sallyportv1.Stream_OPEN, Recheck: 5 * time.Minute},
	}, []server.UnguardedHandler{{Pattern: "GET /healthz", Reason: "the load balancer asks"}})
	const want = `acme.v1.Notes
  METHOD  AUTHENTICATED BY           WHO MAY CALL IT
  Front   (no sign-in)               anyone
                                     at most 10 a second of each address, 20 at once
                                     at most 100 a minute in all, 50 at once
  Home    session                    anyone signed in
  List    session                    anyone signed in
                                     each of notes is seen by
                                       item.owner_id == principal.id
                                       or principal.id in item.shared_with
                                     each of tags is seen by
                                       admin
  Read    session                    admin
                                     a scoped credential needs notes.read and notes.list
                                     others are answered not_found
  Drop    session, bearer or apikey  admin
                                     no scoped credential is taken
                                     and authenticated within the last 1h30m
                                     others are answered not_found
  Share   session                    admin and scope notes.share
                                     or principal.id == request.note.owner_id
acme.v1.Streams
  METHOD   AUTHENTICATED BY  WHO MAY CALL IT
  Watch    session           admin
                             stream: checked when it opens and every 1h
  Collect  session           admin
                             stream: checked at the first message and every 30s
  Chat     session           admin
                             stream: checked at each message and every 5m
  Clock    (no sign-in)      anyone
                             stream: checked when it opens

Pages without a gate, open to everyone
  GET /healthz  the load balancer asks
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
