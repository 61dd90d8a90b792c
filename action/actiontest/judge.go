package actiontest

import (
	"errors"
	"slices"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/internal/validation"
	"github.com/sallyport-rpc/sallyport/limit"
)

// An attempt is one call of an action.
type attempt struct {
	name        string
	credentials []credential
	// requests are the messages of a stream of requests, or the one request.
	requests []proto.Message
	// answers are what the checks say, by their names; one that is not there says no.
	answers map[string]bool
	// full is of which limit there is no room left; zero of none.
	full limit.Per
	// uncounted is which limit cannot be counted, since the limiter fails; zero is none.
	uncounted limit.Per
	now       time.Time
	// load is how the loader of what the action is about fails, from a load on: 0 is the first.
	load      loadFault
	loadsWell int
	// failing is what fails of what the grants ask.
	failing failing
	// answer is what the action answers with, or nil where that is not looked at.
	answer *answer
	// malformed is which message cannot be read, from 1 on; 0 is none.
	malformed int
	// objects are what actions are about. Nil are those that the test has given.
	objects objects
	// later is what the call is like once its handler has received some messages, until the
	// stream is rechecked and after. Nil does not wait for that.
	later *attempt
	after int
	// revoked is whether the registry is told to look again, and that in no time.
	revoked bool
}

// A verdict is what must come of an attempt.
type verdict struct {
	code connect.Code
	// kind and stage are of the event that says so.
	kind  event.Kind
	stage event.Stage
	// grant is what lets the call in, where code is Allowed.
	grant string
	// ran is whether the handler runs, and received how many messages of a stream of
	// requests it gets.
	ran      bool
	received int
	// left is what the handler has of each message of a stream of requests that it gets.
	left []proto.Message
	// handed is what the handler has of its call; nil where that is not looked at.
	handed *unguarded.Handed
	// answer is what the handler answers with, reader who reads it, and response what is left
	// of that; nil where it is not looked at. less is whether that is less than all.
	answer   *answer
	reader   condition.Input
	response proto.Message
	less     bool
}

// denies reports whether the caller does not get all that the call is about.
func (v verdict) denies() bool { return v.code != Allowed || v.less }

// A judge says what must come of calls of one action, by its declaration. It reads the
// declaration by itself: neither a gate nor the package that decides for one is asked,
// but for what an expression says.
type judge struct {
	declaration *declare.Declaration
	hierarchy   *authn.Hierarchy
	validators  *validation.Validators
	objects     objects       // that actions are about
	interval    time.Duration // between rechecks of a stream
	// guardsWrites is whether some field of the contract may be written by some alone.
	guardsWrites bool
	rules        []*declare.FieldRule // of all fields of the contract
}

func (tr *trial) judgeOf(declaration *declare.Declaration) *judge {
	rules := make([]*declare.FieldRule, 0, len(tr.declarations))
	for _, declaration := range tr.declarations {
		rules = append(rules, fieldRulesOf(declaration)...)
	}
	return &judge{
		declaration: declaration, rules: rules, hierarchy: authn.NewHierarchy(declaration.Includes), validators: tr.validators, objects: tr.objects,
		interval: tr.intervals[declaration.Procedure], guardsWrites: slices.ContainsFunc(rules, func(rule *declare.FieldRule) bool { return !rule.AnyoneWrites() }),
	}
}

// fieldRulesOf are the rules of all fields that a declaration knows.
func fieldRulesOf(declaration *declare.Declaration) []*declare.FieldRule {
	rules := slices.Concat(declaration.Fields, declaration.Details)
	if declaration.Writing != nil {
		rules = append(rules, declaration.Writing.Rules...)
	}
	return rules
}

// valid reports whether a message keeps its validation rules. One whose rules do not run
// is not valid.
func (j *judge) valid(message proto.Message) bool {
	return j.validity(message) == Allowed
}

// validity is what a call with a message is answered for its validation rules. One that
// cannot be decided has not been kept.
func (j *judge) validity(message proto.Message) connect.Code {
	validator, err := j.validators.For(message.ProtoReflect().Descriptor())
	if err != nil {
		return connect.CodeInternal
	}
	err = validator.Validate(message)
	if _, invalid := errors.AsType[*protovalidate.ValidationError](err); invalid {
		return connect.CodeInvalidArgument
	}
	if err != nil {
		return connect.CodeInternal
	}
	return Allowed
}

