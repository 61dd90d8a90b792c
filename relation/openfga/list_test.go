package openfga_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/openfga/pkg/storage/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/relation"
	"github.com/sallyport-rpc/sallyport/relation/openfga"
)

func viewedBy(user string, most int) relation.Listing {
	return relation.Listing{User: user, Relation: "viewer", Object: "document", Most: most}
}

// OpenFGA lists all that a user has a relation to, and nothing else, or it is no list.
func TestList(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		t.Run(fmt.Sprintf("remote %t", remote), func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, memory.New(), remote)
			a.write(t, "", "user:ada", "owner", "document:1")
			a.write(t, "", "user:ada", "editor", "document:2")
			a.write(t, "", "user:ada", "owner", "folder:3")
			a.write(t, "", "user:ada", "member", "team:a")
			a.write(t, "", "team:a#member", "editor", "document:4")
			a.write(t, "", "user:bob", "viewer", "document:5")
			a.write(t, "in_hours", "user:cyd", "viewer", "document:6")
			a.write(t, "", "user:cyd", "viewer", "document:1")
			for name, test := range map[string]struct {
				listing    relation.Listing
				options    []openfga.Option
				want       string
				incomplete bool
			}{
				"all of them":                    {listing: viewedBy("ada", 3), want: "1 2 4"},
				"one more":                       {listing: viewedBy("ada", 2), incomplete: true},
				"of another":                     {listing: viewedBy("bob", 9), want: "5"},
				"of no one":                      {listing: viewedBy("eve", 9)},
				"of what OpenFGA has no user of": {listing: viewedBy(strings.Repeat("a", 600), 9)},
				"under a condition":              {listing: viewedBy("cyd", 9), incomplete: true},
				"as many as OpenFGA lists":       {listing: viewedBy("ada", 9), options: []openfga.Option{openfga.WithListLimits(3, time.Minute)}, incomplete: true},
				"one fewer":                      {listing: viewedBy("ada", 9), options: []openfga.Option{openfga.WithListLimits(4, time.Minute)}, want: "1 2 4"},
			} {
				engine, err := openfga.New(t.Context(), a, a.store, a.model, test.options...)
				if err != nil {
					t.Fatal(err)
				}
				ids, err := engine.List(t.Context(), test.listing)
				slices.Sort(ids)
				if got := strings.Join(ids, " "); got != test.want || errors.Is(err, relation.ErrIncomplete) != test.incomplete || err != nil && !test.incomplete {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
		})
	}
	for _, limits := range []openfga.Option{openfga.WithListLimits(0, time.Minute), openfga.WithListLimits(1, 0)} {
		a := newAPI(t, memory.New(), false)
		if _, err := openfga.New(t.Context(), a, a.store, a.model, limits); err == nil {
			t.Error("an engine has no limit")
		}
	}
	if _, err := new(openfga.Engine).List(t.Context(), viewedBy("ada", 1)); err == nil {
		t.Error("the zero engine lists")
	}
}

// cutting lists one object, when its context ends where it waits, and with an error where it has
// one. OpenFGA says nothing of a deadline.
type cutting struct {
	*api

	waits bool
	err   error
	lists string
	asked *openfgav1.ListObjectsRequest
}

func (c *cutting) ListObjects(ctx context.Context, request *openfgav1.ListObjectsRequest) (*openfgav1.ListObjectsResponse, error) {
	if c.asked = request; c.waits {
		<-ctx.Done()
	}
	return &openfgav1.ListObjectsResponse{Objects: []string{c.lists}}, c.err
}

// A list that was cut off, or comes with an error, is none.
func TestListIsCutOff(t *testing.T) {
	t.Parallel()
	a := newAPI(t, memory.New(), false)
	for name, test := range map[string]struct {
		api                     cutting
		incomplete, unavailable bool
		fine                    bool
	}{
		"whole":                          {api: cutting{lists: "document:1"}, fine: true},
		"by the deadline":                {api: cutting{lists: "document:1", waits: true}, incomplete: true},
		"by the deadline, with an error": {api: cutting{lists: "document:1", waits: true, err: status.Error(codes.DeadlineExceeded, "x")}, incomplete: true},
		"an outage":                      {api: cutting{lists: "document:1", err: status.Error(codes.Unavailable, "x")}, unavailable: true},
		"a fault":                        {api: cutting{lists: "document:1", err: errors.New("x")}},
		"another type":                   {api: cutting{lists: "folder:1"}},
	} {
		test.api.api = a
		deadline := time.Minute
		if test.api.waits {
			deadline = time.Millisecond
		}
		engine, err := openfga.New(t.Context(), &test.api, a.store, a.model, openfga.WithListLimits(10, deadline))
		if err != nil {
			t.Fatal(err)
		}
		ids, err := engine.List(t.Context(), viewedBy("ada", 9))
		if (err == nil) != test.fine || (len(ids) > 0) != test.fine || errors.Is(err, relation.ErrIncomplete) != test.incomplete || errors.Is(err, authn.ErrUnavailable) != test.unavailable {
			t.Errorf("%s: %q, %v", name, ids, err)
		}
		if of := test.api.asked; of.GetConsistency() != openfgav1.ConsistencyPreference_HIGHER_CONSISTENCY || of.GetAuthorizationModelId() != a.model || of.GetContextualTuples() != nil {
			t.Errorf("%s: asked %v", name, of)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := engine.List(ended, viewedBy("ada", 9)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, of one who left: %v", name, err)
		}
	}
}
