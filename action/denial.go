package action

import (
	"context"
	"errors"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
	"github.com/sallyport-rpc/sallyport/internal/wire"
	"github.com/sallyport-rpc/sallyport/limit"
)

// A denial is why a call is not let through: what its caller is told, and what
// operators are.
type denial struct {
	public *connect.Error // for the caller
	reason string         // for operators
	err    error          // the fault behind it, for operators
	cause  error          // what the transport said; not shown

	asked     *asked        // where the grants were looked at
	maxAge    time.Duration // where the caller authenticated too long ago
	scopes    []string      // which a scoped credential lacks, or that alone are missing
	comeAgain time.Duration // after how long a limit has room

	// What is small stands together: each denial is allocated.
	gone       bool               // the caller has left, or has no more time
	looked     bool               // for the scopes that alone are missing
	credential authn.DenialReason // what was wrong with the credentials, for challenges
	per        limit.Per          // what the limit without room counts
}

// asked is what the grants were looked at with.
type asked struct {
	policy *policy.Policy
	input  policy.Input
}

// denialOf returns the denial that an error is. Any other error is a fault.
func denialOf(err error) *denial {
	if reason, ok := errors.AsType[*denial](err); ok {
		return reason
	}
	return fault(err)
}

// outcomes say what came of each grant, where the grants were looked at.
func (d *denial) outcomes(ctx context.Context) []event.GrantOutcome {
	if d.asked == nil {
		return nil
	}
	return d.asked.policy.Explain(ctx, d.asked.input)
}

// missingScopes are those that alone kept the call from being let through.
func (d *denial) missingScopes(ctx context.Context) []string {
	if d.asked != nil && !d.looked {
		d.looked, d.scopes = true, d.asked.policy.MissingScopes(ctx, d.asked.input)
	}
	return d.scopes
}

func (d *denial) Error() string { return d.public.Error() }

func (d *denial) Unwrap() error { return d.cause }

// forChallenge describes the denial to a challenger.
func (d *denial) forChallenge(missingScopes []string) authn.Denial {
	if d.credential == authn.ReasonUnspecified && len(missingScopes) > 0 {
		return authn.Denial{Reason: authn.InsufficientScope, MissingScopes: missingScopes}
	}
	return authn.Denial{Reason: d.credential, MaxAge: d.maxAge, MissingScopes: d.scopes}
}

// What callers are told. The texts are fixed: they say what the caller can do and
// nothing of the rule, the credential or the server.
var (
	errUnauthenticated  = connect.NewError(connect.CodeUnauthenticated, "a valid credential is needed")
	errPermissionDenied = withErrorInfo(connect.NewError(connect.CodePermissionDenied, "not allowed"), "NOT_ALLOWED")
	errInsufficient     = withErrorInfo(connect.NewError(connect.CodePermissionDenied, "the credential's scopes do not allow this"), "INSUFFICIENT_SCOPE")
	errNotFound         = connect.NewError(connect.CodeNotFound, "not found")
	errUnavailable      = connect.NewError(connect.CodeUnavailable, "temporarily unavailable")
	errInternal         = connect.NewError(connect.CodeInternal, "internal error")
	errCanceled         = connect.NewError(connect.CodeCanceled, "canceled")
	errDeadlineExceeded = connect.NewError(connect.CodeDeadlineExceeded, "deadline exceeded")
)

// errorDomain is the domain of the google.rpc.ErrorInfo that callers get; with the
// reason it is a stable name for programs to look at.
const errorDomain = "sallyport"

// withErrorInfo adds the ErrorInfo for a reason to an error.
func withErrorInfo(err *connect.Error, reason string) *connect.Error {
	return err.WithDetail(errorInfo(reason))
}

// errorInfo returns the detail for a reason, with what the Connect protocol says of it in
// JSON: Connect would make that anew for each caller that is denied, and that takes longer
// than to decide on the call.
func errorInfo(reason string) *connect.ErrorDetail {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: errorDomain}
	detail, err := connectproto.NewErrorDetail(info)
	if err != nil {
		return &connect.ErrorDetail{Type: string(info.ProtoReflect().Descriptor().FullName())} // the code alone denies as well
	}
	if text, err := protojson.Marshal(info); err == nil {
		detail.Debug = text
	}
	return detail
}

// fault is the denial of a call that could not be decided.
func fault(err error) *denial {
	return &denial{public: errInternal, reason: "a fault", err: err}
}

// panicked is the denial of a call in which a step of the gate panicked.
func panicked(stage event.Stage, thrown any) *denial {
	return fault(recovered.New(stage.String(), thrown))
}

// interrupted is the denial of a call whose context has ended.
func interrupted(err error) *denial {
	if errors.Is(err, context.DeadlineExceeded) {
		return &denial{public: errDeadlineExceeded, reason: "the call's deadline passed", gone: true}
	}
	return &denial{public: errCanceled, reason: "the caller went away", gone: true}
}

// unauthenticated is the denial that follows from an authenticator's error.
func unauthenticated(ctx context.Context, scheme string, err error) *denial {
	if ctxErr := ctx.Err(); ctxErr != nil {
		return interrupted(ctxErr)
	}
	switch {
	case errors.Is(err, authn.ErrInvalidCredential):
		return &denial{public: errUnauthenticated, reason: wire.Shorten(scheme+": "+err.Error(), mostReason), credential: authn.BadCredential}
	case errors.Is(err, authn.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &denial{public: errUnavailable, reason: scheme + ": unavailable", err: err}
	default:
		return &denial{public: errInternal, reason: scheme + ": a fault", err: err}
	}
}

// denied is the denial that follows from looking at the grants.
func (g *gate) denied(err error, input policy.Input) *denial {
	denial := &denial{public: undecided(err), reason: "a condition could not be decided", err: err, asked: &asked{g.policy, input}}
	switch {
	case err == nil:
		denial.public, denial.reason = errPermissionDenied, "no grant holds"
	case errors.Is(err, policy.ErrCost):
		denial.public, denial.reason, denial.err = errPermissionDenied, err.Error(), nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return interrupted(err)
	}
	if g.conceal && denial.public == errPermissionDenied {
		denial.public = NotFound()
	}
	return denial
}

// undecided is what the caller is told where a rule could not be decided: that it may be there
// later, where that is so.
func undecided(err error) *connect.Error {
	if errors.Is(err, authn.ErrUnavailable) {
		return errUnavailable
	}
	return errInternal
}

// insufficient is the denial of a scoped credential that does not carry what the action
// needs of one. It is the same for every request, so `conceal` has nothing to hide in it.
func (g *gate) insufficient(principal *authn.Principal) *denial {
	missing := g.policy.MissingCredentialScopes(principal)
	reason := "the credential is scoped, and the action takes no scoped credential"
	if len(missing) > 0 {
		reason = "the credential is scoped, and lacks " + strings.Join(missing, ", ")
	}
	return &denial{public: errInsufficient, reason: reason, credential: authn.InsufficientScope, scopes: missing}
}

// NotFound returns the error for what is not there. It reads the same as the denial
// of an action that declares `conceal`, so that a caller cannot tell one from the
// other.
func NotFound() *connect.Error { return errNotFound }