// of says what must come of an attempt.
func (j *judge) of(a *attempt) verdict {
	method, timing := j.declaration.Method, j.declaration.Timing()
	open := timing == sallyportv1.Stream_OPEN
	denied := func(code connect.Code, stage event.Stage) verdict {
		return verdict{code: code, kind: event.Decided, stage: stage}
	}
	early := func(per limit.Per) bool { return (per == limit.Address || per == limit.Action) && j.limits(per) }
	switch {
	case early(a.uncounted):
		return denied(connect.CodeUnavailable, event.StageLimit)
	case early(a.full):
		return denied(connect.CodeResourceExhausted, event.StageLimit)
	}
	var request proto.Message
	if !open && len(a.requests) > 0 {
		request = a.requests[0]
		if a.malformed == 1 {
			return denied(connect.CodeInvalidArgument, event.StageDecode)
		}
		if code := j.validity(request); code != Allowed {
			return denied(code, event.StageValidate)
		}
	}
	principal, code := j.authenticate(a)
	if code != Allowed {
		return denied(code, event.StageAuthenticate)
	}
	switch {
	case a.uncounted == limit.Principal && j.limits(a.uncounted):
		return denied(connect.CodeUnavailable, event.StageLimit)
	case a.full == limit.Principal && j.limits(a.full):
		return denied(connect.CodeResourceExhausted, event.StageLimit)
	}
	counted := &tally{}
	grant, code, stage := j.decide(a, principal, request, counted)
	if code != Allowed {
		return denied(code, stage)
	}
	if open && !method.IsStreamingClient() {
		if a.malformed == 1 {
			return denied(connect.CodeInvalidArgument, event.StageDecode)
		}
		if code := j.validity(a.requests[0]); code != Allowed {
			return denied(code, event.StageValidate)
		}
	}
	var left proto.Message
	if !method.IsStreamingClient() || !open && len(a.requests) > 0 {
		if code := j.names(principal, a.now, a.requests[0]); code != Allowed {
			return denied(code, event.StageName)
		}
		left, code = j.writes(principal, j.resource(a, request), a.now, a.requests[0])
		if code != Allowed {
			return denied(code, event.StageWrite)
		}
	}
	admitted := verdict{kind: event.Decided, stage: event.StageHandle, grant: grant, ran: true}
	admitted.handed = &unguarded.Handed{Principal: principal, Resource: j.resource(a, request)}
	if !method.IsStreamingClient() {
		admitted.handed.Request = left
	} else if left != nil {
		admitted.left = append(admitted.left, left)
	}
	if method.IsStreamingClient() || method.IsStreamingServer() {
		admitted.kind = event.Opened
	}
	return j.messages(a, principal, admitted, counted)
}

// A tally counts how often the gate of a call has loaded, and has asked what is to fail.
type tally struct{ loads, asked int }

// messages says what must come of a stream that was let in: of a recheck, and of the messages
// of a stream of requests.
func (j *judge) messages(a *attempt, principal *authn.Principal, admitted verdict, counted *tally) verdict {
	timing := j.declaration.Timing()
	var subject proto.Message // of a recheck
	if timing != sallyportv1.Stream_OPEN && len(a.requests) > 0 {
		subject = a.requests[0]
	}
	found := a.now // when the caller was looked at last
	seen := sight{now: condition.Input{Principal: principal, Request: subject, Now: a.now}}
	seen.first = seen.now
	requests := a.requests
	if !j.declaration.Method.IsStreamingClient() {
		requests = nil
	}
	for i := 0; ; i++ {
		for a.later != nil && i == a.after {
			found = j.lookedAt(a, principal, found)
			again, code, stage := j.recheck(a.later, found, principal, subject, counted)
			if code != Allowed {
				return verdict{code: code, kind: event.Recheck, stage: stage, ran: true, received: i, left: admitted.left, handed: admitted.handed}
			}
			seen = seen.again(condition.Input{Principal: again, Request: subject, Now: found})
			then := *a.later
			then.now = a.now.Add(j.hold(a))
			a, principal = &then, again
		}
		if i == len(requests) {
			return j.answered(a, seen, admitted)
		}
		message := requests[i]
		ended := verdict{kind: event.Message, ran: true, received: i, left: admitted.left, handed: admitted.handed}
		every := timing == sallyportv1.Stream_EVERY_MESSAGE
		switch {
		case i == 0 && timing != sallyportv1.Stream_OPEN: // it let the stream in
		case a.malformed == i+1:
			ended.code, ended.stage = connect.CodeInvalidArgument, event.StageDecode
			return ended
		default:
			if code := j.validity(message); code != Allowed {
				ended.code, ended.stage = code, event.StageValidate
				return ended
			}
			if !every {
				break
			}
			subject = message
			if _, code, stage := j.decide(a, principal, message, counted); code != Allowed {
				ended.code, ended.stage = code, stage
				return ended
			}
			seen = sight{now: condition.Input{Principal: principal, Request: message, Now: a.now}}
			seen.first = seen.now
		}
		if i > 0 || timing == sallyportv1.Stream_OPEN {
			var stored proto.Message // which later messages of others have none of
			if every {
				stored = j.resource(a, message)
			}
			if code := j.names(principal, a.now, message); code != Allowed {
				ended.code, ended.stage = code, event.StageName
				return ended
			}
			left, code := j.writes(principal, stored, a.now, message)
			if code != Allowed {
				ended.code, ended.stage = code, event.StageWrite
				return ended
			}
			admitted.left = append(admitted.left, left)
		}
		admitted.received++
	}
}

