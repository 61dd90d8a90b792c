package event

import (
	"time"

	"connectrpc.com/connect/v2"
)

// An Outcome is what the gate decided. Its zero value denies.
type Outcome uint8

// The outcomes.
const (
	Deny Outcome = iota
	Allow
)

// String returns "deny" or "allow".
func (o Outcome) String() string {
	if o == Allow {
		return "allow"
	}
	return "deny"
}

// A Stage is a step of the gate, in the order in which the steps run.
type Stage uint8

// The stages.
const (
	// StageLimit counts the call: by its address and its action before its request is
	// read, by its principal after it is authenticated.
	StageLimit Stage = iota
	// StageDecode reads and decodes the request.
	StageDecode
	// StageValidate applies the protovalidate rules.
	StageValidate
	// StageAuthenticate finds out who is calling.
	StageAuthenticate
	// StageLoad loads what the action is about, where its declaration says that.
	StageLoad
	// StageAuthorize looks at the grants.
	StageAuthorize
	// StageName looks at the names of fields that the request holds.
	StageName
	// StageWrite looks at the fields that the request writes.
	StageWrite
	// StageHandle runs the handler: a call that reached it was let through.
	StageHandle
)

var stageNames = [...]string{"limit", "decode", "validate", "authenticate", "load", "authorize", "name", "write", "handle"}

// String returns the stage's name in lower case.
func (s Stage) String() string {
	if int(s) < len(stageNames) {
		return stageNames[s]
	}
	return "unknown"
}

// A Decision is what the gate decided on one call, and why. It is for operators:
// nothing in it reaches the caller. The zero Decision denies.
type Decision struct {
	// Procedure is the RPC, such as "/demo.v1.AccountService/GetUser".
	Procedure string
	// Outcome is whether the call was let through.
	Outcome Outcome
	// Stage is the step that denied, or [StageHandle] on an allow.
	Stage Stage
	// Load is what came of loading what the action is about. What was loaded is in no event.
	Load Load
	// Shadow is what the shadow of the action would have decided.
	Shadow Shadow
	// Code is what the caller was answered on a denial, and 0 on an allow.
	Code connect.Code
	// PrincipalID is who called: empty on an anonymous action, and where the call
	// did not get as far.
	PrincipalID string
	// Scheme is the scheme that authenticated the principal.
	Scheme string
	// Scoped is whether the call came with a credential that carries no more than its
	// scopes.
	Scoped bool
	// Grant says which grant let the call through: "allow[0]", "anyone".
	Grant string
	// Reason says why the call was denied, in words for an operator. It holds no
	// credential and no value of a request field.
	Reason string
	// Grants say, where the grants were looked at and none of them held, what came of
	// each. They show the fields that the grants' expressions read, but for those
	// marked debug_redact.
	Grants []GrantOutcome
	// MissingScopes are the scopes that alone stood between the principal and being
	// let through, if that is so, or those that a scoped credential lacked.
	MissingScopes []string
	// MaxAge is set where the principal authenticated longer ago than the action
	// allows: how long ago it may have.
	MaxAge time.Duration
	// Err is the fault behind a denial that is not the caller's doing, if any.
	Err error
	// Time is when the call reached the gate.
	Time time.Time
	// Duration is how long the gate took, the handler not included.
	Duration time.Duration
}
