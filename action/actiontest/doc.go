// Package actiontest is for the tests of applications. It makes what a handler takes, so
// that a test can call the handler by itself ([NewCall], [NewClientStream],
// [NewServerStream], [NewBidiStream]); it asks the real gates who may call what
// ([Matrix]), what must be denied and allowed by the declarations alone ([Denials],
// [Allows]), and what is true of every call ([Prove]), with test credentials for any number of schemes ([NewTokens]); and it sets
// the gates' clock ([WithClock]).
//
// What makes calls and streams without a gate works in test binaries only.
package actiontest