// lookedAt is when the caller of a stream is looked at again, who was found so at a time.
func (j *judge) lookedAt(a *attempt, known *authn.Principal, found time.Time) time.Time {
	at := found.Add(j.interval)
	if expires := known.ExpiresAt(); !expires.IsZero() && expires.Before(at) {
		at = expires
	}
	if a.revoked {
		at = a.now
	}
	return at
}

// recheck says what must come of looking at the caller of a stream again, for what was found
// of the caller.
func (j *judge) recheck(a *attempt, at time.Time, known *authn.Principal, subject proto.Message, counted *tally) (again *authn.Principal, code connect.Code, stage event.Stage) {
	during := *a
	during.now = at
	again, code = j.authenticate(&during)
	if code == Allowed && again.ID() != known.ID() {
		code = connect.CodeUnauthenticated
	}
	if code != Allowed {
		return nil, code, event.StageAuthenticate
	}
	_, code, stage = j.decide(&during, again, subject, counted)
	return again, code, stage
}

func (j *judge) limits(per limit.Per) bool {
	return slices.ContainsFunc(j.declaration.Limits, func(one limit.Limit) bool { return one.Per == per })
}

// refused is what a caller is answered whom no grant lets in.
func (j *judge) refused() connect.Code {
	if j.declaration.Conceal {
		return connect.CodeNotFound
	}
	return connect.CodePermissionDenied
}

// authenticate says who calls, or the code of what is wrong with the credentials. It is
// nil on an anonymous action.
func (j *judge) authenticate(a *attempt) (*authn.Principal, connect.Code) {
	var found *authn.Principal
	for _, scheme := range j.declaration.Schemes {
		at := slices.IndexFunc(a.credentials, func(c credential) bool { return c.scheme == scheme })
		if at < 0 {
			continue
		}
		presented := a.credentials[at]
		if code := presented.fault.code(); code != Allowed {
			return nil, code
		}
		principal := presented.holder.principal()
		if claims := presented.holder.details.Claims; claims != nil && j.declaration.Claims != nil && !j.valid(claims) {
			return nil, connect.CodeInternal
		}
		if end := presented.holder.details.ExpiresAt; !end.IsZero() && !a.now.Before(end) {
			return nil, connect.CodeUnauthenticated
		}
		switch {
		case found == nil:
			found = principal.Bound(scheme, j.hierarchy)
		case found.ID() != principal.ID():
			return nil, connect.CodeUnauthenticated
		default:
			found = found.LimitedBy(principal)
		}
	}
	if j.declaration.Anonymous() {
		return nil, Allowed
	}
	if found == nil || !j.fresh(found.AuthenticatedAt(), a.now) {
		return nil, connect.CodeUnauthenticated
	}
	return found, Allowed
}

// fresh reports whether who authenticated at a time may still call, or may already.
func (j *judge) fresh(at, now time.Time) bool {
	const skew = time.Minute // as sallyport/v1/action.proto says of max_age
	age := j.declaration.MaxAge
	return age == 0 || !at.IsZero() && !at.Before(now.Add(-age)) && !at.After(now.Add(skew))
}
