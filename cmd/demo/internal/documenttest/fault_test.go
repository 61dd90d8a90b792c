package documenttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/relation"
)

// A faulty engine answers as a test says.
type faulty struct {
	*directory.Viewers

	check func(context.Context) (bool, error)
	list  func(context.Context) ([]string, error)
}

func (f *faulty) Check(ctx context.Context, _ relation.Query) (bool, error) { return f.check(ctx) }

func (f *faulty) CheckAll(ctx context.Context, queries []relation.Query) ([]bool, error) {
	held, err := f.check(ctx)
	all := make([]bool, len(queries))
	for i := range all {
		all[i] = held
	}
	return all, err
}

func (f *faulty) List(ctx context.Context, _ relation.Listing) ([]string, error) { return f.list(ctx) }

// An engine that fails, is silent or contradicts itself shows no document to one with whom it is not
// shared, nor to one with whom it is. Its owner, whom no engine is asked about, gets it.
func TestFaultyEngine(t *testing.T) {
	t.Parallel()
	silent := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, test := range map[string]struct {
		check     func(context.Context) (bool, error)
		list      func(ids []string) ([]string, error)
		brief     bool // the caller does not wait for long
		get, show connect.Code
	}{
		"an error beside a yes": {check: func(context.Context) (bool, error) { return true, errors.New("x") },
			list: func(ids []string) ([]string, error) { return ids, errors.New("x") }, get: connect.CodeInternal, show: connect.CodeInternal},
		"an outage": {check: func(context.Context) (bool, error) { return true, authn.Unavailable(errors.New("x")) },
			list: func(ids []string) ([]string, error) { return ids, authn.Unavailable(errors.New("x")) }, get: connect.CodeUnavailable, show: connect.CodeUnavailable},
		"a panic": {check: func(context.Context) (bool, error) { panic("x") },
			list: func([]string) ([]string, error) { panic("x") }, get: connect.CodeInternal, show: connect.CodeInternal},
		"a list that its checks contradict": {check: func(context.Context) (bool, error) { return false, nil },
			list: func(ids []string) ([]string, error) { return ids, nil }, get: connect.CodeNotFound, show: connect.CodeInternal},
		"a list that is not whole": {check: func(context.Context) (bool, error) { return false, nil },
			list: func(ids []string) ([]string, error) { return ids, relation.ErrIncomplete }, get: connect.CodeNotFound, show: connect.CodeResourceExhausted},
		"silence": {check: func(ctx context.Context) (bool, error) { return true, silent(ctx) },
			list: func(ids []string) ([]string, error) { return ids, nil }, brief: true, get: connect.CodeDeadlineExceeded, show: connect.CodeDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ids []string
			f := newFixture(t, func(_ *testing.T, users *directory.Directory) (relation.Engine, directory.Mirror) {
				return &faulty{users.Viewers(), test.check, func(context.Context) ([]string, error) { return test.list(ids) }}, nil
			})
			ids = []string{f.create(t, "plans")}
			if err := f.share(t.Context(), ids[0], "ann"); err != nil {
				t.Fatal(err)
			}
			if _, err := f.as("owner").GetDocument(t.Context(), &demov1.GetDocumentRequest{DocumentId: ids[0]}); err != nil {
				t.Errorf("its owner gets %v", err)
			}
			for _, caller := range []string{"ann", "ben"} {
				ctx := t.Context()
				if test.brief {
					brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
					defer cancel()
					ctx = brief
				}
				got, err := f.as(caller).GetDocument(ctx, &demov1.GetDocumentRequest{DocumentId: ids[0]})
				if connect.CodeOf(err) != test.get || got.GetDocument() != nil {
					t.Errorf("%s gets %v, %v", caller, got, err)
				}
				listed, err := f.as(caller).ListDocuments(ctx, &demov1.ListDocumentsRequest{})
				if connect.CodeOf(err) != test.show || len(listed.GetDocuments()) > 0 {
					t.Errorf("%s lists %v, %v", caller, listed, err)
				}
			}
		})
	}
}
