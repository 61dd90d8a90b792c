package authn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
)

// kinds names the sentinel errors that an error is.
func kinds(err error) string {
	var is []string
	for name, kind := range map[string]error{
		"none": authn.ErrNoCredential, "invalid": authn.ErrInvalidCredential, "unavailable": authn.ErrUnavailable,
	} {
		if errors.Is(err, kind) {
			is = append(is, name)
		}
	}
	switch {
	case err == nil:
		return "nil"
	case errors.Is(err, context.Canceled) && len(is) == 0:
		return "canceled"
	case len(is) == 0:
		return "fault"
	default:
		return strings.Join(is, "+")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	for name, test := range map[string]struct {
		err        error
		kind, text string
	}{
		"invalid":               {authn.InvalidCredential("session expired"), "invalid", "invalid credential: session expired"},
		"invalid, no reason":    {authn.InvalidCredential(""), "invalid", "invalid credential"},
		"unavailable":           {authn.Unavailable(down), "unavailable", "temporarily unavailable: connection refused"},
		"unavailable, no cause": {authn.Unavailable(nil), "unavailable", "temporarily unavailable"},
		"wrapped":               {fmt.Errorf("redis: %w", authn.Unavailable(down)), "unavailable", "redis: temporarily unavailable: connection refused"},
	} {
		if got := kinds(test.err); got != test.kind || test.err.Error() != test.text {
			t.Errorf("%s: %s: %q", name, got, test.err)
		}
		if causes, ok := test.err.(interface{ Unwrap() []error }); ok && slices.Contains(causes.Unwrap(), nil) {
			t.Errorf("%s: it unwraps to nil, which package errors forbids", name)
		}
	}
	if !errors.Is(authn.Unavailable(down), down) {
		t.Error("the cause is lost")
	}
}

func TestFromLookup(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	invalid := authn.InvalidCredential("user is gone")
	for name, test := range map[string]struct {
		err        error
		ended      bool
		kind, text string
	}{
		"nil":                            {kind: "nil"},
		"nil after the caller left":      {ended: true, kind: "nil"},
		"any error":                      {err: down, kind: "unavailable", text: "temporarily unavailable: look up the user: connection refused"},
		"any error, the caller left":     {err: down, ended: true, kind: "canceled", text: "context canceled"},
		"invalid":                        {err: invalid, kind: "invalid", text: "invalid credential: user is gone"},
		"invalid, wrapped":               {err: fmt.Errorf("users: %w", invalid), kind: "invalid", text: "users: invalid credential: user is gone"},
		"invalid, the caller left":       {err: invalid, ended: true, kind: "canceled", text: "context canceled"},
		"unavailable":                    {err: authn.Unavailable(down), kind: "unavailable", text: "temporarily unavailable: connection refused"},
		"no credential":                  {err: authn.ErrNoCredential, kind: "fault", text: "look up the user: no credential offered"},
		"no credential, wrapped":         {err: fmt.Errorf("users: %w", authn.ErrNoCredential), kind: "fault", text: "look up the user: users: no credential offered"},
		"no credential beside invalid":   {err: errors.Join(authn.ErrNoCredential, invalid), kind: "fault", text: "look up the user: no credential offered\ninvalid credential: user is gone"},
		"no credential, unavailable":     {err: authn.Unavailable(authn.ErrNoCredential), kind: "fault", text: "look up the user: temporarily unavailable: no credential offered"},
		"no credential, the caller left": {err: authn.ErrNoCredential, ended: true, kind: "canceled", text: "context canceled"},
		"another's context ended":        {err: context.DeadlineExceeded, kind: "unavailable", text: "temporarily unavailable: look up the user: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.ended {
				cancel()
			}
			err := authn.FromLookup(ctx, "look up the user", test.err)
			if got := kinds(err); got != test.kind || err != nil && err.Error() != test.text {
				t.Errorf("%s: %v", got, err)
			}
		})
	}
	if !errors.Is(authn.FromLookup(t.Context(), "look up the user", down), down) {
		t.Error("the cause is lost")
	}
}

func TestDenialReasons(t *testing.T) {
	t.Parallel()
	for reason, want := range map[authn.DenialReason]string{
		authn.ReasonUnspecified: "unspecified",
		authn.NoCredential:      "no credential",
		authn.BadCredential:     "bad credential",
		authn.Expired:           "expired",
		authn.NotFresh:          "not fresh",
		authn.InsufficientScope: "insufficient scope",
		6:                       "unknown",
		200:                     "unknown",
	} {
		if got := reason.String(); got != want {
			t.Errorf("%d is %q, want %q", reason, got, want)
		}
	}
	if reason := (authn.Denial{}).Reason; reason != authn.ReasonUnspecified {
		t.Errorf("the zero Denial says %v", reason)
	}
}
