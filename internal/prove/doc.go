// Package prove decides what the declarations of actions let in: whether one lets in what
// another keeps out, and whether an assertion about one is true of every call.
//
// By itself it asks no solver. The conditions that it decides compare their values for
// equality, look for them in lists, ask whether they are set, and order numbers and times.
// Such a condition cannot tell apart two inputs in which the same values are the same, so a
// few inputs stand for all of them: for each value its constants, and as many further
// values as there are places that could hold one. Each of these inputs is decided by the
// gate's own evaluation, package policy, so that what is proved is what runs. A condition
// outside of the fragment is undecided, never proved.
//
// A [Prover] may have solvers, z3 and cvc5, to ask about such conditions: a formula has
// them as terms of package smt. What solvers prove takes two that agree, and what one of
// them refutes takes a call that the gate's own evaluation lets in.
package prove
